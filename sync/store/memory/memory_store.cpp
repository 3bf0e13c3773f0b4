#include "sync/store/memory/memory_store.hpp"

#include <utility>

#include "schema/model/varint.hpp"
#include "sync/store/check_row.hpp"

namespace satchel::sync {
namespace {

// Reads one version. Thread-bound. Base is ReadTxn or WriteTxn, which share these calls.
template <class Base>
class MemoryReading : public Base {
 public:
  explicit MemoryReading(MemoryVersion version) : version_{std::move(version)} {}

  Result<std::optional<Bytes>> find(Table table, ByteView key) override {
    const auto* value = rows(table).find(Bytes{key});
    if (value == nullptr) return std::optional<Bytes>{};
    return std::optional<Bytes>{**value};
  }
  Status scan(Table table, ByteView from, const ReadTxn::RowVisitor& visit) override {
    const MemoryVersion::Rows seen = rows(table);
    before_scan();
    seen.scan(Bytes{from}, [&](const Bytes& key, const std::shared_ptr<const Bytes>& value) {
      return visit(key, *value);
    });
    return {};
  }
  Status scan_keys(Table table, ByteView from, const ReadTxn::KeyVisitor& visit) override {
    if (table != Table::kRecords) {
      return scan(table, from, [&](ByteView key, ByteView) { return visit(key); });
    }
    const auto visit_number = [&](StoredRecord& record) {
      Bytes key;
      append_u64_big(key, record.number);
      return visit(key);
    };
    return scan_records(from.empty() ? 0 : ByteReader{from}.u64_big(), visit_number);
  }
  Result<std::vector<RecordNumber>> find_numbers(std::span<const RecordId> ids) override {
    std::vector<RecordNumber> found;
    found.reserve(ids.size());
    for (const RecordId& id : ids) {
      const RecordNumber* number = version_.numbers.find(id);
      found.push_back(number == nullptr ? 0 : *number);
    }
    return found;
  }
  Status find_many(std::span<const RecordNumber> numbers, std::vector<StoredRecord>& out) override {
    out.resize(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto* record = version_.records.find(numbers[i]);
      out[i] = record == nullptr ? StoredRecord{} : **record;
    }
    return {};
  }
  Status scan_records(RecordNumber from, const ReadTxn::RecordVisitor& visit) override {
    const auto visit_copy = [&](RecordNumber, const std::shared_ptr<const StoredRecord>& stored) {
      StoredRecord record = *stored;
      return visit(record);
    };
    const MemoryVersion::Records seen = version_.records;
    before_scan();
    seen.scan(from, visit_copy);
    return {};
  }
  Result<Bytes> open_segment(const StoredRecord&, const Segment& segment) override {
    return segment.bytes;
  }
  Result<std::uint64_t> count_records() override { return version_.records.size(); }
  Result<RecordNumber> last_record() override {
    RecordNumber last = 0;
    // Tests' engine: a walk is good enough.
    version_.records.scan(1, [&](RecordNumber number, const auto&) {
      last = number;
      return true;
    });
    return last;
  }

 protected:
  // A writer may edit while it scans: what it scans must be a version that its later edits leave
  // alone.
  virtual void before_scan() {}
  MemoryVersion::Rows& rows(Table table) {
    SATCHEL_ASSERT(static_cast<std::size_t>(table) < kTableCount && table > Table::kReplicas);
    return version_.tables[static_cast<std::size_t>(table)];
  }
  MemoryVersion version_;
};

class MemoryReadTxn final : public MemoryReading<ReadTxn> {
 public:
  using MemoryReading::MemoryReading;
};

}  // namespace

// Edits a version of its own until commit makes it the disk's. Thread-bound.
class MemoryWriteTxn final : public MemoryReading<WriteTxn> {
 public:
  MemoryWriteTxn(MemoryStore& store, std::unique_lock<std::mutex> writer)
      : MemoryReading{store.disk_->newest()},
        store_{store},
        disk_{store.disk_},
        writer_{std::move(writer)},
        token_{disk_->next_token()} {}

  Status put(Table table, ByteView key, ByteView value, PrivacyClass) override {
    SATCHEL_TRY(writable());
    SATCHEL_TRY(check_row(table, key, value.size()));
    rows(table).put(Bytes{key}, std::make_shared<const Bytes>(value), token_);
    return {};
  }
  Status erase(Table table, ByteView key) override {
    SATCHEL_TRY(writable());
    SATCHEL_TRY(check_row(table, key, 0));
    rows(table).erase(Bytes{key}, token_);
    return {};
  }
  Result<RecordNumber> number_for(const RecordId& id) override {
    if (const RecordNumber* number = version_.numbers.find(id)) return *number;
    if (auto status = writable(); !status) return status.error();
    const RecordNumber number = version_.next_number++;
    version_.numbers.put(id, number, token_);
    return number;
  }
  Status put_many(std::span<StoredRecord> records) override {
    for (StoredRecord& record : records) {
      SATCHEL_TRY(writable());
      SATCHEL_ASSERT(record.number != 0 && record.number < version_.next_number);
      record.revision = ++version_.revision;
      for (Segment& segment : record.segments) {
        if (!segment.sealed) segment.revision = record.revision;
      }
      version_.records.put(record.number, std::make_shared<const StoredRecord>(record), token_);
    }
    return {};
  }
  Status erase_record(RecordNumber number, const RecordId& id) override {
    SATCHEL_TRY(writable());
    version_.records.erase(number, token_);
    version_.numbers.erase(id, token_);
    return {};
  }
  Status commit() override { return finish(false); }
  Status commit_lazily() override { return finish(true); }

