#include "sync/edge/apply.hpp"

#include <algorithm>
#include <tuple>

#include "sync/page/authors.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

// Acknowledged commits wait for the server's backup; without one they may not fill the device.
constexpr std::size_t kAnsweredKept = 10'000;

bool takes_effect(wire::Outcome outcome) {
  return outcome != wire::Outcome::kDenied && outcome != wire::Outcome::kInvalid;
}

Error forgotten() {
  return Error{Errc::kRestoredServer, "the server has forgotten commits that it had acknowledged"};
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

Status put_authors(WriteTxn& txn, ByteView bytes) {
  auto authors = decode_authors(bytes);
  if (!authors) return authors.error();
  for (const Author& author : *authors) {
    const Bytes key = Bytes{kAuthorKey} + Bytes{author.replica.bytes()};
    auto known = txn.find(Table::kMeta, key);
    if (!known) return known.error();
    if (!*known || **known != author.user) SATCHEL_TRY(txn.put(Table::kMeta, key, author.user));
  }
  return {};
}

bool by_name(const Entry& a, const Entry& b) {
  return std::tie(a.field, a.key) < std::tie(b.field, b.key);
}

bool taken_out(const wire::CommitResult& result, const RecordId& id, FieldId field) {
  if (result.outcome != wire::Outcome::kReduced) return false;
  return std::find(result.fields.begin(), result.fields.end(), std::pair{id, field}) !=
         result.fields.end();
}

}  // namespace

Status EdgeApply::load(std::span<const RecordId> ids) {
  std::vector<RecordId> wanted;
  for (const RecordId& id : ids) {
    if (held_.try_emplace(id).second) wanted.push_back(id);
  }
  if (wanted.empty()) return {};
  order_.insert(order_.end(), wanted.begin(), wanted.end());
  auto numbers = txn_.find_numbers(wanted);
  if (!numbers) return numbers.error();
  std::vector<RecordNumber> known;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Held& held = held_.at(wanted[i]);
    held.record.id = wanted[i];
    held.number = (*numbers)[i];
    if (held.number != 0) known.push_back(held.number);
  }
  std::vector<StoredRecord> found;
  if (Status read = txn_.find_many(known, found); !read) return at_base(read.error());
  auto stored = found.begin();
  for (const RecordId& id : wanted) {
    Held& held = held_.at(id);
    if (held.number == 0) continue;
    const StoredRecord& base = *stored++;
    if (base.number == 0) {
      held.number = 0;
      continue;
    }
    auto record = open_record(txn_, base, edge_.store().numbers());
    if (!record) return at_base(record.error());
    held.record = std::move(*record);
    held.existed = true;
  }
  return {};
}

Result<bool> EdgeApply::take_fresh(const PageItem& item, Held& held) {
  const bool nothing_held =
      !held.existed && !held.fresh && held.record.entries.empty() && held.fields.empty();
  if (item.evict || !nothing_held) return false;
  StoredRecord stored;
  Bytes life;
  Sequence seq = held.seq;
  std::vector<FieldId> fields;
  bool lives = false;  // The segment in hand names life.
  const KeepEntry note = [&](FieldId field, Sequence changed) {
    fields.push_back(field);
    seq = std::max(seq, changed);
    lives = lives || field == kLifeField;
    return true;
  };
  for (const PageSegment& segment : item.segments) {
    bool concurrent = false;
    auto bytes = transcode_segment(segment.bytes, to_store_, &note, &concurrent);
    if (!bytes) return bytes.error();
    // Life, and life alone, is of the structure class.
    const bool structure = segment.privacy == PrivacyClass::kStructure;
    const bool alone = fields.size() == 1 && fields.front() == kLifeField;
    if (concurrent || structure != lives || (structure && !alone)) return false;
    lives = false;
    if (bytes->empty()) continue;
    if (structure) {
      life = std::move(*bytes);
      continue;
    }
    Segment& kept = stored.segments.emplace_back();
    kept.privacy = segment.privacy;
    kept.bytes = std::move(*bytes);
  }
  stored.header = encode_fresh_header(item.collection, item.id, life);
  held.gone = false;
  held.record.collection = item.collection;
  held.seq = seq;
  held.fields = std::move(fields);
  held.fresh = std::move(stored);
  return true;
}

