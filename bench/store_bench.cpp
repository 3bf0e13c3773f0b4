// The sealed store against its own limit: the same puts, gets, seals and commits, recorded from the
// product and replayed on LMDB and OpenSSL without it. The target is at least 0.70 of the limit.
//
//   store_bench [--records 100000] [--rounds 3] [--folder /tmp]
//
// Prints lines of the table in docs/PERFORMANCE.md: the least of the rounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <unistd.h>

#include "bench/replay.hpp"
#include "bench/table.hpp"
#include "crypto/entropy.hpp"
#include "crypto/key_provider.hpp"
#include "schema/model/varint.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"

namespace satchel::bench {
namespace {

using namespace satchel::sync;

constexpr std::size_t kBatch = 1000;  // Records of one call and one commit.
constexpr const char* kPhases[] = {"batch put", "durable commit", "point read", "scan"};
constexpr std::size_t kPhaseCount = std::size(kPhases);
constexpr std::size_t kScanPhase = 3;

struct Setting {
  std::size_t records = 100'000;
  std::size_t commits = 200;
  std::size_t reads = 100'000;
  int rounds = 3;
  std::string folder = std::filesystem::temp_directory_path().string();
};

// Wall time, and this thread's processor time: on a busy machine only the second can be compared.
struct Times {
  double wall = 0;
  double cpu = 0;
};
class Stopwatch {
 public:
  Stopwatch() : wall_{std::chrono::steady_clock::now()}, cpu_{cpu_seconds()} {}
  [[nodiscard]] Times stop() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - wall_;
    return {wall.count(), cpu_seconds() - cpu_};
  }

 private:
  static double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  }
  std::chrono::steady_clock::time_point wall_;
  double cpu_;
};

RecordId id_of(std::uint64_t n) {
  RecordId id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.octets[i] = static_cast<std::uint8_t>((n * 0x9E3779B97F4A7C15ULL) >> (8 * i));
    id.octets[8 + i] = static_cast<std::uint8_t>(n >> (8 * i));
  }
  return id;
}

// A contact, roughly: a header and three classes of 60 to 250 bytes.
StoredRecord record_of(std::uint64_t n) {
  StoredRecord record;
  record.header.assign(36, 'h');
  const PrivacyClass classes[] = {PrivacyClass::kCompany, PrivacyClass::kBusinessContact,
                                  PrivacyClass::kPersonal};
  for (const PrivacyClass privacy : classes) {
    Segment segment;
    segment.privacy = privacy;
    segment.bytes.assign(60 + (n * 37 + static_cast<std::size_t>(privacy) * 59) % 190, 's');
    record.segments.push_back(std::move(segment));
  }
  return record;
}

// ---- The product ----

void put_batches(LmdbStore& store, const Setting& setting) {
  std::vector<StoredRecord> records;
  for (std::size_t first = 0; first < setting.records; first += kBatch) {
    const auto txn = take(store.begin_write());
    records.clear();
    for (std::size_t n = first; n < std::min(first + kBatch, setting.records); ++n) {
      records.push_back(record_of(n));
      records.back().number = take(txn->number_for(id_of(n)));
    }
    take(txn->put_many(records));
    take(txn->commit());
  }
}

// What a device writes for one edit: the record anew, and the outbox entry.
void commit_edits(LmdbStore& store, const Setting& setting, std::mt19937_64& random) {
  std::vector<StoredRecord> found;
  for (std::size_t i = 0; i < setting.commits; ++i) {
    const auto txn = take(store.begin_write());
    const auto numbers = take(txn->find_numbers(std::vector{id_of(random() % setting.records)}));
    take(txn->find_many(numbers, found));
    Segment& edited = found[0].segments[i % found[0].segments.size()];
    edited.bytes = take(txn->open_segment(found[0], edited));
    edited.sealed = false;
    take(txn->put_many(found));
    Bytes key;
    append_u64_big(key, i);
    take(txn->put(Table::kOutbox, key, Bytes(180, 'o'), PrivacyClass::kPersonal));
    take(txn->commit());
  }
}

void read_points(LmdbStore& store, const Setting& setting, std::mt19937_64& random) {
  std::vector<StoredRecord> found;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < setting.reads; ++i) {
    const auto txn = take(store.begin_read());
    const RecordId id = id_of(random() % setting.records);
    take(txn->find_many(take(txn->find_numbers({&id, 1})), found));
    for (const Segment& segment : found[0].segments) {
      bytes += take(txn->open_segment(found[0], segment)).size();
    }
  }
  if (bytes == 0) give_up("nothing was read");
}

