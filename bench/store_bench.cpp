// The sealed store against its own limit: the same puts, gets, seals and commits, recorded from the
// product and replayed on LMDB and OpenSSL without it. The target is at least 0.70 of the limit.
//
//   store_bench [--records 100000] [--rounds 3] [--folder /tmp]
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

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "crypto/entropy.hpp"
#include "crypto/key_provider.hpp"
#include "schema/model/varint.hpp"
#include "sync/store/lmdb/environment.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"

namespace satchel::sync {
namespace {

constexpr std::size_t kBatch = 1000;  // Records of one call and one commit.
constexpr std::size_t kAadBytes = 40;
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

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "store_bench: %s\n", why.c_str());
  std::exit(1);
}
template <class T>
T take(Result<T> result) {
  if (!result) give_up(result.error().message());
  return std::move(*result);
}
void take(const Status& status) {
  if (!status) give_up(status.error().message());
}

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

// ---- The limit ----

class RawSeal {
 public:
  RawSeal() {
    std::array<unsigned char, 32> key{};
    RAND_bytes(key.data(), key.size());
    EVP_EncryptInit_ex(seal_, EVP_aes_256_gcm(), nullptr, key.data(), nullptr);
    EVP_DecryptInit_ex(open_, EVP_aes_256_gcm(), nullptr, key.data(), nullptr);
  }
  ~RawSeal() {
    EVP_CIPHER_CTX_free(seal_);
    EVP_CIPHER_CTX_free(open_);
  }
  RawSeal(const RawSeal&) = delete;
  RawSeal& operator=(const RawSeal&) = delete;

  void seal(std::size_t size) {
    if (left_ == 0) {
      RAND_bytes(nonces_.data(), static_cast<int>(nonces_.size()));
      left_ = nonces_.size() / 12;
    }
    --left_;
    int written = 0;
    EVP_EncryptInit_ex(seal_, nullptr, nullptr, nullptr, nonces_.data() + left_ * 12);
    EVP_EncryptUpdate(seal_, nullptr, &written, aad_.data(), kAadBytes);
    EVP_EncryptUpdate(seal_, out(size), &written, plain(size), static_cast<int>(size));
    EVP_EncryptFinal_ex(seal_, out_.data() + size, &written);
    EVP_CIPHER_CTX_ctrl(seal_, EVP_CTRL_AEAD_GET_TAG, 16, out_.data() + size);
  }
  // Opens bytes where they lie. They were never sealed, so that the tag is wrong: the work is the
  // same.
  void open(const unsigned char* at, std::size_t size) {
    int written = 0;
    EVP_DecryptInit_ex(open_, nullptr, nullptr, nullptr, at);
    EVP_DecryptUpdate(open_, nullptr, &written, aad_.data(), kAadBytes);
    EVP_DecryptUpdate(open_, out(size), &written, at + 12, static_cast<int>(size));
    EVP_CIPHER_CTX_ctrl(open_, EVP_CTRL_AEAD_SET_TAG, 16, tag_.data());
    if (EVP_DecryptFinal_ex(open_, out_.data() + size, &written) == 1) give_up("a forgery");
  }

 private:
  unsigned char* out(std::size_t size) {
    if (out_.size() < size + 16) out_.resize(size + 16);
    return out_.data();
  }
  const unsigned char* plain(std::size_t size) {
    if (plain_.size() < size) plain_.resize(size, 'p');
    return plain_.data();
  }
  EVP_CIPHER_CTX* seal_ = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* open_ = EVP_CIPHER_CTX_new();
  std::array<unsigned char, 512 * 12> nonces_{};
  std::array<unsigned char, 16> tag_{};
  std::array<unsigned char, kAadBytes> aad_{};
  std::size_t left_ = 0;
  std::vector<unsigned char> plain_;
  std::vector<unsigned char> out_;
};

void check(int code) {
  if (code != 0) give_up(mdb_strerror(code));
}

class Replay {
 public:
  Replay(const StoreTrace& trace, const std::string& folder)
      : trace_{trace}, environment_{take(open_environment(folder, kDeviceMapBytes, 20, 126))} {
    const Txn txn = take(begin_txn(environment_.get(), 0));
    for (std::size_t table = 0; table < tables_.size(); ++table) {
      const std::string name = "table" + std::to_string(table);
      check(mdb_dbi_open(txn.get(), name.c_str(), MDB_CREATE, &tables_[table]));
    }
    check(mdb_txn_commit(const_cast<Txn&>(txn).release()));
  }