// From here on it is a record like any other.
Status EdgeApply::read_fresh(Held& held) {
  if (!held.fresh) return {};
  auto record = open_record(txn_, *held.fresh, edge_.store().numbers());
  if (!record) return record.error();
  held.record = std::move(*record);
  held.fresh.reset();
  return {};
}

Status EdgeApply::take(const PageReader& page, const PageItem& item) {
  Held& held = held_.at(item.id);
  auto taken = take_fresh(item, held);
  if (!taken) return taken.error();
  if (*taken) return {};
  SATCHEL_TRY(read_fresh(held));
  std::vector<Entry> entries;
  SATCHEL_TRY(page.decode(item, entries));
  return replace(item, std::move(entries));
}

Status EdgeApply::replace(const PageItem& item, std::vector<Entry> entries) {
  Held& held = held_.at(item.id);
  held.gone = item.evict;
  held.record.collection = item.collection;
  if (item.evict) {
    held.record.entries.clear();
    return {};
  }
  if (item.whole) held.record.entries.clear();
  for (const Entry& entry : entries) {
    held.fields.push_back(entry.field);
    held.seq = std::max(held.seq, entry.seq);
  }
  if (held.record.entries.empty()) {
    held.record.entries = std::move(entries);
    std::sort(held.record.entries.begin(), held.record.entries.end(), by_name);
    return {};
  }
  for (Entry& entry : entries) {
    Entry& base = held.record.at(entry.field, entry.key, entry.privacy);
    // The server's word replaces base when its seq is not lower; it is never joined with what we
    // remember.
    if (entry.seq >= base.seq) base = std::move(entry);
  }
  return {};
}

Status EdgeApply::page(ByteView body) {
  if (body.empty()) return {};
  auto reader = PageReader::open(body);
  if (!reader) return reader.error();
  to_store_.clear();
  for (ReplicaNumber number = 0; number < reader->replicas().size(); ++number) {
    ReplicaId id;
    SATCHEL_ASSERT(reader->replicas().id_of(number, id));
    to_store_.push_back(edge_.store().numbers().number_of(id));
  }
  constexpr std::size_t kBatch = 512;
  std::vector<PageItem> items;
  std::vector<RecordId> ids;
  for (bool more = true; more;) {
    items.clear();
    ids.clear();
    while (more && items.size() < kBatch) {
      PageItem item;
      auto next = reader->next(item);
      if (!next) return next.error();
      more = *next;
      if (!more) break;
      ids.push_back(item.id);
      items.push_back(std::move(item));
    }
    SATCHEL_TRY(load(ids));
    for (const PageItem& item : items) SATCHEL_TRY(take(*reader, item));
  }
  return {};
}

Status EdgeApply::fold(const PendingCommit& commit, const wire::CommitResult& result) {
  std::vector<RecordId> ids;
  for (const RecordWrite& write : commit.body.records) ids.push_back(write.id);
  SATCHEL_TRY(load(ids));
  const Dot dot{commit.header.replica, commit.header.number};
  for (const RecordWrite& write : commit.body.records) {
    Held& held = held_.at(write.id);
    if (held.gone) continue;
    SATCHEL_TRY(read_fresh(held));
    // What is neither held nor created by the commit left our scopes, or the pages of a bootstrap
    // are still to tell it: nothing of it may be left behind.
    if (held.record.entries.empty() && !write.creates) continue;
    held.record.collection = write.collection;
    held.seq = std::max(held.seq, result.seq);
    for (const RegisterWrite& each : write.writes) {
      if (taken_out(result, write.id, each.field)) continue;
      held.fields.push_back(each.field);
      Entry& base = held.record.at(each.field, completed_key(each, dot), each.privacy);
      // The server has spoken of this register since: its word has this write in it.
      if (base.seq >= result.seq) continue;
      apply_write(held.record, each, dot, Stamp{commit.header.stamp}).seq = result.seq;
    }
  }
  return {};
}

