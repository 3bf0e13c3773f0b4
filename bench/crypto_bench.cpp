// What each record pays for its seal. Budgets beside each.
#include <benchmark/benchmark.h>

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "crypto/keyring.hpp"

namespace satchel::crypto {
namespace {

// Budget: 10 ns (one call to the generator for each nonce costs 640 ns).
void nonce_next(benchmark::State& state) {
  SystemEntropy entropy;
  NonceSource nonces{entropy};
  for (auto _ : state) benchmark::DoNotOptimize(nonces.next());
}
BENCHMARK(nonce_next);

// Budget: 0.3 us. A table byte and a record id: what blinding costs.
void hmac_short(benchmark::State& state) {
  const HmacKey key{Bytes(32, 'k')};
  const Bytes message(17, 'm');
  for (auto _ : state) benchmark::DoNotOptimize(key.mac(message));
}
BENCHMARK(hmac_short);

// Budget: 150 ns for a row key of 8 bytes.
void row_digest(benchmark::State& state) {
  RowDigest digest{Key32{}};
  const Bytes row(static_cast<std::size_t>(state.range(0)), 'r');
  std::uint64_t tag = 0;
  for (auto _ : state) benchmark::DoNotOptimize(digest.of(1, row, ++tag));
}
BENCHMARK(row_digest)->Arg(8)->Arg(32);

// Budget: 0.6 us for 256 bytes, nonce included.
void aead_seal(benchmark::State& state) {
  SystemEntropy entropy;
  NonceSource nonces{entropy};
  AeadKey key{Key32{}};
  const Bytes aad(40, 'a');
  const Bytes plaintext(static_cast<std::size_t>(state.range(0)), 'p');
  Bytes out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(key.seal_with(nonces, aad, plaintext, out));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(aead_seal)->Arg(32)->Arg(256)->Arg(4096);

// Budget: 0.6 us for 256 bytes.
void aead_open(benchmark::State& state) {
  AeadKey key{Key32{}};
  const Bytes aad(40, 'a');
  Bytes sealed;
  key.seal(Nonce{}, aad, Bytes(static_cast<std::size_t>(state.range(0)), 'p'), sealed);
  Bytes out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(key.open(Nonce{}, aad, sealed, out));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(aead_open)->Arg(32)->Arg(256)->Arg(4096);

}  // namespace
}  // namespace satchel::crypto

BENCHMARK_MAIN();
