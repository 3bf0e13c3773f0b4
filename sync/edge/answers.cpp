// The server's answers to this device's commits: into base, inbox and what is kept for a restore.
#include <algorithm>
#include <set>

#include "sync/edge/apply.hpp"

namespace satchel::sync {
namespace {

// Acknowledged commits wait for the server's backup; without one they may not fill the device.
constexpr std::size_t kAnsweredKept = 10'000;

bool takes_effect(wire::Outcome outcome) {
  return outcome != wire::Outcome::kDenied && outcome != wire::Outcome::kInvalid;
}

void note_watermark(EdgeState& state, const ReplicaId& replica, CommitNumber watermark) {
  if (replica == state.replica) {
    state.watermark = watermark;
    return;
  }
  for (Numbering& each : state.former) {
    if (each.replica != replica) continue;
    each.watermark = watermark;
    each.settled = watermark + 1 == each.next_commit;
  }
}

// So that a row that does not open does not hide those behind it: it counts as empty.
Status visit_one_by_one(ReadTxn& txn, const ReadTxn::RowVisitor& visit) {
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_with(txn, Table::kCommits, {}, keys));
  for (const Bytes& key : keys) {
    auto row = txn.find(Table::kCommits, key);
    if (!row && !is_damage(row.error().code)) return row.error();
    if (!visit(key, row && *row ? ByteView{**row} : ByteView{})) break;
  }
  return {};
}

}  // namespace

Status Edge::apply_ack(const wire::Ack& ack, const ReplicaId& replica) {
  const auto numbering = find_numbering(replica);
  if (!numbering) return Error{Errc::kFrameUnexpected, "answers to an id that is not ours"};
  // While a former id is settled, the server has not been asked about the one in use yet.
  if (replica != state_.replica) SATCHEL_TRY(check_alone(ack.states));
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  EdgeApply apply{*this, **txn};
  if (state_.stale_through != 0) SATCHEL_TRY(apply.seek_missing());
  EdgeState state = state_;
  // Base is of one life of the server: the states and sequences of another say nothing of it.
  const bool may_fold = state.incarnation.is_zero() || numbering->incarnation == state.incarnation;
  if (!may_fold) apply.hold_stale(UINT64_MAX);
  CommitNumber watermark = numbering->watermark;
  std::vector<std::uint64_t> answered;
  std::vector<std::uint64_t> lost;
  for (const wire::CommitResult& result : ack.results) {
    if (result.number <= watermark || result.number >= numbering->next_commit) continue;
    if (result.number != watermark + 1) return Error{Errc::kFrameUnexpected, "answers with a hole"};
    watermark = result.number;
    const std::uint64_t place = numbering->before + result.number;
    if (const auto damaged = damaged_.find(place); damaged != damaged_.end()) {
      auto is_lost = settle_damaged(**txn, damaged->second, result);
      if (!is_lost) return is_lost.error();
      (*is_lost ? lost : answered).push_back(place);
    } else if (outbox_.contains(place)) {
      SATCHEL_TRY(settle(**txn, apply, result, place, may_fold));
      answered.push_back(place);
    }
  }
  if (may_fold) SATCHEL_TRY(apply.page(ack.states));
  SATCHEL_TRY(apply.flush());
  note_damage(apply, state);
  note_watermark(state, replica, watermark);
  if (may_fold) state.backed_up_through = std::max(state.backed_up_through, ack.backed_up_through);
  SATCHEL_TRY(drop_backed_up(**txn, state));
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit_lazily());
  txn->reset();
  state_ = std::move(state);
  for (const std::uint64_t place : answered) forget_pending(place);
  for (const std::uint64_t place : lost) damaged_.at(place).state = DamagedCommit::State::kAnswered;
  tell(apply.changes());
  return {};
}

Status Edge::settle(WriteTxn& txn, EdgeApply& apply, const wire::CommitResult& result,
                    std::uint64_t place, bool may_fold) {
  auto decoded = decoded_commit(txn, place);
  if (!decoded && is_damage(decoded.error().code)) {
    // Since it was sent: the next session sends the sealed copy, and is told what became of it.
    SATCHEL_TRY(note_damaged(txn, place));
    return Error{Errc::kStoreCorrupt,
                 "pending commit " + std::to_string(place) + " was damaged since: sync again"};
  }
  if (!decoded) return decoded.error();
  const bool refused = !takes_effect(result.outcome);
  // Where our cursor has passed the commit's place, the server's pages have told what became of it
  // (that the record left our scopes, perhaps): then nothing is folded.
  const bool told = may_fold && result.seq != 0 && state_.cursor.seq >= result.seq;
  // Nor is one that took effect under another name: the states with the answer hold it.
  if (!refused && !result.elsewhere)
    SATCHEL_TRY(apply.fold((*decoded)->commit, result, {told, reoffered_.contains(place)}));
  if (refused || result.outcome == wire::Outcome::kReduced) {
    auto commit = find_commit(txn, Table::kOutbox, place, true);
    if (!commit) return commit.error();
    if (!*commit) return Error{Errc::kStoreCorrupt, "pending commit " + std::to_string(place)};
    SATCHEL_TRY(put_commit(txn, Table::kInbox, place, **commit));
    SATCHEL_TRY(txn.put(Table::kInbox, part_key(place, kInboxPart),
                        encode_inbox(result, trusted_now_us())));
  }
  if (refused) SATCHEL_TRY(erase_commit(txn, Table::kOutbox, place));
  // What leaves the outbox is shown differently too, whether or not it was folded.
  for (const RecordWrite& write : (*decoded)->commit.body.records) {
    if (refused || told || result.elsewhere)
      apply.changes().push_back({write.collection, write.id, 0, 0, false, {}});
  }
  return txn.put(Table::kCommits, number_key(place),
                 encode_answered({result.outcome, result.seq, result.receipt}));
}

Status Edge::drop_backed_up(WriteTxn& txn, EdgeState& state) {
  std::vector<std::uint64_t> dropped;
  std::set<std::uint64_t> kept;
  const std::uint64_t last = state.before + state.watermark;
  const std::uint64_t floor = last > kAnsweredKept ? last - kAnsweredKept : 0;
  const auto visit = [&](ByteView key, ByteView value) {
    ByteReader in{key};
    const std::uint64_t place = in.u64_big();
    // One that does not open is kept like one that is in no backup.
    const auto answered = decode_answered(value);
    const AnsweredRow row = answered ? *answered : AnsweredRow{};
    // One that a restored server has still to answer bears a sequence of its former life.
    const bool safe = is_answered(place) && row.seq != 0 && row.seq <= state.backed_up_through;
    if (!safe && place > floor) {
      kept.insert(place);
      return kept.size() < 16;  // Rows are in order: what follows is newer than what is kept.
    }
    dropped.push_back(place);
    return dropped.size() < 4096;
  };
  if (const Status scanned = txn.scan(Table::kCommits, {}, visit); !scanned) {
    if (!is_damage(scanned.error().code)) return scanned;
    SATCHEL_TRY(visit_one_by_one(txn, visit));
  }
  for (const std::uint64_t place : dropped) {
    SATCHEL_TRY(txn.erase(Table::kCommits, number_key(place)));
    SATCHEL_TRY(erase_commit(txn, Table::kOutbox, place));
  }
  // A former id is remembered as long as something made under it may have to be offered again.
  std::erase_if(state.former, [&](const Numbering& each) {
    return each.settled && !kept.empty() && each.last_place() < *kept.begin();
  });
  return {};
}

}  // namespace satchel::sync
