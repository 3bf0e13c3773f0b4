// What is held while a pass takes its place, record by record (sync.md, Restores and clones).
#include <utility>

#include "sync/edge/apply.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {

// Nothing but a state of an earlier reading is known of it so far.
bool EdgeApply::only_stale(const Held& held) {
  return held.stale != 0 && !held.fresh && held.record.entries.empty() && held.fields.empty();
}

// Keeps what its author sees as it is: the sequence is of another life and says nothing here.
Status EdgeApply::fold_stale(RecordNumber number, const RecordWrite& write,
                             const PendingCommit& commit, const wire::CommitResult& result) {
  std::vector<StoredRecord> found;
  const Status read = txn_.find_many(std::span{&number, 1}, found);
  if (!read) return is_damage(read.error().code) ? Status{} : read;
  if (found.front().number == 0) return {};
  auto record = open_record(txn_, found.front(), edge_.store().numbers());
  if (!record) return is_damage(record.error().code) ? Status{} : Status{record.error()};
  const Dot dot{commit.header.replica, commit.header.number};
  RecordChange change{write.collection, write.id, number, result.seq, false, {}};
  for (const RegisterWrite& each : write.writes) {
    if (is_taken_out(result, write.id, each.field)) continue;
    apply_write(*record, each, dot, Stamp{commit.header.stamp});
    change.fields.push_back(each.field);
  }
  StoredRecord stored = to_stored(*record, number, edge_.store().numbers());
  SATCHEL_TRY(txn_.put_many(std::span{&stored, 1}));
  changes_.push_back(std::move(change));
  return {};
}

// Without its name, which its header may not give any more, the number stays taken: whoever finds
// it so lets go of it.
Status EdgeApply::erase_one(RecordNumber number) {
  std::vector<StoredRecord> found;
  RecordName name;
  const Status read = txn_.find_many(std::span{&number, 1}, found);
  if (read) {
    if (const auto named = decode_name(found.front().header)) name = *named;
  } else if (!is_damage(read.error().code)) {
    return read;
  }
  if (read) SATCHEL_TRY(note_dropped(found.front()));
  if (name.collection != 0) changes_.push_back({name.collection, name.id, number, 0, true, {}});
  return txn_.erase_record(number, name.id);
}

Status EdgeApply::drop(RecordNumber through) {
  std::vector<RecordNumber> numbers;
  SATCHEL_TRY(txn_.scan_keys(Table::kRecords, number_key(1), [&](ByteView key) {
    const RecordNumber number = ByteReader{key}.u64_big();
    if (number <= through) numbers.push_back(number);
    return number <= through;
  }));
  return drop(numbers);
}

Status EdgeApply::drop(std::span<const RecordNumber> numbers) {
  for (const RecordNumber number : numbers) SATCHEL_TRY(erase_one(number));
  return {};
}

// What was passed over comes with the next session's pass: no cursor vouches for it.
void Edge::note_damage(const EdgeApply& apply, EdgeState& state) {
  state.repull = state.repull || apply.met_damage();
  if (state.repull) state.cursor = {};
}

Status Edge::begin_pass(WriteTxn& txn, EdgeApply& apply, EdgeState& state) {
  state.bootstrapped = state.repull = false;
  // What this device may hold has changed: which of it, only the pages tell.
  if (std::exchange(state.lost_scopes, false)) {
    state.stale_through = 0;
    return apply.drop(UINT64_MAX);
  }
  auto last = txn.last_record();
  if (!last) return last.error();
  state.stale_through = *last;
  return {};
}

Status Edge::load_reoffered(ReadTxn& txn) {
  return txn.scan_keys(Table::kCommits, {}, [this](ByteView key) {
    const std::uint64_t place = ByteReader{key}.u64_big();
    if (!is_answered(place)) reoffered_.insert(place);
    return true;
  });
}

}  // namespace satchel::sync
