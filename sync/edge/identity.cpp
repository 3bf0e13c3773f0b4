// A device that finds itself copied or restored: other ids, and commits that are numbered anew.
#include <algorithm>
#include <map>
#include <set>

#include "schema/model/limits.hpp"
#include "sync/edge/rows.hpp"
#include "sync/merge/life.hpp"
#include "sync/page/page.hpp"

namespace satchel::sync {

Numbering Edge::numbering() const {
  return {state_.replica,   state_.before,      state_.next_commit,
          state_.watermark, state_.incarnation, false};
}

std::vector<Numbering> Edge::numberings() const {
  std::vector<Numbering> all = state_.former;
  all.push_back(numbering());
  return all;
}

std::optional<Numbering> Edge::unsettled() const {
  for (const Numbering& each : state_.former) {
    if (!each.settled) return each;
  }
  return std::nullopt;
}

std::optional<Numbering> Edge::find_numbering(const ReplicaId& replica) const {
  if (replica == state_.replica) return numbering();
  for (const Numbering& each : state_.former) {
    if (each.replica == replica) return each;
  }
  return std::nullopt;
}

namespace {

// Room for one more former id: the oldest whose commits are all answered makes it.
Status make_room(std::vector<Numbering>& former) {
  if (former.size() < limits::kFormerIdsMax) return {};
  const auto settled = std::find_if(former.begin(), former.end(),
                                    [](const Numbering& each) { return each.settled; });
  if (settled == former.end()) {
    return Error{Errc::kLimitExceeded, "copied or restored too often without a sync"};
  }
  former.erase(settled);
  return {};
}

}  // namespace

Status Edge::check_alone(ByteView states) const {
  if (states.empty()) return {};
  auto reader = PageReader::open(states);
  if (!reader) return reader.error();
  PageItem item;
  std::vector<Entry> entries;
  for (;;) {
    auto more = reader->next(item);
    if (!more) return more.error();
    if (!*more) return {};
    entries.clear();
    if (!item.evict) SATCHEL_TRY(reader->decode(item, entries));
    const bool anothers = std::any_of(entries.begin(), entries.end(), [this](const Entry& entry) {
      return entry.state.context.observed(state_.replica) >= state_.next_commit;
    });
    if (anothers) return Error{Errc::kFenced, "another copy writes under this replica id"};
  }
}

Status Edge::reidentify() {
  auto fresh = crypto::random_id<ReplicaId>(parts_.entropy);
  if (!fresh) return fresh.error();
  EdgeState state = state_;
  if (state.next_commit > 1) {
    SATCHEL_TRY(make_room(state.former));
    Numbering old = numbering();
    // Also where all is answered: a server that was put back since would learn of it from nobody.
    old.settled = false;
    state.before = old.last_place();
    state.former.push_back(old);
  }
  state.replica = *fresh;
  state.next_commit = 1;
  state.watermark = 0;
  state.results_confirmed = 0;
  state.fence_token.clear();
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit());
  state_ = std::move(state);
  return {};
}

// What one renumbering does to each commit. Thread-bound: lives for one transaction.
class EdgeRenumber {
 public:
  EdgeRenumber(Edge& edge, WriteTxn& txn, const ReplicaId& fresh)
      : edge_(edge), txn_(txn), fresh_(fresh) {}

  // Moves the commit at `place` behind all others, under the next new number.
  Status move(std::uint64_t place, std::uint64_t new_place) {
    auto commit = find_commit(txn_, Table::kOutbox, place);
    if (!commit) return commit.error();
    if (!*commit) return Error{Errc::kStoreCorrupt, "pending commit " + std::to_string(place)};
    auto body = decode_body((*commit)->sections);
    if (!body) return Error{Errc::kStoreCorrupt, "pending commit " + std::to_string(place)};
    for (RecordWrite& record : body->records) {
      for (RegisterWrite& write : record.writes) SATCHEL_TRY(forget_others(write));
    }
    wire::CommitHeader& header = (*commit)->header;
    // Another copy of this device may number it anew too: the server must know it again.
    if (!header.origin) header.origin = {header.replica, header.number, header.content_hash};
    auto& moved = moved_[header.replica];
    moved[header.number] = ++next_;
    header.replica = fresh_;
    header.number = next_;
    header.receipt.clear();
    (*commit)->sections = encode_body(*body);
    header.content_hash = content_hash(header, (*commit)->sections);
    if (edge_.parts_.seal_to_server) {
      auto sealed = edge_.parts_.seal_to_server(wire::encode_commit(**commit));
      if (!sealed) return sealed.error();
      (*commit)->sealed = std::move(*sealed);
    }
    SATCHEL_TRY(erase_commit(txn_, Table::kOutbox, place));
    return put_commit(txn_, Table::kOutbox, new_place, **commit);
  }
  [[nodiscard]] CommitNumber moved() const { return next_; }
  // Of a commit that cannot be read, and so not be made anew: its number is another's from now on.
  void lose(const ReplicaId& replica, CommitNumber number) { moved_[replica][number] = next_; }