void scan_all(LmdbStore& store, const Setting& setting) {
  const auto txn = take(store.begin_read());
  std::size_t count = 0;
  take(txn->scan_records(0, [&](StoredRecord& record) {
    for (const Segment& segment : record.segments) take(txn->open_segment(record, segment));
    return ++count > 0;
  }));
  if (count != setting.records) give_up("records are missing");
}

struct Run {
  std::array<Times, kPhaseCount> times{};
  Times opened{};  // The store, with its structure and digests looked over.
  std::array<std::size_t, kPhaseCount> ends{};  // Of each phase in the trace.
};

Run run_product(const Setting& setting, const std::string& folder, StoreTrace* trace) {
  crypto::MemoryKeyProvider provider;
  crypto::SystemEntropy entropy;
  LmdbOptions options;
  options.trace = trace;
  auto store = take(LmdbStore::create(folder, options, provider, entropy));
  if (trace != nullptr) *trace = {};
  Run run;
  std::mt19937_64 random{42};
  std::size_t phase = 0;
  const auto measure = [&](const auto& work) {
    const Stopwatch watch;
    work();
    run.times[phase] = watch.stop();
    run.ends[phase++] = trace == nullptr ? 0 : trace->operations.size();
  };
  measure([&] { put_batches(*store, setting); });
  measure([&] { commit_edits(*store, setting, random); });
  measure([&] { read_points(*store, setting, random); });
  store.reset();
  const Stopwatch watch;
  store = take(LmdbStore::open(folder, options, provider, entropy));
  run.opened = watch.stop();
  if (trace != nullptr) run.ends[kScanPhase - 1] = trace->operations.size();
  measure([&] { scan_all(*store, setting); });
  return run;
}

// ---- The comparison ----

Times least(const std::vector<Run>& runs, std::size_t phase) {
  Times times = runs[0].times[phase];
  for (const Run& run : runs) {
    times.wall = std::min(times.wall, run.times[phase].wall);
    times.cpu = std::min(times.cpu, run.times[phase].cpu);
  }
  return times;
}

Run run_limit(const StoreTrace& trace, const std::string& folder, const Run& traced) {
  Replay replay{trace, folder};
  Run run;
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    const Stopwatch watch;
    if (phase == kScanPhase) replay.begin_scan();
    replay.run_to(traced.ends[phase]);
    run.times[phase] = watch.stop();
  }
  return run;
}

void compare(const Setting& setting) {
  const std::string home = setting.folder + "/satchel-store-bench-" + std::to_string(getpid());
  const auto fresh = [&](const char* name) {
    std::filesystem::remove_all(home + "/" + name);
    std::filesystem::create_directories(home + "/" + name);
    return home + "/" + name;
  };
  StoreTrace trace;
  const Run traced = run_product(setting, fresh("traced"), &trace);
  std::vector<Run> product;
  std::vector<Run> limit;
  for (int round = 0; round < setting.rounds; ++round) {
    product.push_back(run_product(setting, fresh("product"), nullptr));
    limit.push_back(run_limit(trace, fresh("limit"), traced));
  }
  std::filesystem::remove_all(home);

  const std::size_t counts[] = {setting.records, setting.commits, setting.reads, setting.records};
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    const Times ours = least(product, phase);
    const Times raw = least(limit, phase);
    const double each = 1e6 / static_cast<double>(counts[phase]);
    const double ratio = raw.wall / ours.wall;
    const double cpu_ratio = raw.cpu / ours.cpu;
    const auto text = [each](const Times& times) {
      return format("%.1f us", times.wall * each) +
             format(" (%.1f of processor)", times.cpu * each);
    };
    print({std::string{"sealed store: "} + kPhases[phase], text(ours),
           phase == kScanPhase ? "-" : ">= 0.7x", ratio >= 0.7,
           "its trace without the product: " + text(raw), ratio,
           format(" (%.2f of processor)", cpu_ratio)});
  }
  Times opened = product[0].opened;
  for (const Run& run : product) opened.cpu = std::min(opened.cpu, run.opened.cpu);
  print({"sealed store: open, with its structure and digests looked over",
         format("%.1f ms of processor", opened.cpu * 1e3), "-", true});
}

}  // namespace
}  // namespace satchel::bench

int main(int argc, char** argv) {
  satchel::bench::Setting setting;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--records") setting.records = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--commits") setting.commits = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--reads") setting.reads = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--rounds") setting.rounds = std::atoi(argv[i + 1]);
    if (name == "--folder") setting.folder = argv[i + 1];
  }
  satchel::bench::compare(setting);
}
