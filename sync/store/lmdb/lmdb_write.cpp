#include <algorithm>

#include <boost/unordered/unordered_flat_map.hpp>

#include "sync/store/check_row.hpp"
#include "sync/store/lmdb/lmdb_reading.hpp"
#include "sync/store/lmdb/room.hpp"

namespace satchel::sync {
namespace {

using Kind = StoreTrace::Kind;

// A number given out in this transaction. They are written at commit, sorted by their random keys,
// because random insertions one by one touch a page each.
struct NewNumber {
  crypto::Blinded blinded{};
  RecordNumber number = 0;  // 0: taken back.
};

// Invariant: `state_` says what the tables hold with everything written so far, new numbers aside.
class LmdbWriteTxn final : public WriteTxn {
 public:
  LmdbWriteTxn(LmdbCore& core, std::unique_lock<std::mutex> writer, Txn txn)
      : core_{core},
        writer_{std::move(writer)},
        txn_{std::move(txn)},
        sealer_{*core.sealer},
        reader_{core, sealer_, txn_.get()},
        state_{core.state} {}

  Result<std::optional<Bytes>> find(Table table, ByteView key) override {
    return reader_.find(table, key);
  }
  Status scan(Table table, ByteView from, const RowVisitor& visit) override {
    return reader_.scan(table, from, visit, {&state_, &edits_});
  }
  Status scan_keys(Table table, ByteView from, const KeyVisitor& visit) override {
    return reader_.scan_keys(table, from, visit, {&state_, &edits_});
  }
  Result<std::vector<RecordNumber>> find_numbers(std::span<const RecordId> ids) override;
  Status find_many(std::span<const RecordNumber> numbers, std::vector<StoredRecord>& out) override {
    return reader_.find_many(numbers, out);
  }
  Status scan_records(RecordNumber from, const RecordVisitor& visit) override {
    return reader_.scan_records(from, visit, {&state_, &edits_});
  }
  Result<Bytes> open_segment(const StoredRecord& record, const Segment& segment) override {
    return reader_.open_segment(record, segment);
  }
  Result<std::uint64_t> count_records() override { return reader_.count(Table::kRecords); }
  Result<RecordNumber> last_record() override { return reader_.last_record(); }

  Status put(Table table, ByteView key, ByteView value, PrivacyClass privacy) override;
  Status erase(Table table, ByteView key) override;
  Result<RecordNumber> number_for(const RecordId& id) override;
  Status put_many(std::span<StoredRecord> records) override;
  Status erase_record(RecordNumber number, const RecordId& id) override;
  Status commit() override { return finish(false); }
  Status commit_lazily() override { return finish(true); }

 private:
  // Remembers an error: nothing of this transaction will be there.
  Status ended_by(Status status) {
    if (!status && !failed_) failed_ = core_.met(status.error());
    return status;
  }
  Status writable() {
    SATCHEL_ASSERT(txn_ != nullptr);
    ++edits_;
    if (failed_) return *failed_;
    return core_.usable();
  }
  Result<RecordNumber> find_number(const RecordId& id, crypto::Blinded& blinded);
  Result<MDB_cursor*> cursor(Table table);
  Status put_sealed(Table table, ByteView key, ByteView value, PrivacyClass privacy);
  Status put_row(Table table, ByteView key, ByteView row);
  Status put_new_row(Table table, ByteView key, ByteView row, unsigned flags);
  Status erase_row(Table table, ByteView key);
  Status put_record(StoredRecord& record);
  Status find_last_record();
  Status make_room(bool lazily);
  Status finish(bool lazily);
  Status flush();
  Status add_share(Table table, ByteView key, ByteView row);
  void note(Kind kind, Table table, ByteView key, std::size_t size = 0) {
    if (core_.options.trace == nullptr) return;
    core_.options.trace->note_row(kind, static_cast<std::uint8_t>(table), key, size);
  }
  TableState& table_state(Table table) { return state_.tables[static_cast<std::size_t>(table)]; }