Status EdgeApply::drop_base() {
  held_.clear();
  order_.clear();
  return edge_.erase_base(txn_, changes_);
}

Status EdgeApply::flush() {
  std::vector<StoredRecord> batch;
  for (const RecordId& id : order_) {
    Held& held = held_.at(id);
    if (held.gone || (held.record.entries.empty() && !held.fresh)) {
      if (held.existed) SATCHEL_TRY(txn_.erase_record(held.number, id));
      if (held.existed)
        changes_.push_back({held.record.collection, id, held.number, held.seq, true, {}});
      continue;
    }
    if (held.fields.empty()) continue;
    if (!held.existed) {
      auto number = txn_.number_for(id);
      if (!number) return number.error();
      held.number = *number;
    }
    if (held.fresh) {
      held.fresh->number = held.number;
      batch.push_back(std::move(*held.fresh));
    } else {
      batch.push_back(to_stored(held.record, held.number, edge_.store().numbers()));
    }
    changes_.push_back(
        {held.record.collection, id, held.number, held.seq, false, std::move(held.fields)});
  }
  return txn_.put_many(batch);
}

// -- Edge: what the session brings --

Result<Edge::WelcomeEffects> Edge::welcome(const wire::Welcome& welcome) {
  if (welcome.incarnation == state_.incarnation && welcome.watermark < state_.watermark)
    return forgotten();
  if (welcome.watermark >= state_.next_commit) {
    return Error{
        Errc::kFenced,
        "the server knows commits that this replica never made: it was restored or copied"};
  }
  WelcomeEffects effects;
  EdgeState state = state_;
  effects.new_incarnation =
      !state.incarnation.is_zero() && welcome.incarnation != state.incarnation;
  for (Numbering& each : state.former) {
    if (!effects.new_incarnation || each.incarnation == welcome.incarnation) continue;
    each.settled = false;  // The restored server may have lost what was made under it.
    effects.settle_first = true;
  }
  if (effects.settle_first) {
    auto txn = parts_.store.begin_write();
    if (!txn) return txn.error();
    SATCHEL_TRY(save_state(**txn, state));
    SATCHEL_TRY((*txn)->commit());
    state_ = std::move(state);
    return effects;
  }
  const auto same_grants =
      std::equal(state.scopes.begin(), state.scopes.end(), welcome.scopes.begin(),
                 welcome.scopes.end(), [](const wire::ScopeState& a, const wire::ScopeState& b) {
                   return a.name == b.name && a.epoch == b.epoch;
                 });
  effects.restart = effects.new_incarnation || !same_grants;
  state.incarnation = welcome.incarnation;
  state.scopes = welcome.scopes;
  state.fence_token = welcome.fence_token;
  state.server_time_us = welcome.trusted_time_us;
  state.server_time_boot_us = parts_.clock.boot_us();
  state.high_water_us = welcome.trusted_time_us;
  if (effects.restart) {
    state.cursor = {};
    state.bootstrapped = false;
  }
  // What it took without our hearing of it is asked for again; what it has lost is offered again.
  if (effects.new_incarnation) state.watermark = std::min(state.watermark, welcome.watermark);
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  std::vector<RecordChange> changes;
  // What was folded into base is offered again and must not be seen twice.
  if (effects.new_incarnation) SATCHEL_TRY(erase_base(**txn, changes));
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  state_ = std::move(state);
  if (effects.new_incarnation) SATCHEL_TRY(reload());
  tell(changes);
  return effects;
}

