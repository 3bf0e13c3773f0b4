// A restored server takes states away that this device held: which, so that it can be told.
#include <algorithm>

#include "sync/edge/apply.hpp"
#include "sync/page/known_state.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

// There while the server is in a life in which not everybody has been yet: the life before it.
constexpr std::string_view kSeekingKey = "edge.seeking";
// A row for each: key = this, record id, replica id, commit (u64 big-endian); value = collection
// u64 LE, registers.
constexpr std::string_view kMissingKey = "edge.missing.";
constexpr std::size_t kMissingStatesMax = 1'000;

Bytes missing_key(const RecordId& id, const Dot& dot) {
  Bytes key{kMissingKey};
  key += id.bytes();
  key += dot.replica.bytes();
  append_u64_big(key, dot.commit);
  return key;
}

std::optional<KnownState> read_missing(ByteView key, ByteView value) {
  ByteReader name{key.substr(kMissingKey.size())};
  ByteReader in{value};
  const auto record = RecordId::from_bytes(name.take(16));
  const auto replica = ReplicaId::from_bytes(name.take(16));
  if (!record || !replica) return std::nullopt;
  KnownState state;
  state.record = *record;
  state.dot = {*replica, name.u64_big()};
  state.collection = in.u64();
  state.registers = in.varint();
  if (name.failed() || in.failed()) return std::nullopt;
  return state;
}

Status forget_missing(WriteTxn& txn) {
  auto seeking = txn.find(Table::kMeta, kSeekingKey);
  if (!seeking) return seeking.error();
  if (!*seeking) return {};
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_with(txn, Table::kMeta, kMissingKey, keys));
  for (const Bytes& key : keys) SATCHEL_TRY(txn.erase(Table::kMeta, key));
  return txn.erase(Table::kMeta, kSeekingKey);
}

}  // namespace

Status EdgeApply::seek_missing() {
  auto seeking = txn_.find(Table::kMeta, kSeekingKey);
  if (!seeking) return is_damage(seeking.error().code) ? Status{} : seeking.error();
  seeking_ = seeking->has_value();
  if (!seeking_) return {};
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_with(txn_, Table::kMeta, kMissingKey, keys));
  missing_count_ = keys.size();
  return {};
}

// `now` is what the server has of it; null: nothing. What it withholds it may well have.
Status EdgeApply::note_missing(const Record& before, const Record* now) {
  std::map<Dot, std::uint64_t> missing;
  const Context known = now == nullptr ? Context{} : clock_of(*now);
  for (const Entry& entry : before.entries) {
    const Entry* const same = now == nullptr ? nullptr : now->find(entry.field, entry.key);
    if (entry.withheld || (same != nullptr && same->withheld)) continue;
    for (const Sibling& sibling : entry.state.siblings) {
      // Our own are offered again by ourselves.
      const bool own = edge_.find_numbering(sibling.dot.replica).has_value();
      if (!own && !known.covers(sibling.dot)) ++missing[sibling.dot];
    }
  }
  for (const auto& [dot, registers] : missing) {
    if (missing_count_ >= kMissingStatesMax) return {};
    ++missing_count_;
    Bytes value;
    append_u64(value, before.collection);
    append_varint(value, registers);
    SATCHEL_TRY(txn_.put(Table::kMeta, missing_key(before.id, dot), value));
  }
  return {};
}

Status EdgeApply::note_replaced(const Held& held) {
  if (!seeking_) return {};
  std::vector<StoredRecord> found;
  const Status read = txn_.find_many(std::span{&held.stale, 1}, found);
  if (!read) return is_damage(read.error().code) ? Status{} : read;
  if (found.front().number == 0) return {};
  auto before = open_record(txn_, found.front(), edge_.store().numbers());
  if (!before) return is_damage(before.error().code) ? Status{} : before.error();
  if (!held.fresh) return note_missing(*before, &held.record);
  auto now = open_record(txn_, *held.fresh, edge_.store().numbers());
  if (!now) return now.error();
  return note_missing(*before, &*now);
}

Status EdgeApply::note_dropped(const StoredRecord& stored) {
  if (!seeking_ || stored.number == 0) return {};
  auto before = open_record(txn_, stored, edge_.store().numbers());
  if (!before) return is_damage(before.error().code) ? Status{} : before.error();
  return note_missing(*before, nullptr);
}

Status Edge::note_life(WriteTxn& txn, const wire::Welcome& welcome, bool new_incarnation,
                       EdgeState& state) {
  if (!new_incarnation) {
    // Of this life, so that who only reads lets go of them too.
    state.backed_up_through = std::max(state.backed_up_through, welcome.backed_up_through);
    SATCHEL_TRY(drop_backed_up(txn, state));
    return welcome.recovering || state.stale_through != 0 ? Status{} : forget_missing(txn);
  }
  state.backed_up_through = 0;  // It may have been put back to before that backup.
  // What is held stays, so that there is something to see until its pages come.
  auto last = txn.last_record();
  if (!last) return last.error();
  state.stale_through = *last;
  return txn.put(Table::kMeta, kSeekingKey, state_.incarnation.bytes());
}

Result<std::vector<KnownState>> Edge::missing_states() {
  std::vector<KnownState> missing;
  {
    auto txn = parts_.store.begin_read();
    if (!txn) return txn.error();
    auto seeking = (*txn)->find(Table::kMeta, kSeekingKey);
    if (!seeking && !is_damage(seeking.error().code)) return seeking.error();
    if (!seeking || !*seeking) return missing;
  }
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_with(**txn, Table::kMeta, kMissingKey, keys));
  bool changed = false;
  for (const Bytes& key : keys) {
    auto value = (*txn)->find(Table::kMeta, key);
    if (!value && !is_damage(value.error().code)) return value.error();
    const auto state = value && *value ? read_missing(key, **value) : std::nullopt;
    InBase in_base = InBase::kNothing;
    auto base = state ? load_base(**txn, state->record, in_base) : std::optional<Record>{};
    if (!base && !is_damage(base.error().code)) return base.error();
    const bool back = base && *base && state && clock_of(**base).covers(state->dot);
    if (state && !back) {
      missing.push_back(*state);
    } else {
      SATCHEL_TRY((*txn)->erase(Table::kMeta, key));
      changed = true;
    }
  }
  if (changed) SATCHEL_TRY((*txn)->commit_lazily());
  return missing;
}

}  // namespace satchel::sync