 private:
  Status finish(bool lazily) {
    SATCHEL_ASSERT(!ended_);
    const Status failed = writable();
    ended_ = true;
    if (failed) {
      add_replicas();
      disk_->append(version_, lazily);
    }
    writer_.unlock();
    return failed;
  }
  void before_scan() override { token_ = disk_->next_token(); }
  // A transaction that met an error is over: nothing of it will be there.
  Status writable() {
    SATCHEL_ASSERT(!ended_);
    SATCHEL_TRY(store_.usable());
    if (failed_) return Error{*failed_, "the transaction failed earlier"};
    Status due = disk_->next_operation();
    if (!due) {
      failed_ = due.error().code;
      if (*failed_ == Errc::kStoreLatched) store_.latched_ = true;
    }
    return due;
  }
  void add_replicas() {
    const std::size_t known = version_.replicas == nullptr ? 0 : version_.replicas->size();
    const std::size_t count = store_.numbers_.size();
    if (known == count) return;
    auto replicas = std::make_shared<std::vector<ReplicaId>>();
    if (known > 0) *replicas = *version_.replicas;
    for (std::size_t n = known; n < count; ++n) {
      ReplicaId id;
      SATCHEL_ASSERT(store_.numbers_.id_of(static_cast<ReplicaNumber>(n), id));
      replicas->push_back(id);
    }
    version_.replicas = std::move(replicas);
  }

  MemoryStore& store_;
  const std::shared_ptr<MemoryDisk> disk_;
  std::unique_lock<std::mutex> writer_;
  std::uint64_t token_;
  std::optional<Errc> failed_;
  bool ended_ = false;
};

Result<std::unique_ptr<MemoryStore>> MemoryStore::open(std::shared_ptr<MemoryDisk> disk) {
  {
    const std::lock_guard lock{disk->mutex_};
    if (disk->open_) return Error{Errc::kStoreBusy, "another store is open on this memory disk"};
    disk->open_ = true;
  }
  return std::unique_ptr<MemoryStore>{new MemoryStore{std::move(disk)}};
}

MemoryStore::MemoryStore(std::shared_ptr<MemoryDisk> disk) : disk_{std::move(disk)} {
  const MemoryVersion version = disk_->newest();
  if (version.replicas != nullptr) {
    for (const ReplicaId& id : *version.replicas) numbers_.number_of(id);
  }
  const std::lock_guard lock{disk_->mutex_};
  epoch_ = disk_->epoch_;
}

MemoryStore::~MemoryStore() {
  const std::lock_guard lock{disk_->mutex_};
  if (disk_->epoch_ == epoch_) disk_->open_ = false;
}

Status MemoryStore::usable() const {
  const std::lock_guard lock{disk_->mutex_};
  if (latched_ || disk_->epoch_ != epoch_) {
    return Error{Errc::kStoreLatched, "open the store again"};
  }
  return {};
}

Result<std::unique_ptr<ReadTxn>> MemoryStore::begin_read() {
  if (auto status = usable(); !status) return status.error();
  return std::unique_ptr<ReadTxn>{std::make_unique<MemoryReadTxn>(disk_->newest())};
}

Result<std::unique_ptr<WriteTxn>> MemoryStore::begin_write() {
  std::unique_lock writer{disk_->writer_};
  if (auto status = usable(); !status) return status.error();
  return std::unique_ptr<WriteTxn>{std::make_unique<MemoryWriteTxn>(*this, std::move(writer))};
}

// Nothing here can rot; what can be wrong is our own bookkeeping.
Status MemoryStore::sync() {
  SATCHEL_TRY(usable());
  disk_->sync_lazy();
  return {};
}

Result<Store::CheckReport> MemoryStore::check() {
  if (auto status = usable(); !status) return status.error();
  const MemoryVersion version = disk_->newest();
  CheckReport report;
  for (std::size_t table = 0; table < kTableCount; ++table) {
    std::uint64_t count = 0;
    version.tables[table].scan(Bytes{}, [&](const Bytes&, const auto&) { return ++count > 0; });
    if (count != version.tables[table].size()) {
      report.bad.push_back("table " + std::to_string(table) + ": count");
    }
    report.values += count;
  }
  version.records.scan(0, [&](RecordNumber number, const auto& record) {
    if (record->number != number) report.bad.push_back("records/" + std::to_string(number));
    return ++report.values > 0;
  });
  return report;
}

}  // namespace satchel::sync