Status Edge::apply_ack(const wire::Ack& ack, const ReplicaId& replica) {
  const auto numbering = find_numbering(replica);
  if (!numbering) return Error{Errc::kFrameUnexpected, "answers to an id that is not ours"};
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  EdgeApply apply{*this, **txn};
  EdgeState state = state_;
  // Base is of one life of the server; what is settled in another becomes visible with its pages.
  const bool may_fold = state.incarnation.is_zero() || numbering->incarnation == state.incarnation;
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
  note_watermark(state, replica, watermark);
  if (may_fold) state.backed_up_through = std::max(state.backed_up_through, ack.backed_up_through);
  SATCHEL_TRY(drop_backed_up(**txn, state));
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit_lazily());
  txn->reset();
  state_ = std::move(state);
  for (const std::uint64_t place : answered) forget_pending(place);
  for (const std::uint64_t place : lost)
    damaged_.at(place).state = DamagedCommit::State::kAnswered;
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
  const bool told = !may_fold || (result.seq != 0 && state_.cursor.seq >= result.seq);
  if (!refused && !told) SATCHEL_TRY(apply.fold((*decoded)->commit, result));
  if (refused || result.outcome == wire::Outcome::kReduced) {
    auto commit = find_commit(txn, Table::kOutbox, place, true);
    if (!commit) return commit.error();
    SATCHEL_TRY(put_commit(txn, Table::kInbox, place, **commit));
    SATCHEL_TRY(txn.put(Table::kInbox, part_key(place, kInboxPart),
                        encode_inbox(result, trusted_now_us())));
  }
  if (refused) SATCHEL_TRY(erase_commit(txn, Table::kOutbox, place));
  // What leaves the outbox is shown differently too, whether or not it was folded.
  for (const RecordWrite& write : (*decoded)->commit.body.records) {
    if (refused || told) apply.changes().push_back({write.collection, write.id, 0, 0, false, {}});
  }
  return txn.put(Table::kCommits, number_key(place),
                 encode_answered({result.outcome, result.seq, result.receipt}));
}

Status Edge::drop_backed_up(WriteTxn& txn, EdgeState& state) {
  std::vector<std::uint64_t> dropped;
  std::size_t kept = 0;
  std::uint64_t first_kept = 0;
  Status decoded;
  const std::uint64_t last = state.before + state.watermark;
  const std::uint64_t floor = last > kAnsweredKept ? last - kAnsweredKept : 0;
  const auto visit = [&](ByteView key, ByteView value) {
    ByteReader in{key};
    const std::uint64_t place = in.u64_big();
    auto row = decode_answered(value);
    if (!row) {
      decoded = row.error();
      return false;
    }
    const bool safe = row->seq != 0 && row->seq <= state.backed_up_through;
    if (!safe && place > floor) {
      if (kept++ == 0) first_kept = place;
      return kept < 16;  // Rows are in order: what follows is newer than what is kept.
    }
    dropped.push_back(place);
    return dropped.size() < 4096;
  };
  SATCHEL_TRY(txn.scan(Table::kCommits, {}, visit));
  SATCHEL_TRY(decoded);
  for (const std::uint64_t place : dropped) {
    SATCHEL_TRY(txn.erase(Table::kCommits, number_key(place)));
    SATCHEL_TRY(erase_commit(txn, Table::kOutbox, place));
  }
  // A former id is remembered as long as something made under it may have to be offered again.
  std::erase_if(state.former, [&](const Numbering& each) {
    return each.settled && first_kept != 0 && each.last_place() < first_kept;
  });
  return {};
}

Result<std::optional<std::string>> Edge::author_of(const ReplicaId& replica) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  return (*txn)->find(Table::kMeta, Bytes{kAuthorKey} + Bytes{replica.bytes()});
}

Status Edge::apply_changes(const wire::Changes& changes) {
  if (changes.cursor.incarnation != state_.incarnation) {
    return Error{Errc::kFrameUnexpected, "changes of another incarnation"};
  }
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  EdgeApply apply{*this, **txn};
  EdgeState state = state_;
  if (changes.restart) {
    SATCHEL_TRY(apply.drop_base());
    state.bootstrapped = false;
  }
  SATCHEL_TRY(apply.page(changes.page));
  SATCHEL_TRY(apply.flush());
  SATCHEL_TRY(put_authors(**txn, changes.authors));
  state.cursor = changes.cursor;
  if (changes.caught_up) {
    state.bootstrapped = true;
    state.last_sync_us = trusted_now_us();
  }
  state.high_water_us = std::max(state.high_water_us, trusted_now_us());
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit_lazily());
  txn->reset();
  state_ = std::move(state);
  tell(apply.changes());
  return {};
}

}  // namespace satchel::sync
