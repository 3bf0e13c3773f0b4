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
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_with(txn, Table::kMeta, kLostKey, keys));
  for (const Bytes& key : keys) {
    auto row = txn.find(Table::kMeta, key);
    if (!row && !is_damage(row.error().code)) return row.error();
    auto damaged = row && *row ? decode_lost(key, **row) : decode_lost(key, encode_lost({}));
    if (!damaged) damaged = decode_lost(key, encode_lost({}));  // Which records it wrote is gone.
    if (!damaged) return damaged.error();
    // After a restore of the server an answered one is to be answered again.
    damaged_.try_emplace(damaged->place, *damaged);
  }
  return {};
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
  auto answered = find_answered(txn, place);
  if (!answered) return answered.error();
  if (*answered) commit.header.receipt = std::move((*answered)->receipt);
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
  if (whole) {
    SATCHEL_TRY(txn.erase(Table::kMeta, lost_key(damaged.place)));
    SATCHEL_TRY(erase_parts(txn, damaged.place));  // The sealed copy stays, for a restore.
  }
  if (!whole) SATCHEL_TRY(put_lost(txn, damaged));
  SATCHEL_TRY(txn.put(Table::kCommits, number_key(damaged.place),
                      encode_answered({result.outcome, result.seq, result.receipt})));
  return !whole;
}

}  // namespace satchel::sync