  Run run(const Run& product) {
    Run run;
    std::size_t at = 0;
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      const Stopwatch watch;
      if (phase == kScanPhase) begin_scan();
      for (; at < product.ends[phase]; ++at) step(trace_.operations[at]);
      run.times[phase] = watch.stop();
    }
    return run;
  }

 private:
  using Kind = StoreTrace::Kind;

  void step(const StoreTrace::Operation& operation) {
    switch (operation.kind) {
      case Kind::kBeginRead:
        if (reader_ == nullptr) {
          reader_ = take(begin_txn(environment_.get(), MDB_RDONLY));
        } else {
          check(mdb_txn_renew(reader_.get()));
        }
        return;
      case Kind::kEndRead:
        mdb_txn_reset(reader_.get());
        return;
      case Kind::kBeginWrite:
        writer_ = take(begin_txn(environment_.get(), 0));
        return;
      case Kind::kCommit:
        for (MDB_cursor*& cursor : cursors_) {
          if (cursor != nullptr) mdb_cursor_close(cursor);
          cursor = nullptr;
        }
        check(mdb_txn_commit(writer_.release()));
        return;
      case Kind::kGet:
        return get(operation);
      case Kind::kPut:
        return put(operation, 0);
      case Kind::kAppend:
        return put(operation, MDB_APPEND);
      case Kind::kErase:
        return;
      case Kind::kSeal:
        return seal_.seal(operation.size);
      case Kind::kOpen:
        return open(operation.size);
    }
  }
  void get(const StoreTrace::Operation& operation) {
    MDB_val key = to_mdb(trace_.key_of(operation));
    MDB_val value{};
    MDB_txn* txn = writer_ != nullptr ? writer_.get() : reader_.get();
    const int code = mdb_get(txn, tables_[operation.table], &key, &value);
    if (code == MDB_NOTFOUND) return;
    check(code);
    row_ = from_mdb(value);
    row_at_ = 0;
  }
  void put(const StoreTrace::Operation& operation, unsigned flags) {
    MDB_cursor*& cursor = cursors_[operation.table];
    if (cursor == nullptr) check(mdb_cursor_open(writer_.get(), tables_[operation.table], &cursor));
    if (value_.size() < operation.size) value_.resize(operation.size, 'v');
    MDB_val key = to_mdb(trace_.key_of(operation));
    MDB_val value = to_mdb(ByteView{value_}.substr(0, operation.size));
    check(mdb_cursor_put(cursor, &key, &value, flags));
  }
  // Opens the next `size` bytes of the row that was found last; a scan goes to the next row at its
  // end.
  void open(std::size_t size) {
    const std::size_t needed = size + 28;
    if (row_.size() < row_at_ + needed) {
      row_at_ = 0;
      if (scan_ != nullptr) next_row();
    }
    if (row_.size() < needed) row_ = ByteView{value_};  // The state row, which is not in the trace.
    seal_.open(reinterpret_cast<const unsigned char*>(row_.data()) + row_at_, size);
    row_at_ += needed;
  }
  void begin_scan() {
    scan_txn_ = take(begin_txn(environment_.get(), MDB_RDONLY));
    check(mdb_cursor_open(scan_txn_.get(), tables_[1], &scan_));
  }
  void next_row() {
    MDB_val key{};
    MDB_val value{};
    if (mdb_cursor_get(scan_, &key, &value, MDB_NEXT) == 0) row_ = from_mdb(value);
  }

  const StoreTrace& trace_;
  Environment environment_;
  std::array<MDB_dbi, kTableCount> tables_{};
  std::array<MDB_cursor*, kTableCount> cursors_{};
  Txn reader_;
  Txn writer_;
  Txn scan_txn_;
  MDB_cursor* scan_ = nullptr;
  RawSeal seal_;
  Bytes value_ = Bytes(4096, 'v');
  ByteView row_;  // Found last.
  std::size_t row_at_ = 0;
};

// ---- The comparison ----

Times least(const std::vector<Run>& runs, std::size_t phase) {
  Times times = runs[0].times[phase];
  for (const Run& run : runs) {
    times.wall = std::min(times.wall, run.times[phase].wall);
    times.cpu = std::min(times.cpu, run.times[phase].cpu);
  }
  return times;
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
    limit.push_back(Replay{trace, fresh("limit")}.run(traced));
  }
  std::filesystem::remove_all(home);

  const std::size_t counts[] = {setting.records, setting.commits, setting.reads, setting.records};
  std::printf("least of %d rounds; %zu records, %zu operations in the trace\n", setting.rounds,
              setting.records, trace.operations.size());
  std::printf("%-16s %12s %12s %8s %12s %12s %8s\n", "", "us each", "limit", "ratio", "cpu us each",
              "limit", "ratio");
  Times opened = product[0].opened;
  for (const Run& run : product) {
    if (run.opened.cpu < opened.cpu) opened = run.opened;
  }
  std::printf("open: %.1f ms (cpu %.1f ms)\n", opened.wall * 1e3, opened.cpu * 1e3);
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    const Times ours = least(product, phase);
    const Times raw = least(limit, phase);
    const double each = 1e6 / static_cast<double>(counts[phase]);
    std::printf("%-16s %12.2f %12.2f %8.2f %12.2f %12.2f %8.2f\n", kPhases[phase], ours.wall * each,
                raw.wall * each, raw.wall / ours.wall, ours.cpu * each, raw.cpu * each,
                raw.cpu / ours.cpu);
  }
}

}  // namespace
}  // namespace satchel::sync

int main(int argc, char** argv) {
  satchel::sync::Setting setting;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--records") setting.records = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--commits") setting.commits = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--reads") setting.reads = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--rounds") setting.rounds = std::atoi(argv[i + 1]);
    if (name == "--folder") setting.folder = argv[i + 1];
  }
  satchel::sync::compare(setting);
}