  LmdbCore& core_;
  std::unique_lock<std::mutex> writer_;
  Txn txn_;
  std::array<Cursor, kTableCount> cursors_;  // Gone before the transaction.
  Sealer& sealer_;
  LmdbReader reader_;
  StoreState state_;
  std::uint64_t edits_ = 0;
  std::optional<Error> failed_;
  std::optional<RecordNumber> last_record_;  // The highest number in the table.
  boost::unordered_flat_map<RecordId, std::size_t, std::hash<RecordId>> new_by_id_;
  std::vector<NewNumber> new_numbers_;
  std::size_t replica_count_ = 0;  // Durable with this commit.
  bool is_new_work_ = false;       // Of the app on a device.
  bool is_answer_ = false;         // Written lazily: to work that has its place already.
  std::uint64_t put_bytes_ = 0;
  std::uint64_t erased_bytes_ = 0;
  Bytes row_;
  std::vector<StoredRecord*> order_;
};

Result<RecordNumber> LmdbWriteTxn::find_number(const RecordId& id, crypto::Blinded& blinded) {
  if (const auto at = new_by_id_.find(id); at != new_by_id_.end()) {
    return new_numbers_[at->second].number;
  }
  blinded = sealer_.blind(id);
  return reader_.find_number(blinded);
}

Result<std::vector<RecordNumber>> LmdbWriteTxn::find_numbers(std::span<const RecordId> ids) {
  std::vector<RecordNumber> numbers;
  numbers.reserve(ids.size());
  crypto::Blinded blinded{};
  for (const RecordId& id : ids) {
    const auto number = find_number(id, blinded);
    if (!number) return number.error();
    numbers.push_back(*number);
  }
  return numbers;
}

Result<RecordNumber> LmdbWriteTxn::number_for(const RecordId& id) {
  crypto::Blinded blinded{};
  const auto known = find_number(id, blinded);
  if (!known || *known != 0) return known;
  if (auto status = ended_by(writable()); !status) return status.error();
  const RecordNumber number = state_.next_number++;
  new_by_id_[id] = new_numbers_.size();
  new_numbers_.push_back({blinded, number});
  return number;
}

Result<MDB_cursor*> LmdbWriteTxn::cursor(Table table) {
  Cursor& kept = cursors_[static_cast<std::size_t>(table)];
  if (kept == nullptr) {
    MDB_cursor* opened = nullptr;
    const MDB_dbi handle = core_.table(static_cast<std::uint8_t>(table));
    if (int code = mdb_cursor_open(txn_.get(), handle, &opened); code != 0) {
      return error_of(code, "opening a cursor");
    }
    kept.reset(opened);
  }
  return kept.get();
}

Status LmdbWriteTxn::add_share(Table table, ByteView key, ByteView row) {
  const auto share = sealer_.share_of(static_cast<std::uint8_t>(table), key, row);
  if (!share) return at_row(table, key, share.error());
  crypto::RowDigest::toggle(table_state(table).digest, *share);
  return {};
}

// Of a key that the table does not have.
Status LmdbWriteTxn::put_new_row(Table table, ByteView key, ByteView row, unsigned flags) {
  const auto at = cursor(table);
  if (!at) return at.error();
  note((flags & MDB_APPEND) != 0 ? Kind::kAppend : Kind::kPut, table, key, row.size());
  MDB_val name = to_mdb(key);
  MDB_val bytes = to_mdb(row);
  if (int code = mdb_cursor_put(*at, &name, &bytes, flags); code != 0) {
    return at_row(table, key, error_of(code, "put"));
  }
  ++table_state(table).count;
  is_new_work_ |= table == Table::kOutbox;
  is_answer_ |= table == Table::kCommits;
  put_bytes_ += row.size();
  return add_share(table, key, row);
}

Status LmdbWriteTxn::put_row(Table table, ByteView key, ByteView row) {
  const auto at = cursor(table);
  if (!at) return at.error();
  MDB_val name = to_mdb(key);
  MDB_val before{};
  note(Kind::kGet, table, key);
  const int found = mdb_cursor_get(*at, &name, &before, MDB_SET);
  if (found == MDB_NOTFOUND) return put_new_row(table, key, row, 0);
  if (found != 0) return at_row(table, key, error_of(found, "put"));
  SATCHEL_TRY(add_share(table, key, from_mdb(before)));  // Takes it out again.
  put_bytes_ += row.size();
  erased_bytes_ += before.mv_size;
  note(Kind::kPut, table, key, row.size());
  name = to_mdb(key);
  MDB_val bytes = to_mdb(row);
  if (int code = mdb_cursor_put(*at, &name, &bytes, MDB_CURRENT); code != 0) {
    return at_row(table, key, error_of(code, "put"));
  }
  return add_share(table, key, row);
}

Status LmdbWriteTxn::erase_row(Table table, ByteView key) {
  const auto at = cursor(table);
  if (!at) return at.error();
  MDB_val name = to_mdb(key);
  MDB_val before{};
  note(Kind::kErase, table, key);
  const int found = mdb_cursor_get(*at, &name, &before, MDB_SET);
  if (found == MDB_NOTFOUND) return {};
  if (found != 0) return at_row(table, key, error_of(found, "erase"));
  SATCHEL_TRY(add_share(table, key, from_mdb(before)));
  erased_bytes_ += before.mv_size;
  if (int code = mdb_cursor_del(*at, 0); code != 0) {
    return at_row(table, key, error_of(code, "erase"));
  }
  --table_state(table).count;
  return {};
}

Status LmdbWriteTxn::put_sealed(Table table, ByteView key, ByteView value, PrivacyClass privacy) {
  const auto number = static_cast<std::uint8_t>(table);
  SATCHEL_TRY(sealer_.seal_row({number, key, privacy, ++state_.revision}, value, row_));
  return put_row(table, key, row_);
}

Status LmdbWriteTxn::put(Table table, ByteView key, ByteView value, PrivacyClass privacy) {
  SATCHEL_TRY(ended_by(writable()));
  SATCHEL_TRY(ended_by(check_row(table, key, value.size())));
  return ended_by(put_sealed(table, key, value, privacy));
}

Status LmdbWriteTxn::erase(Table table, ByteView key) {
  SATCHEL_TRY(ended_by(writable()));
  SATCHEL_TRY(ended_by(check_row(table, key, 0)));
  return ended_by(erase_row(table, key));
}

Status LmdbWriteTxn::find_last_record() {
  if (last_record_) return {};
  const auto at = cursor(Table::kRecords);
  if (!at) return at.error();
  MDB_val key{};
  MDB_val value{};
  const int code = mdb_cursor_get(*at, &key, &value, MDB_LAST);
  if (code != 0 && code != MDB_NOTFOUND) return error_of(code, "the last record");
  last_record_ = code == 0 ? ByteReader{from_mdb(key)}.u64_big() : 0;
  return {};
}

Status LmdbWriteTxn::put_record(StoredRecord& record) {
  SATCHEL_ASSERT(record.number != 0 && record.number < state_.next_number);
  record.revision = ++state_.revision;
  SATCHEL_TRY(sealer_.seal_record(record, row_));
  Bytes key;
  append_u64_big(key, record.number);
  if (record.number <= *last_record_) return put_row(Table::kRecords, key, row_);
  SATCHEL_TRY(put_new_row(Table::kRecords, key, row_, MDB_APPEND));
  last_record_ = record.number;
  return {};
}

Status LmdbWriteTxn::put_many(std::span<StoredRecord> records) {
  SATCHEL_TRY(ended_by(writable()));
  SATCHEL_TRY(ended_by(find_last_record()));
  const auto rising = [](const auto& a, const auto& b) { return a.number < b.number; };
  if (std::is_sorted(records.begin(), records.end(), rising)) {
    for (StoredRecord& record : records) SATCHEL_TRY(ended_by(put_record(record)));
    return {};
  }
  order_.clear();
  for (StoredRecord& record : records) order_.push_back(&record);
  std::stable_sort(order_.begin(), order_.end(),
                   [](const auto* a, const auto* b) { return a->number < b->number; });
  for (StoredRecord* record : order_) SATCHEL_TRY(ended_by(put_record(*record)));
  return {};
}

Status LmdbWriteTxn::erase_record(RecordNumber number, const RecordId& id) {
  SATCHEL_TRY(ended_by(writable()));
  Bytes key;
  append_u64_big(key, number);
  SATCHEL_TRY(ended_by(erase_row(Table::kRecords, key)));
  last_record_.reset();
  if (const auto at = new_by_id_.find(id); at != new_by_id_.end()) {
    new_numbers_[at->second].number = 0;
    new_by_id_.erase(at);
    return {};
  }
  return ended_by(erase_row(Table::kNumbers, as_view(sealer_.blind(id))));
}

// Everything that waited for the commit.
Status LmdbWriteTxn::flush() {
  std::sort(new_numbers_.begin(), new_numbers_.end(),
            [](const NewNumber& a, const NewNumber& b) { return a.blinded < b.blinded; });
  for (const NewNumber& added : new_numbers_) {
    if (added.number == 0) continue;
    const ByteView key = as_view(added.blinded);
    const auto row = sealer_.number_row(key, added.number);
    SATCHEL_TRY(put_new_row(Table::kNumbers, key, {row.data(), row.size()}, 0));
  }
  for (std::size_t n = core_.replicas_durable; n < replica_count_; ++n) {
    ReplicaId id;
    SATCHEL_ASSERT(core_.numbers.id_of(static_cast<ReplicaNumber>(n), id));
    Bytes key;
    for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(n >> shift);
    SATCHEL_TRY(put_sealed(Table::kReplicas, key, id.bytes(), PrivacyClass::kStructure));
  }
  state_.transaction = mdb_txn_id(txn_.get());
  state_.seals = core_.seals();
  return put_state(core_, txn_.get(), state_, row_);
}

// What takes away, or hardly adds, goes on where the disk is full: it uses what is kept for it.
Status LmdbWriteTxn::make_room(bool lazily) {
  const bool grows = put_bytes_ > erased_bytes_ + kSmallGrowthBytes && !(lazily && is_answer_);
  const std::string room = core_.path.substr(0, core_.path.rfind('/')) + "/room";
  if (is_new_work_ || grows) return keep_room(core_.environment.get(), room);
  use_room(core_.environment.get(), room, put_bytes_);
  return {};
}

Status LmdbWriteTxn::finish(bool lazily) {
  SATCHEL_ASSERT(txn_ != nullptr);
  replica_count_ = core_.numbers.size();
  const bool empty = edits_ == 0 && replica_count_ == core_.replicas_durable;
  Status done = failed_ ? Status{*failed_} : core_.usable();
  if (done && !empty) done = ended_by(flush());
  if (done && !empty) done = ended_by(make_room(lazily));
  for (Cursor& kept : cursors_) kept.reset();
  if (done && !empty) {
    if (StoreTrace* trace = core_.options.trace; trace != nullptr) trace->note(Kind::kCommit);
    if (core_.options.step_hook) core_.options.step_hook("before commit");
    // Without the sync of LMDB's meta page: the data is on disk, and what the page before it points
    // to is not written over until a later commit has synced this one. Only the writer, whom the
    // lock makes one, looks at the flag.
    if (lazily) mdb_env_set_flags(core_.environment.get(), MDB_NOMETASYNC, 1);
    done = commit_txn(std::move(txn_), "commit");
    if (lazily) mdb_env_set_flags(core_.environment.get(), MDB_NOMETASYNC, 0);
    if (done) core_.lazy = lazily;
    if (!done) {
      done = core_.met(done.error());
    } else {
      if (core_.options.step_hook) core_.options.step_hook("after commit");
      core_.state = state_;
      core_.replicas_durable = replica_count_;
    }
  }
  txn_.reset();
  writer_.unlock();
  return done;
}

}  // namespace

std::unique_ptr<WriteTxn> make_write_txn(LmdbCore& core, std::unique_lock<std::mutex> writer,
                                         Txn txn) {
  return std::make_unique<LmdbWriteTxn>(core, std::move(writer), std::move(txn));
}

}  // namespace satchel::sync
