// What a device does about damage when it is told to: what can be pulled again is dropped, what is
// kept for a restore of the server is put right, and what is lost is named.
#include <set>

#include "sync/edge/rows.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {

using State = DamagedCommit::State;

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
      // By its id it must be found too.
      auto by_id = txn.find_numbers(std::span{&name.id, 1});
      if (!by_id) read = by_id.error();
      if (by_id && by_id->front() != number)
        read = Error{Errc::kStoreCorrupt, "a record that its id does not find"};
    }
    if (read) continue;
    if (!is_damage(read.error().code)) return read;
    SATCHEL_TRY(txn.erase_record(number, name.id));
    healed.records.emplace_back(name.collection, name.id);
  }
  return {};
}

// Of the rows in a table, those that do not open.
Status Edge::damaged_keys(ReadTxn& txn, Table table, ByteView prefix, std::vector<Bytes>& damaged) {
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_with(txn, table, prefix, keys));
  for (Bytes& key : keys) {
    const auto row = txn.find(table, key);
    if (row) continue;
    if (!is_damage(row.error().code)) {
      if (row.error().code == Errc::kClassLocked || row.error().code == Errc::kKeyShredded)
        continue;
      return row.error();
    }
    damaged.push_back(std::move(key));
  }
  return {};
}

Status Edge::drop_damaged_inbox(WriteTxn& txn, Healed& healed) {
  std::vector<Bytes> damaged;
  SATCHEL_TRY(damaged_keys(txn, Table::kInbox, {}, damaged));
  std::set<std::uint64_t> places;
  for (const Bytes& key : damaged) places.insert(ByteReader{key}.u64_big());
  for (const std::uint64_t place : places) {
    auto names = find_record_names(txn, Table::kInbox, place);
    if (!names) return names.error();
    SATCHEL_TRY(erase_commit(txn, Table::kInbox, place));
    healed.lost.push_back({place, State::kAnswered, std::move(*names)});
  }
  return {};
}

Status Edge::drop_damaged_authors(WriteTxn& txn, Healed& healed) {
  std::vector<Bytes> damaged;
  SATCHEL_TRY(damaged_keys(txn, Table::kMeta, kAuthorKey, damaged));
  for (const Bytes& key : damaged) SATCHEL_TRY(txn.erase(Table::kMeta, key));
  healed.authors = !damaged.empty();
  return {};
}

// A restored server judges such a commit again, for want of the receipt.
Status Edge::mend_answered(WriteTxn& txn, Healed& healed) {
  std::vector<Bytes> damaged;
  SATCHEL_TRY(damaged_keys(txn, Table::kCommits, {}, damaged));
  for (const Bytes& key : damaged) {
    const std::uint64_t place = ByteReader{key}.u64_big();
    auto names = find_record_names(txn, Table::kOutbox, place);
    if (!names) return names.error();
    SATCHEL_TRY(txn.put(Table::kCommits, key, encode_answered({})));
    healed.mended.push_back({place, State::kAcknowledged, std::move(*names)});
  }
  return {};
}

// Of what is answered the sealed copy is enough; of what is not, the rest is.
Status Edge::mend_outbox(WriteTxn& txn, Healed& healed) {
  std::vector<Bytes> damaged;
  SATCHEL_TRY(damaged_keys(txn, Table::kOutbox, {}, damaged));
  std::set<std::uint64_t> places;
  for (const Bytes& key : damaged) places.insert(ByteReader{key}.u64_big());
  for (const std::uint64_t place : places) {
    auto names = find_record_names(txn, Table::kOutbox, place);
    if (!names) return names.error();
    auto sealed = find_sealed_copy(txn, Table::kOutbox, place);
    if (!sealed) return sealed.error();
    if (sealed->empty()) SATCHEL_TRY(txn.erase(Table::kOutbox, part_key(place, kSealedPart)));
    if (!is_answered(place)) {
      // Damaged since this device was opened.
      if (!outbox_.contains(place)) continue;
      if (auto whole = find_commit(txn, Table::kOutbox, place); !whole) {
        if (!is_damage(whole.error().code)) return whole.error();
        SATCHEL_TRY(note_damaged(txn, place));
        if (!sealed->empty()) continue;
        SATCHEL_TRY(erase_commit(txn, Table::kOutbox, place));
        healed.lost.push_back({place, State::kLost, std::move(*names)});
        continue;
      }
      healed.mended.push_back({place, State::kSealedCopy, std::move(*names)});
      continue;
    }
    auto whole = find_commit(txn, Table::kOutbox, place);
    if (!whole && !is_damage(whole.error().code)) return whole.error();
    if (!whole) SATCHEL_TRY(erase_parts(txn, place));
    const bool kept = !sealed->empty() || (whole && *whole);
    auto& told = kept ? healed.mended : healed.lost;
    told.push_back({place, State::kAcknowledged, std::move(*names)});
  }
  return {};
}

Result<Edge::Healed> Edge::heal() {
  Healed healed;
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY(drop_lost(**txn, healed));
  SATCHEL_TRY(mend_outbox(**txn, healed));
  SATCHEL_TRY(mend_answered(**txn, healed));
  SATCHEL_TRY(drop_damaged_inbox(**txn, healed));
  SATCHEL_TRY(drop_damaged_authors(**txn, healed));
  SATCHEL_TRY(drop_damaged_base(**txn, healed));
  const bool repull = !healed.records.empty() || healed.authors;
  if (healed.lost.empty() && healed.mended.empty() && !repull) return healed;
  EdgeState state = state_;
  if (repull) {
    state.cursor = {};
    state.bootstrapped = false;
  }
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  state_ = std::move(state);
  for (const DamagedCommit& each : healed.lost) forget_pending(each.place);
  std::vector<RecordChange> changes;
  for (const auto& [collection, id] : healed.records)
    changes.push_back({collection, id, 0, 0, true, {}});
  tell(changes);
  return healed;
}

}  // namespace satchel::sync
