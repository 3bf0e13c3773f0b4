// Commits in the outbox that do not open any more: sent sealed where that can be, named where not.
#include <algorithm>

#include "sync/edge/rows.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {

using State = DamagedCommit::State;

std::size_t Edge::pending_count() const {
  const auto unanswered = std::count_if(damaged_.begin(), damaged_.end(), [](const auto& each) {
    return each.second.state != State::kAnswered;
  });
  return outbox_.size() + static_cast<std::size_t>(unanswered);
}

std::vector<DamagedCommit> Edge::damaged() const {
  std::vector<DamagedCommit> all;
  all.reserve(damaged_.size());
  for (const auto& [place, damaged] : damaged_) all.push_back(damaged);
  return all;
}

Result<std::optional<DamagedCommit>> Edge::damage_at(std::uint64_t place) {
  if (const auto at = damaged_.find(place); at != damaged_.end())
    return std::optional<DamagedCommit>{at->second};
  if (!is_answered(place)) return std::optional<DamagedCommit>{};
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto names = find_record_names(**txn, Table::kOutbox, place);
  if (!names) return names.error();
  return std::optional<DamagedCommit>{{place, State::kAcknowledged, std::move(*names)}};
}

Status Edge::note_damaged(ReadTxn& txn, std::uint64_t place) {
  auto sealed = find_sealed_copy(txn, Table::kOutbox, place);
  if (!sealed) return sealed.error();
  auto names = find_record_names(txn, Table::kOutbox, place);
  if (!names) return names.error();
  forget_pending(place);
  damaged_[place] = {place, sealed->empty() ? State::kLost : State::kSealedCopy, std::move(*names)};
  return {};
}

Status Edge::load_lost(ReadTxn& txn) {
  Status decoded;
  const auto visit = [&](ByteView key, ByteView value) {
    if (!key.starts_with(kLostKey)) return false;
    auto damaged = decode_lost(key, value);
    if (!damaged) {
      decoded = damaged.error();
      return false;
    }
    // After a restore of the server an answered one is to be answered again.
    damaged_.try_emplace(damaged->place, *damaged);
    return true;
  };
  SATCHEL_TRY(txn.scan(Table::kMeta, kLostKey, visit));
  return decoded;
}

Result<wire::Commit> Edge::damaged_to_push(ReadTxn& txn, const Numbering& numbering,
                                           CommitNumber number) {
  wire::Commit commit;
  commit.header.replica = numbering.replica;
  commit.header.number = number;
  const std::uint64_t place = numbering.before + number;
  const auto known = damaged_.find(place);
  // What was called lost once stays so: its number may be an empty place at the server already.
  if (known != damaged_.end() && known->second.state != State::kSealedCopy) return commit;
  auto sealed = find_sealed_copy(txn, Table::kOutbox, place);
  if (!sealed) return sealed.error();
  commit.sealed = std::move(*sealed);
  if (commit.sealed.empty()) {
    if (known != damaged_.end()) known->second.state = State::kLost;
    return commit;
  }
  auto answered = txn.find(Table::kCommits, number_key(place));
  if (!answered) return answered.error();
  if (!*answered) return commit;
  auto row = decode_answered(**answered);
  if (!row) return row.error();
  commit.header.receipt = std::move(row->receipt);
  return commit;
}

Status Edge::put_lost(WriteTxn& txn, const DamagedCommit& damaged) {
  return txn.put(Table::kMeta, lost_key(damaged.place), encode_lost(damaged));
}

// What took effect comes back in the states of the Ack: nothing here can be folded.
Result<bool> Edge::settle_damaged(WriteTxn& txn, const DamagedCommit& damaged,
                                  const wire::CommitResult& result) {
  const bool whole = result.seq != 0 && (result.outcome == wire::Outcome::kApplied ||
                                         result.outcome == wire::Outcome::kMerged);
  if (whole) SATCHEL_TRY(txn.erase(Table::kMeta, lost_key(damaged.place)));
  if (!whole) SATCHEL_TRY(put_lost(txn, damaged));
  SATCHEL_TRY(txn.put(Table::kCommits, number_key(damaged.place),
                      encode_answered({result.outcome, result.seq, result.receipt})));
  return !whole;
}

Status Edge::drop_lost(WriteTxn& txn, Healed& healed) {
  for (const auto& [place, damaged] : damaged_) {
    if (damaged.state == State::kSealedCopy) continue;
    SATCHEL_TRY(erase_commit(txn, Table::kOutbox, place));
    SATCHEL_TRY(txn.erase(Table::kMeta, lost_key(place)));
    healed.lost.push_back(damaged);
  }
  return {};
}

Status Edge::drop_damaged_base(WriteTxn& txn, Healed& healed) {
  std::vector<RecordNumber> numbers;
  SATCHEL_TRY(txn.scan_keys(Table::kRecords, number_key(1), [&](ByteView key) {
    numbers.push_back(ByteReader{key}.u64_big());
    return true;
  }));
  std::vector<StoredRecord> found;
  for (const RecordNumber& number : numbers) {
    found.clear();
    RecordName name;
    Status read = txn.find_many(std::span{&number, 1}, found);
    if (read) {
      const auto named = decode_name(found.front().header);
      if (named) name = *named;
      const auto record = open_record(txn, found.front(), parts_.store.numbers());
      if (!record) read = record.error();
    }
    if (read) continue;
    if (!is_damage(read.error().code)) return read;
    SATCHEL_TRY(txn.erase_record(number, name.id));
    healed.records.emplace_back(name.collection, name.id);
  }
  return {};
}

Result<Edge::Healed> Edge::heal() {
  Healed healed;
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY(drop_lost(**txn, healed));
  SATCHEL_TRY(drop_damaged_base(**txn, healed));
  if (healed.lost.empty() && healed.records.empty()) return healed;
  EdgeState state = state_;
  if (!healed.records.empty()) {
    state.cursor = {};
    state.bootstrapped = false;
  }
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  state_ = std::move(state);
  for (const DamagedCommit& each : healed.lost) damaged_.erase(each.place);
  std::vector<RecordChange> changes;
  for (const auto& [collection, id] : healed.records)
    changes.push_back({collection, id, 0, 0, true, {}});
  tell(changes);
  return healed;
}

}  // namespace satchel::sync