 private:
  // A number from the first moved one on is another device's now: what stood there of ours is known
  // by its new number, and of theirs nothing has been seen.
  void forget_others(Context& context) const {
    for (const auto& [replica, numbers] : moved_) {
      const CommitNumber observed = context.observed(replica);
      if (observed < numbers.begin()->first) continue;
      context.cap(replica, numbers.begin()->first - 1);
      const auto after = numbers.upper_bound(observed);
      const CommitNumber number = std::prev(after)->second;
      if (number != 0) context.observe({fresh_, number});
    }
  }
  Status forget_others(RegisterWrite& write) const {
    forget_others(write.shown);
    if (write.field != kLifeField) return {};
    auto life = decode_life(write.value);
    if (!life) return life.error();
    for (ObservedClass& each : life->observed) forget_others(each.observed);
    std::erase_if(life->observed, [](const ObservedClass& each) { return each.observed.empty(); });
    write.value = encode_life(*life);
    return {};
  }

  Edge& edge_;
  WriteTxn& txn_;
  ReplicaId fresh_;
  CommitNumber next_ = 0;
  std::map<ReplicaId, std::map<CommitNumber, CommitNumber>> moved_;  // Old number to new one.
};

Dot Edge::dot_at(std::uint64_t place) const {
  for (const Numbering& each : numberings()) {
    if (place > each.before && place <= each.last_place())
      return {each.replica, place - each.before};
  }
  return {state_.replica, place - state_.before};
}

Status Edge::renumber() {
  auto fresh = crypto::random_id<ReplicaId>(parts_.entropy);
  if (!fresh) return fresh.error();
  EdgeState state = state_;
  const std::uint64_t before = numbering().last_place();
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  EdgeRenumber renumber{*this, **txn, *fresh};
  std::set<std::uint64_t> unanswered;
  for (const auto& [place, ids] : outbox_) unanswered.insert(place);
  for (const auto& [place, damaged] : damaged_) unanswered.insert(place);
  for (const std::uint64_t place : unanswered) {
    const auto damaged = damaged_.find(place);
    if (damaged == damaged_.end()) {
      SATCHEL_TRY(renumber.move(place, before + renumber.moved() + 1));
    } else if (damaged->second.state != DamagedCommit::State::kAnswered) {
      const auto [replica, number] = dot_at(place);
      renumber.lose(replica, number);
      SATCHEL_TRY(put_lost(**txn, damaged->second));
    }
  }
  // What is left under the old ids is answered: of the one under which the fork was met in the life
  // of the server that met it, of others perhaps in an earlier one.
  const auto met = unsettled();
  if (state.watermark > 0) {
    SATCHEL_TRY(make_room(state.former));
    state.former.push_back(numbering());
    state.former.back().settled = !met.has_value();
  }
  for (Numbering& each : state.former) {
    each.next_commit = each.watermark + 1;
    each.settled = each.settled || (met && each.replica == met->replica);
  }
  state.replica = *fresh;
  state.before = before;
  state.next_commit = renumber.moved() + 1;
  state.watermark = 0;
  state.results_confirmed = 0;
  state.fence_token.clear();
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  state_ = std::move(state);
  return reload();
}

Result<Edge::KeptCommit> Edge::newest_kept(const Numbering& numbering) {
  constexpr CommitNumber kLookedAt =
      16;  // Refused ones are not held, and rotten ones do not count.
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  const CommitNumber last = numbering.watermark;
  for (CommitNumber number = last; number > 0 && last - number < kLookedAt; --number) {
    auto commit = find_commit(**txn, Table::kOutbox, numbering.before + number);
    if (!commit && !is_damage(commit.error().code)) return commit.error();
    if (commit && *commit) return KeptCommit{number, (*commit)->header.content_hash};
  }
  return KeptCommit{};
}

Result<CommitNumber> Edge::answered_through(const Numbering& numbering,
                                            const wire::Welcome& welcome) {
  CommitNumber through = std::min(numbering.watermark, welcome.watermark);
  const CommitNumber number = welcome.known_commit;
  if (number == 0 || number > numbering.watermark || welcome.known_hash.empty()) return through;
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto ours = find_commit(**txn, Table::kOutbox, numbering.before + number);
  if (!ours && !is_damage(ours.error().code)) return ours.error();
  if (!ours || !*ours || (*ours)->header.content_hash == welcome.known_hash) return through;
  // Whether it knows those before is for its first answers to say.
  SATCHEL_TRY(
      (*txn)->scan_keys(Table::kCommits, number_key(numbering.before + 1), [&](ByteView key) {
        const std::uint64_t place = ByteReader{key}.u64_big();
        through = std::min(through, place - numbering.before - 1);
        return false;
      }));
  return through;
}

Status Edge::welcome_former(const wire::Welcome& welcome, const ReplicaId& replica) {
  EdgeState state = state_;
  const auto at = std::find_if(state.former.begin(), state.former.end(),
                               [&](const Numbering& each) { return each.replica == replica; });
  if (at == state.former.end())
    return Error{Errc::kFrameUnexpected, "a welcome to an id that is not ours"};
  if (welcome.incarnation == at->incarnation && welcome.watermark < at->watermark) {
    return Error{Errc::kRestoredServer,
                 "the server has forgotten commits that it had acknowledged"};
  }
  auto answered = answered_through(*at, welcome);
  if (!answered) return answered.error();
  at->watermark = *answered;
  at->incarnation = welcome.incarnation;
  at->settled = at->watermark + 1 == at->next_commit;
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  state_ = std::move(state);
  return reload();
}

}  // namespace satchel::sync
