// The server's hot path: a device's write joins into a stored record.
//
//   join_bench [--table | options of Google Benchmark]
//
// With --table it prints lines of the table in docs/PERFORMANCE.md instead.
//
// A record of 20 fields has three classes; a commit touches one of them, of eight fields that were
// written at creation and half of them since by others. It writes two, concurrent with nobody: most
// commits do.
#include <benchmark/benchmark.h>

#include <string_view>

#include <openssl/evp.h>

#include "bench/table.hpp"
#include "crypto/aead.hpp"
#include "schema/model/value.hpp"
#include "sync/record/segment.hpp"

namespace satchel::sync {
namespace {

ReplicaId replica(std::uint8_t number) {
  ReplicaId id;
  id.octets.fill(number);
  return id;
}

Bytes value_of(FieldId field) {
  static constexpr std::size_t kSizes[] = {5, 12, 20, 8, 30, 2, 40, 9};
  return encode_value(Value{std::string(kSizes[field % 8], 'v')});
}

// What is stored: created by one device, then edited field by field by three others.
std::vector<Entry> stored_entries(FieldId fields, std::uint8_t editors) {
  std::vector<Entry> entries;
  for (FieldId field = 1; field <= fields; ++field) {
    Entry entry;
    entry.field = field;
    entry.seq = 100U + field;
    entry.state = written(Dot{replica(9), 1}, Stamp::at_ms(1'700'000'000'000), value_of(field), {});
    if (field % 2 == 0) {
      const Dot edit{replica(static_cast<std::uint8_t>(1 + field % editors)), 40U + field / 4U};
      entry.state = written(edit, Stamp::at_ms(1'700'000'100'000 + field), value_of(field),
                            entry.state.context);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<Entry> two_writes(const std::vector<Entry>& stored) {
  std::vector<Entry> writes;
  for (const std::size_t at : {std::size_t{1}, std::size_t{4}}) {
    Entry write = stored[at];
    write.state = written(Dot{replica(5), 77}, Stamp::at_ms(1'700'000'200'000),
                          value_of(write.field), write.state.context);
    writes.push_back(std::move(write));
  }
  return writes;
}

constexpr FieldId kClassFields = 8;

// One class's segment as it is stored, and two writes into it.
struct Sealed {
  ReplicaNumbers numbers;
  std::vector<Entry> entries = stored_entries(kClassFields, 3);
  std::vector<Entry> writes = two_writes(entries);
  Bytes stored = encode_segment(entries, numbers);
  crypto::SystemEntropy entropy;
  crypto::NonceSource nonces{entropy};
  crypto::AeadKey key{crypto::Key32{}};
  Bytes aad = Bytes(40, 'a');
  Bytes sealed{};
  Bytes plain{};
  Bytes out{};

  Sealed() {
    const Status first = key.seal_with(nonces, aad, stored, sealed);
    benchmark::DoNotOptimize(first);
  }
  void join() {
    auto joined = join_into_segment(stored, writes, 1000, numbers, nullptr);
    benchmark::DoNotOptimize(joined);
  }
  void open_join_seal() {
    plain.clear();
    out.clear();
    const Status opened = key.open_with_nonce(aad, sealed, plain);
    auto joined = join_into_segment(plain, writes, 1000, numbers, nullptr);
    const Status resealed = key.seal_with(nonces, aad, *joined, out);
    benchmark::DoNotOptimize(opened);
    benchmark::DoNotOptimize(resealed);
  }
};

// Budget: 1 us, decode to encode (1,000,000 joins a second and core).
void join_two_of_eight(benchmark::State& state) {
  Sealed sealed;
  for (auto _ : state) sealed.join();
  state.counters["segment_bytes"] = static_cast<double>(sealed.stored.size());
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(join_two_of_eight);

// The slow way to the same bytes, for comparison.
void decode_join_encode(benchmark::State& state) {
  ReplicaNumbers numbers;
  const std::vector<Entry> stored = stored_entries(kClassFields, 3);
  const std::vector<Entry> writes = two_writes(stored);
  const Bytes segment = encode_segment(stored, numbers);
  for (auto _ : state) {
    Record record;
    const Status decoded = decode_segment(segment, PrivacyClass::kCompany, numbers, record.entries);
    benchmark::DoNotOptimize(decoded);
    for (const Entry& write : writes) {
      Entry& entry = record.at(write.field, write.key, write.privacy);
      join_with(entry.state, write.state);
      entry.seq = 1000;
    }
    benchmark::DoNotOptimize(encode_segment(record.entries, numbers));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(decode_join_encode);

// Budget: 2 us. The same with the seal taken off and put on anew, as a store does.
void open_join_seal(benchmark::State& state) {
  Sealed sealed;
  for (auto _ : state) sealed.open_join_seal();
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(open_join_seal);

// Grows with the entries of the class alone: a log or a set of many.
void join_one_of_many(benchmark::State& state) {
  ReplicaNumbers numbers;
  const auto count = static_cast<FieldId>(state.range(0));
  const std::vector<Entry> stored = stored_entries(count, 3);
  const std::vector<Entry> writes = two_writes(stored);
  const Bytes segment = encode_segment(stored, numbers);
  for (auto _ : state) {
    auto joined = join_into_segment(segment, writes, 1000, numbers, nullptr);
    benchmark::DoNotOptimize(joined);
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(join_one_of_many)->RangeMultiplier(4)->Range(8, 8192)->Complexity(benchmark::oN);

// Budget: 0.5 us for the page of one changed record.
void transcode_eight(benchmark::State& state) {
  ReplicaNumbers numbers;
  const Bytes segment = encode_segment(stored_entries(kClassFields, 3), numbers);
  std::vector<ReplicaNumber> to_number(numbers.size());
  for (std::size_t i = 0; i < to_number.size(); ++i) {
    to_number[i] = static_cast<ReplicaNumber>(to_number.size() - 1 - i);
  }
  for (auto _ : state) {
    auto transcoded = transcode_segment(segment, to_number, nullptr);
    benchmark::DoNotOptimize(transcoded);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(transcode_eight);

void decode_eight(benchmark::State& state) {
  ReplicaNumbers numbers;
  const Bytes segment = encode_segment(stored_entries(kClassFields, 3), numbers);
  std::vector<Entry> entries;
  for (auto _ : state) {
    entries.clear();
    const Status decoded = decode_segment(segment, PrivacyClass::kCompany, numbers, entries);
    benchmark::DoNotOptimize(decoded);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(decode_eight);

// ---- The table ----

// Processor seconds of one call: the least of nine runs of a tenth of a second or so.
template <class Work>
double seconds_each(const Work& work) {
  constexpr int kCalls = 50'000;
  std::vector<double> samples;
  for (int run = 0; run < 9; ++run) {
    const double begun = bench::processor_seconds();
    for (int i = 0; i < kCalls; ++i) work();
    samples.push_back((bench::processor_seconds() - begun) / kCalls);
  }
  return bench::least(samples);
}

// OpenSSL alone: what seal and open of so many bytes cost.
double raw_seal_and_open_s(std::size_t size) {
  const std::vector<unsigned char> key(32, 'k');
  const std::vector<unsigned char> nonce(12, 'n');
  const std::vector<unsigned char> aad(40, 'a');
  std::vector<unsigned char> text(size + 16, 't');
  std::vector<unsigned char> out(size + 16);
  using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
  const Cipher ciphers[] = {{EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free},
                            {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}};
  for (const int sealing : {0, 1}) {
    EVP_CipherInit_ex(ciphers[sealing].get(), EVP_aes_256_gcm(), nullptr, key.data(), nullptr,
                      sealing);
  }
  return seconds_each([&] {
    for (const int sealing : {0, 1}) {
      EVP_CIPHER_CTX* const cipher = ciphers[sealing].get();
      int written = 0;
      EVP_CipherInit_ex(cipher, nullptr, nullptr, nullptr, nonce.data(), sealing);
      EVP_CipherUpdate(cipher, nullptr, &written, aad.data(), 40);
      EVP_CipherUpdate(cipher, out.data(), &written, text.data(), static_cast<int>(size));
      if (sealing == 1) EVP_CipherFinal_ex(cipher, out.data(), &written);
    }
    benchmark::DoNotOptimize(out.data());
  });
}

void print_table() {
  Sealed sealed;
  const std::size_t size = sealed.stored.size();
  Bytes copy;
  const double copy_s = seconds_each([&] {
    copy.assign(sealed.stored);
    benchmark::DoNotOptimize(copy.data());
  });
  const double raw_s = copy_s + raw_seal_and_open_s(size);
  const double join_s = seconds_each([&] { sealed.join(); });
  const double all_s = seconds_each([&] { sealed.open_join_seal(); });
  const std::string bytes = " of " + std::to_string(size) + " B: ";
  const auto rate = [](double seconds) { return bench::format("%.0f/s", 1 / seconds); };
  bench::print({"join of a 2-field write into a record of 20 fields, per core", rate(join_s),
                ">= 1,000,000/s", 1 / join_s >= 1e6,
                "memcpy" + bytes + bench::format("%.0f ns", copy_s * 1e9), join_s / copy_s});
  bench::print({"the same with open and seal, per core", rate(all_s), ">= 500,000/s",
                1 / all_s >= 5e5,
                "memcpy and AES-256-GCM both ways" + bytes + bench::format("%.0f ns", raw_s * 1e9),
                all_s / raw_s});
}

}  // namespace
}  // namespace satchel::sync

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view{argv[1]} == "--table") {
    satchel::sync::print_table();
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
