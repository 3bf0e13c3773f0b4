// The server's hot path: a device's write joins into a stored record.
//
// A record of 20 fields has three classes; a commit touches one of them, of eight fields that were
// written at creation and half of them since by others. It writes two, concurrent with nobody: most
// commits do.
#include <benchmark/benchmark.h>

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

// Budget: 1 us, decode to encode (1,000,000 joins a second and core).
void join_two_of_eight(benchmark::State& state) {
  ReplicaNumbers numbers;
  const std::vector<Entry> stored = stored_entries(kClassFields, 3);
  const std::vector<Entry> writes = two_writes(stored);
  const Bytes segment = encode_segment(stored, numbers);
  for (auto _ : state) {
    auto joined = join_into_segment(segment, writes, 1000, numbers, nullptr);
    benchmark::DoNotOptimize(joined);
  }
  state.counters["segment_bytes"] = static_cast<double>(segment.size());
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
  ReplicaNumbers numbers;
  const std::vector<Entry> stored = stored_entries(kClassFields, 3);
  const std::vector<Entry> writes = two_writes(stored);
  crypto::SystemEntropy entropy;
  crypto::NonceSource nonces{entropy};
  crypto::AeadKey key{crypto::Key32{}};
  const Bytes aad(40, 'a');
  Bytes sealed;
  const Status first = key.seal_with(nonces, aad, encode_segment(stored, numbers), sealed);
  benchmark::DoNotOptimize(first);
  Bytes plain;
  Bytes out;
  for (auto _ : state) {
    plain.clear();
    out.clear();
    const Status opened = key.open_with_nonce(aad, sealed, plain);
    auto joined = join_into_segment(plain, writes, 1000, numbers, nullptr);
    const Status resealed = key.seal_with(nonces, aad, *joined, out);
    benchmark::DoNotOptimize(opened);
    benchmark::DoNotOptimize(resealed);
  }
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

}  // namespace
}  // namespace satchel::sync

BENCHMARK_MAIN();
