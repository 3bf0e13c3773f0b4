#include "sync/store/lmdb/lmdb_reading.hpp"

#include <algorithm>

namespace satchel::sync {
namespace {

constexpr std::size_t kKeyPrefixBytes = 4;  // Of a key, in errors.

Bytes key_of(RecordNumber number) {
  Bytes key;
  append_u64_big(key, number);
  return key;
}

Error at_table(Table table, const char* what) {
  return Error{Errc::kStoreCorrupt, std::string{name_of(table)} + ": " + what};
}

}  // namespace

std::string_view name_of(Table table) {
  constexpr std::array<std::string_view, kTableCount> kNames = {
      "state",  "records", "numbers",    "replicas", "meta",    "commits",
      "outbox", "inbox",   "watermarks", "results",  "devices", "users",
      "codes",  "schemas", "scopes",     "audit",    "agenda",  "taken", "members", "references"};
  return kNames[static_cast<std::size_t>(table)];
}

Error at_row(Table table, ByteView key, const Error& error) {
  const bool record = table == Table::kRecords && key.size() == sizeof(RecordNumber);
  const std::string place =
      record ? std::to_string(ByteReader{key}.u64_big()) : to_hex(key.substr(0, kKeyPrefixBytes));
  return Error{error.code, std::string{name_of(table)} + "/" + place + ": " + error.context};
}

Result<std::optional<ByteView>> LmdbReader::get(Table table, ByteView key) {
  if (auto status = core_.usable(); !status) return status.error();
  const auto number = static_cast<std::uint8_t>(table);
  if (StoreTrace* trace = core_.options.trace; trace != nullptr) {
    trace->note_row(StoreTrace::Kind::kGet, number, key);
  }
  MDB_val name = to_mdb(key);
  MDB_val value{};
  const int code = mdb_get(txn_, core_.table(number), &name, &value);
  if (code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE) return std::optional<ByteView>{};
  if (code != 0) return core_.met(at_row(table, key, error_of(code, "get")));
  return std::optional{from_mdb(value)};
}

Result<std::optional<Bytes>> LmdbReader::find(Table table, ByteView key) {
  const auto row = get(table, key);
  if (!row) return row.error();
  if (!*row) return std::optional<Bytes>{};
  std::optional<Bytes> value{std::in_place};
  const Status opened = sealer_.open_row(static_cast<std::uint8_t>(table), key, **row, *value);
  if (!opened) return at_row(table, key, opened.error());
  return value;
}

Result<RecordNumber> LmdbReader::find_number(const crypto::Blinded& blinded) {
  const ByteView key = as_view(blinded);
  const auto row = get(Table::kNumbers, key);
  if (!row) return row.error();
  if (!*row) return RecordNumber{0};
  const auto number = sealer_.open_number_row(key, **row);
  if (!number) return at_row(Table::kNumbers, key, number.error());
  return *number;
}

Status LmdbReader::find_many(std::span<const RecordNumber> numbers,
                             std::vector<StoredRecord>& out) {
  out.resize(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Bytes key = key_of(numbers[i]);
    const auto row = get(Table::kRecords, key);
    if (!row) return row.error();
    if (!*row) {
      out[i] = StoredRecord{};
      continue;
    }
    out[i].number = numbers[i];
    const Status opened = sealer_.open_record(**row, out[i]);
    if (!opened) return at_row(Table::kRecords, key, opened.error());
  }
  return {};
}

Result<Bytes> LmdbReader::open_segment(const StoredRecord& record, const Segment& segment) {
  if (auto status = core_.usable(); !status) return status.error();
  if (!segment.sealed) return segment.bytes;
  Result<Bytes> plain{Bytes{}};
  const Status opened = sealer_.open_segment(record.number, segment, *plain);
  if (!opened) return at_row(Table::kRecords, key_of(record.number), opened.error());
  return plain;
}

Result<std::uint64_t> LmdbReader::count(Table table) {
  MDB_stat stat{};
  const int code = mdb_stat(txn_, core_.table(static_cast<std::uint8_t>(table)), &stat);
  if (code != 0) return error_of(code, "counting");
  return std::uint64_t{stat.ms_entries};
}

Result<RecordNumber> LmdbReader::last_record() {
  SATCHEL_TRY(core_.usable());
  MDB_cursor* opened = nullptr;
  const auto table = static_cast<std::uint8_t>(Table::kRecords);
  if (int code = mdb_cursor_open(txn_, core_.table(table), &opened); code != 0) {
    return error_of(code, "looking for the last record");
  }
  const Cursor cursor{opened};
  MDB_val key{};
  MDB_val value{};
  const int code = mdb_cursor_get(opened, &key, &value, MDB_LAST);
  if (code == MDB_NOTFOUND) return RecordNumber{0};
  if (code != 0) return core_.met(error_of(code, "looking for the last record"));
  return ByteReader{from_mdb(key)}.u64_big();
}

// The whole table was seen: it must add up.
Status LmdbReader::verify(Table table, const TableState& seen, ScanCheck check) {
  const auto at = static_cast<std::size_t>(table);
  TableState expected;
  if (check.state != nullptr) {
    expected = check.state->tables[at];
  } else {
    const auto state = core_.read_state(txn_, sealer_);
    if (!state) return state.error();
    expected = state->tables[at];
  }
  if (seen.count != expected.count) return at_table(table, "rows are missing, or too many");
  if (seen.digest != expected.digest) return at_table(table, "the digest is wrong");
  return {};
}

template <class Visit>
Status LmdbReader::scan_rows(Table table, ByteView from, const Visit& visit, ScanCheck check) {
  SATCHEL_TRY(core_.usable());
  const auto number = static_cast<std::uint8_t>(table);
  MDB_cursor* opened = nullptr;
  if (int code = mdb_cursor_open(txn_, core_.table(number), &opened); code != 0) {
    return error_of(code, "scanning");
  }
  const Cursor cursor{opened};
  const std::uint64_t edits = check.edits == nullptr ? 0 : *check.edits;
  std::uint64_t edits_seen = edits;
  TableState seen;
  Bytes key{from};
  MDB_val name = to_mdb(key);
  MDB_val value{};
  int code = mdb_cursor_get(opened, &name, &value, key.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == 0) {
    key.assign(from_mdb(name));
    const ByteView row = from_mdb(value);
    const auto share = sealer_.share_of(number, key, row);
    if (!share) return at_row(table, key, share.error());
    crypto::RowDigest::toggle(seen.digest, *share);
    ++seen.count;
    const Result<bool> go_on = visit(ByteView{key}, row);
    if (!go_on) return at_row(table, key, go_on.error());
    if (!*go_on) return {};
    MDB_cursor_op next = MDB_NEXT;
    if (check.edits != nullptr && *check.edits != edits_seen) {
      edits_seen = *check.edits;
      name = to_mdb(key);
      code = mdb_cursor_get(opened, &name, &value, MDB_SET_RANGE);
      if (code != 0) break;
      if (from_mdb(name) != key) next = MDB_GET_CURRENT;  // The row is gone; this is the next.
    }
    code = mdb_cursor_get(opened, &name, &value, next);
  }
  if (code != MDB_NOTFOUND) return core_.met(error_of(code, "scanning"));
  // Record numbers start at 1, other keys at the first byte string that is not empty.
  const bool whole = from.empty() || (table == Table::kRecords && from <= key_of(1));
  if (!whole || edits_seen != edits) return {};
  return verify(table, seen, check);
}

Status LmdbReader::scan(Table table, ByteView from, const ReadTxn::RowVisitor& visit,
                        ScanCheck check) {
  Bytes plain;
  const auto open_and_visit = [&](ByteView key, ByteView row) -> Result<bool> {
    const Status opened = sealer_.open_row(static_cast<std::uint8_t>(table), key, row, plain);
    if (!opened) return opened.error();
    return visit(key, plain);
  };
  return scan_rows(table, from, open_and_visit, check);
}

Status LmdbReader::scan_keys(Table table, ByteView from, const ReadTxn::KeyVisitor& visit,
                             ScanCheck check) {
  return scan_rows(
      table, from, [&](ByteView key, ByteView) -> Result<bool> { return visit(key); }, check);
}

Status LmdbReader::scan_records(RecordNumber from, const ReadTxn::RecordVisitor& visit,
                                ScanCheck check) {
  StoredRecord record;
  const auto open_and_visit = [&](ByteView key, ByteView row) -> Result<bool> {
    record.number = ByteReader{key}.u64_big();
    const Status opened = sealer_.open_record(row, record);
    if (!opened) return opened.error();
    return visit(record);
  };
  return scan_rows(Table::kRecords, key_of(from), open_and_visit, check);
}

}  // namespace satchel::sync
