#include "sync/store/lmdb/data_file.hpp"
#include "sync/store/lmdb/lmdb_reading.hpp"

namespace satchel::sync {
namespace {

// Thread-bound: one pass over one snapshot.
class Check {
 public:
  Check(LmdbCore& core, ReaderSlot& slot)
      : core_{core}, sealer_{slot.sealer}, txn_{slot.txn.get()} {}

  Status run(Store::CheckReport& report) {
    const auto state = core_.read_state(txn_, sealer_);
    if (!state) {
      report.bad.push_back(state.error().context);
      return {};
    }
    ++report.values;
    for (std::uint8_t table = 1; table < kTableCount; ++table) {
      SATCHEL_TRY(check_table(static_cast<Table>(table), state->tables[table], report));
    }
    return {};
  }

 private:
  Status check_table(Table table, const TableState& expected, Store::CheckReport& report) {
    const auto number = static_cast<std::uint8_t>(table);
    MDB_cursor* opened = nullptr;
    if (int code = mdb_cursor_open(txn_, core_.table(number), &opened); code != 0) {
      return error_of(code, "checking");
    }
    const Cursor cursor{opened};
    TableState seen;
    MDB_val name{};
    MDB_val value{};
    int code = 0;
    while ((code = mdb_cursor_get(opened, &name, &value, MDB_NEXT)) == 0) {
      const ByteView key = from_mdb(name);
      const ByteView row = from_mdb(value);
      ++seen.count;
      const auto share = sealer_.share_of(number, key, row);
      if (share) crypto::RowDigest::toggle(seen.digest, *share);
      const Status checked = check_value(table, key, row, report);
      if (checked && !has_row_format(row)) {
        report.bad.push_back(odd_format(number, key).context);
      } else if (!checked) {
        report.bad.push_back(at_row(table, key, checked.error()).context);
        if (table == Table::kOutbox) report.bad_outbox.emplace_back(key);
        if (table == Table::kRecords) report.bad_records.push_back(ByteReader{key}.u64_big());
      }
    }
    if (code != MDB_NOTFOUND) return core_.met(error_of(code, "checking"));
    const std::string name_of_table{name_of(table)};
    if (seen.count != expected.count) report.bad.push_back(name_of_table + ": count");
    if (seen.digest != expected.digest) report.bad.push_back(name_of_table + ": digest");
    return {};
  }

  Status check_value(Table table, ByteView key, ByteView row, Store::CheckReport& report) {
    ++report.values;
    if (table == Table::kRecords) return check_record(key, row, report);
    if (table == Table::kNumbers) {
      const auto number = sealer_.open_number_row(key, row);
      return number ? Status{} : Status{number.error()};
    }
    return unless_locked(sealer_.open_row(static_cast<std::uint8_t>(table), key, row, plain_));
  }

  Status check_record(ByteView key, ByteView row, Store::CheckReport& report) {
    if (key.size() != sizeof(RecordNumber)) return Error{Errc::kStoreCorrupt, "key"};
    record_.number = ByteReader{key}.u64_big();
    SATCHEL_TRY(sealer_.open_record(row, record_));
    for (const Segment& segment : record_.segments) {
      ++report.values;
      SATCHEL_TRY(unless_locked(sealer_.open_segment(record_.number, segment, plain_)));
    }
    return {};
  }

  // What is locked or shredded cannot be opened, and is vouched for by header and digest.
  static Status unless_locked(Status opened) {
    if (!opened &&
        (opened.error().code == Errc::kClassLocked || opened.error().code == Errc::kKeyShredded)) {
      return {};
    }
    return opened;
  }

  LmdbCore& core_;
  Sealer& sealer_;
  MDB_txn* txn_;
  StoredRecord record_;
  Bytes plain_;
};

}  // namespace

Result<Store::CheckReport> check_store(LmdbCore& core) {
  Store::CheckReport report;
  std::unique_ptr<ReaderSlot> slot;
  {
    // The writer waits while the file is looked over: its pages must not move under the walk.
    const std::lock_guard guard{core.writer};
    if (auto status = core.usable(); !status) return status.error();
    report.bad = std::exchange(core.mended, {});
    const auto file = examine_data_file(core.path, kFormatKey);
    if (!file && (file.error().code == Errc::kFileRead ||
                  file.error().code == Errc::kLimitExceeded)) {
      return file.error();  // It was not looked at.
    }
    if (!file) report.bad.push_back("data file: " + file.error().context);
    auto taken = core.take_reader();
    if (!taken) return taken.error();
    slot = std::move(*taken);
  }
  const Status done = Check{core, *slot}.run(report);
  core.give_back(std::move(slot));
  if (!done) return done.error();
  return report;
}

}  // namespace satchel::sync
