#include "sync/edge/apply.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "sync/page/authors.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

Error forgotten() {
  return Error{Errc::kRestoredServer, "the server has forgotten commits that it had acknowledged"};
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

// Whether something of what was granted is granted no more, or anew.
bool loses_scopes(const std::vector<wire::ScopeState>& held,
                  const std::vector<wire::ScopeState>& granted) {
  return !std::all_of(held.begin(), held.end(), [&](const wire::ScopeState& each) {
    return std::any_of(granted.begin(), granted.end(), [&](const wire::ScopeState& other) {
      return each.name == other.name && each.epoch == other.epoch;
    });
  });
}

}  // namespace

bool is_taken_out(const wire::CommitResult& result, const RecordId& id, FieldId field) {
  if (result.outcome != wire::Outcome::kReduced) return false;
  return std::find(result.fields.begin(), result.fields.end(), std::pair{id, field}) !=
         result.fields.end();
}

// A number that no record has.
constexpr RecordNumber kUnreadable = UINT64_MAX;

Status EdgeApply::read_known(std::span<const RecordNumber> known,
                             std::vector<StoredRecord>& found) {
  const Status read = txn_.find_many(known, found);
  if (read || !is_damage(read.error().code)) return read;
  found.clear();
  std::vector<StoredRecord> one;
  for (const RecordNumber& number : known) {
    const Status alone = txn_.find_many(std::span{&number, 1}, one);
    if (!alone && !is_damage(alone.error().code)) return alone;
    found.push_back(std::move(one.front()));
    if (!alone) found.back().number = kUnreadable;
  }
  return {};
}

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
    if (held.number <= stale_through_) held.stale = std::exchange(held.number, 0);
    if (held.number != 0) known.push_back(held.number);
  }
  std::vector<StoredRecord> found;
  SATCHEL_TRY(read_known(known, found));
  auto stored = found.begin();
  for (const RecordId& id : wanted) {
    Held& held = held_.at(id);
    if (held.number == 0) continue;
    const StoredRecord& base = *stored++;
    if (base.number == kUnreadable) {
      held.unreadable = met_damage_ = true;
      continue;
    }
    if (base.number == 0) {
      held.stale = std::exchange(held.number, 0);
      continue;
    }
    auto record = open_record(txn_, base, edge_.store().numbers());
    if (!record && is_damage(record.error().code)) {
      held.unreadable = met_damage_ = true;
      continue;
    }
    if (!record) return record.error();
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
  // It stays as it is, damaged and named, until it is pulled again whole.
  if (held.unreadable && !item.evict) return {};
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

Status EdgeApply::fold(const PendingCommit& commit, const wire::CommitResult& result,
                       Folding folding) {
  std::vector<RecordId> ids;
  for (const RecordWrite& write : commit.body.records) ids.push_back(write.id);
  SATCHEL_TRY(load(ids));
  const Dot dot{commit.header.replica, commit.header.number};
  for (const RecordWrite& write : commit.body.records) {
    Held& held = held_.at(write.id);
    if (held.gone || held.unreadable) continue;
    if (only_stale(held)) {
      if (!folding.reoffered) SATCHEL_TRY(fold_stale(held.stale, write, commit, result));
      continue;
    }
    if (folding.told || (folding.reoffered && !held.existed && !held.fresh)) continue;
    SATCHEL_TRY(read_fresh(held));
    // What is neither held nor created by the commit left our scopes, or the pages of a bootstrap
    // are still to tell it: nothing of it may be left behind.
    if (held.record.entries.empty() && !write.creates) continue;
    held.record.collection = write.collection;
    held.seq = std::max(held.seq, result.seq);
    for (const RegisterWrite& each : write.writes) {
      if (is_taken_out(result, write.id, each.field)) continue;
      held.fields.push_back(each.field);
      Entry& base = held.record.at(each.field, completed_key(each, dot), each.privacy);
      // The server has spoken of this register since: its word has this write in it.
      if (base.seq >= result.seq) continue;
      apply_write(held.record, each, dot, Stamp{commit.header.stamp}).seq = result.seq;
    }
  }
  return {};
}

Status EdgeApply::flush() {
  std::vector<StoredRecord> batch;
  for (const RecordId& id : order_) {
    Held& held = held_.at(id);
    if (held.unreadable) held.existed = held.gone;
    if (held.unreadable && !held.gone) continue;
    if (held.gone || (held.record.entries.empty() && !held.fresh)) {
      const RecordNumber number = held.existed ? held.number : held.gone ? held.stale : 0;
      if (number == 0) continue;
      SATCHEL_TRY(txn_.erase_record(number, id));
      changes_.push_back({held.record.collection, id, number, held.seq, true, {}});
      continue;
    }
    if (held.fields.empty()) continue;
    if (!held.existed) {
      if (held.stale != 0) {
        SATCHEL_TRY(note_replaced(held));
        SATCHEL_TRY(txn_.erase_record(held.stale, id));
      }
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

namespace {

void note_welcome(const wire::Welcome& welcome, std::int64_t boot_us, EdgeState& state) {
  state.incarnation = welcome.incarnation;
  state.fence_token = welcome.fence_token;
  state.server_time_us = welcome.trusted_time_us;
  state.server_time_boot_us = boot_us;
  state.high_water_us = welcome.trusted_time_us;
}

// False where everything is to be asked for anew. Who has seen everything keeps it, and a pass
// tells him of the difference; after a rise of the epoch nothing that is held is known to be what
// may be held.
bool note_grants(const std::vector<wire::ScopeState>& granted, bool new_incarnation,
                 EdgeState& state) {
  const bool lost = loses_scopes(state.scopes, granted);
  const bool same = !lost && state.scopes.size() == granted.size();
  const bool by_pass = !new_incarnation && state.bootstrapped && !state.scopes.empty() &&
                       !granted.empty() && state.scopes.front().epoch == granted.front().epoch;
  state.lost_scopes = state.lost_scopes || lost;
  state.joining.clear();
  if (!same && by_pass) {
    state.joining = granted;
  } else {
    state.scopes = granted;
  }
  return !new_incarnation && (same || by_pass);
}

}  // namespace

Result<Edge::WelcomeEffects> Edge::welcome(const wire::Welcome& welcome) {
  if (welcome.incarnation == state_.incarnation && welcome.watermark < state_.watermark)
    return forgotten();
  if (welcome.watermark >= state_.next_commit) {
    return Error{
        Errc::kFenced,
        "the server knows commits that this replica never made: it was restored or copied"};
  }
  // Its days go by, also while it was not asked to keep fewer of them.
  if (welcome.history_from > state_.history_from) {
    EdgeState narrower = state_;
    narrower.history_from = welcome.history_from;
    auto gone = let_go_of_history(welcome.history_from, narrower);
    if (!gone) return gone.error();
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
  effects.restart = !note_grants(welcome.scopes, effects.new_incarnation, state);
  note_welcome(welcome, parts_.clock.boot_us(), state);
  if (effects.restart) {
    state.cursor = {};
    state.bootstrapped = false;
  }
  // What it took without our hearing of it is asked for again; what it has lost is offered again.
  if (effects.new_incarnation) {
    auto answered = answered_through(numbering(), welcome);
    if (!answered) return answered.error();
    state.watermark = *answered;
  }
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY(note_life(**txn, welcome, effects.new_incarnation, state));
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  state_ = std::move(state);
  if (effects.new_incarnation) SATCHEL_TRY(reload());
  return effects;
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
    SATCHEL_TRY(begin_pass(**txn, apply, state));
    apply.hold_stale(state.stale_through);
  }
  if (state.stale_through != 0) SATCHEL_TRY(apply.seek_missing());
  if (!state.joining.empty() && (changes.restart || changes.cursor.below == 0)) {
    state.scopes = std::exchange(state.joining, {});
    state.lost_scopes = false;  // What was lost was named, record by record, or is dropped.
  }
  SATCHEL_TRY(apply.page(changes.page));
  SATCHEL_TRY(apply.flush());
  if (state.stale_through != 0 && changes.cursor.below == 0) {
    // Every record has had its turn: what is left the server no longer has for us.
    SATCHEL_TRY(apply.drop(std::exchange(state.stale_through, 0)));
  }
  SATCHEL_TRY(put_authors(**txn, changes.authors));
  state.cursor = changes.cursor;
  note_damage(apply, state);
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
