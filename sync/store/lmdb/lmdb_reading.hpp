// What read and write transactions do alike.
#pragma once

#include "sync/store/lmdb/lmdb_core.hpp"

namespace satchel::sync {

struct CursorClose {
  void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
};
using Cursor = std::unique_ptr<MDB_cursor, CursorClose>;

// "records/17: " and "outbox/00000001...: ": table and place, nothing personal.
std::string_view name_of(Table table);
Error at_row(Table table, ByteView key, const Error& error);

// Reads within one transaction. Thread-bound. The transaction and the sealer belong to its owner.
class LmdbReader {
 public:
  LmdbReader(LmdbCore& core, Sealer& sealer, MDB_txn* txn)
      : core_{core}, sealer_{sealer}, txn_{txn} {}

  // Null where there is none. The view is good until the transaction's next write.
  Result<std::optional<ByteView>> get(Table table, ByteView key);
  Result<std::optional<Bytes>> find(Table table, ByteView key);
  Result<RecordNumber> find_number(const crypto::Blinded& blinded);
  Status find_many(std::span<const RecordNumber> numbers, std::vector<StoredRecord>& out);
  Result<Bytes> open_segment(const StoredRecord& record, const Segment& segment);
  Result<std::uint64_t> count(Table table);
  Result<RecordNumber> last_record();

  // `state` is what a scan of a whole table must add up to; null: as the store says of this
  // snapshot. `edits` rises with every write of the transaction: a scan that met one finds its
  // place again, and vouches for nothing.
  struct ScanCheck {
    const StoreState* state = nullptr;
    const std::uint64_t* edits = nullptr;
  };
  Status scan(Table table, ByteView from, const ReadTxn::RowVisitor& visit, ScanCheck check);
  Status scan_keys(Table table, ByteView from, const ReadTxn::KeyVisitor& visit, ScanCheck check);
  Status scan_records(RecordNumber from, const ReadTxn::RecordVisitor& visit, ScanCheck check);

 private:
  // Row by row from `from` on; `visit(key, row)` answers whether to go on.
  template <class Visit>
  Status scan_rows(Table table, ByteView from, const Visit& visit, ScanCheck check);
  Status verify(Table table, const TableState& seen, ScanCheck check);

  LmdbCore& core_;
  Sealer& sealer_;
  MDB_txn* txn_;
};

}  // namespace satchel::sync
