#include "sync/store/lmdb/lmdb_reading.hpp"

namespace satchel::sync {
namespace {

class LmdbReadTxn final : public ReadTxn {
 public:
  LmdbReadTxn(LmdbCore& core, std::unique_ptr<ReaderSlot> slot)
      : core_{core}, slot_{std::move(slot)}, reader_{core, slot_->sealer, slot_->txn.get()} {}
  ~LmdbReadTxn() override { core_.give_back(std::move(slot_)); }

  Result<std::optional<Bytes>> find(Table table, ByteView key) override {
    return reader_.find(table, key);
  }
  Status scan(Table table, ByteView from, const RowVisitor& visit) override {
    return reader_.scan(table, from, visit, {});
  }
  Status scan_keys(Table table, ByteView from, const KeyVisitor& visit) override {
    return reader_.scan_keys(table, from, visit, {});
  }
  Result<std::vector<RecordNumber>> find_numbers(std::span<const RecordId> ids) override {
    std::vector<RecordNumber> numbers;
    numbers.reserve(ids.size());
    for (const RecordId& id : ids) {
      const auto number = reader_.find_number(slot_->sealer.blind(id));
      if (!number) return number.error();
      numbers.push_back(*number);
    }
    return numbers;
  }
  Status find_many(std::span<const RecordNumber> numbers, std::vector<StoredRecord>& out) override {
    return reader_.find_many(numbers, out);
  }
  Status scan_records(RecordNumber from, const RecordVisitor& visit) override {
    return reader_.scan_records(from, visit, {});
  }
  Result<Bytes> open_segment(const StoredRecord& record, const Segment& segment) override {
    return reader_.open_segment(record, segment);
  }
  Result<std::uint64_t> count_records() override { return reader_.count(Table::kRecords); }
  Result<RecordNumber> last_record() override { return reader_.last_record(); }

 private:
  LmdbCore& core_;
  std::unique_ptr<ReaderSlot> slot_;
  LmdbReader reader_;
};

}  // namespace

std::unique_ptr<ReadTxn> make_read_txn(LmdbCore& core, std::unique_ptr<ReaderSlot> slot) {
  return std::make_unique<LmdbReadTxn>(core, std::move(slot));
}

}  // namespace satchel::sync
