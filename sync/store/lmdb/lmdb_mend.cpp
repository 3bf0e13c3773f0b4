// Puts right the one octet of a row that can be known without the row: its format (row_format.hpp).
#include "sync/store/lmdb/lmdb_reading.hpp"

namespace satchel::sync {
namespace {

Status write_row(MDB_txn* txn, MDB_dbi table, ByteView key) {
  MDB_val name = to_mdb(key);
  MDB_val value{};
  if (int code = mdb_get(txn, table, &name, &value); code != 0) return error_of(code, "mending");
  Bytes row{from_mdb(value)};
  row.front() = static_cast<char>(kRowFormat);
  name = to_mdb(key);
  value = to_mdb(row);
  if (int code = mdb_put(txn, table, &name, &value, 0); code != 0) return error_of(code, "mending");
  return {};
}

Status write_rows(LmdbCore& core, std::span<const OddRow> odd) {
  auto txn = begin_txn(core.environment.get(), 0);
  if (!txn) return txn.error();
  for (const OddRow& each : odd)
    SATCHEL_TRY(write_row(txn->get(), core.table(each.table), each.key));
  StoreState state = core.state;
  state.transaction = mdb_txn_id(txn->get());
  state.seals = core.seals();
  Bytes row;
  SATCHEL_TRY(put_state(core, txn->get(), state, row));
  SATCHEL_TRY(commit_txn(std::move(*txn), "mending"));
  core.state = state;
  return {};
}

}  // namespace

Error odd_format(std::uint8_t table, ByteView key) {
  const Error error{Errc::kStoreCorrupt, "the row's format is damaged; it was read without"};
  return at_row(static_cast<Table>(table), key, error);
}

Status mend_formats(LmdbCore& core, std::span<const OddRow> odd) {
  if (odd.empty()) return {};
  const Status written = write_rows(core, odd);
  // They are read as they are; a full disk must not keep the store shut.
  if (!written) {
    return written.error().code == Errc::kStoreLatched ? written : Status{};
  }
  for (const OddRow& each : odd) {
    core.mended.push_back(odd_format(each.table, each.key).context + ", and is put right");
  }
  return {};
}

}  // namespace satchel::sync
