#include "sync/hub/compaction.hpp"

#include <algorithm>

#include "sync/hub/agenda.hpp"
#include "sync/hub/rows.hpp"
#include "sync/hub/scoping.hpp"
#include "sync/hub/selection.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using schema::Rule;

// Whether what is shown of the register is certain, whatever else stands beside it.
const Sibling* settled_winner(const FieldDef& field, const Entry& entry) {
  if (entry.withheld || entry.state.siblings.size() < 2) return nullptr;
  const Rule rule = schema::rule_in_force(register_rule(field));
  // That an entry had not been seen is no loser's value: it says how the stage beside it reads.
  if (rule == Rule::kStage && !entry.key.empty()) return nullptr;
  const RegisterReading reading = read_register(rule, field, entry.state);
  return reading.contested ? nullptr : reading.shown;
}

}  // namespace

bool Compaction::is_expired(const ReplicaState& replica) const {
  return replica.is_silent(hub_.parts_.clock.wall_us(), rule_.replica_expiry_us);
}

Result<Sequence> Compaction::stable_through() const {
  const HubState now = hub_.state();
  auto all = hub_.replicas();
  if (!all) return all.error();
  Sequence stable = now.seq;
  for (const auto& [id, replica] : *all) {
    if (is_expired(replica)) continue;
    auto device = hub_.find_device(replica.device);
    if (!device) return device.error();
    if (!*device || (*device)->revoked) continue;
    // What it had made when it took that page may still be on its way.
    const bool complete = replica.watermark >= replica.progress_commit;
    const bool current =
        replica.progress.incarnation == now.incarnation && replica.progress.below == 0;
    stable = std::min(stable, complete && current ? replica.progress.seq : 0);
  }
  return stable;
}

bool Compaction::is_droppable(const Record& record, Sequence stable) const {
  const auto catalog = hub_.catalog();
  const CollectionDef* const collection = catalog->find(record.collection);
  if (collection == nullptr || record.find(kLifeField) == nullptr) return false;
  if (is_alive(record, collection->life)) return false;
  return std::all_of(record.entries.begin(), record.entries.end(),
                     [stable](const Entry& entry) { return entry.seq <= stable; });
}

std::size_t Compaction::settle_record(Record& record, Sequence stable, Sequence seq) const {
  const auto catalog = hub_.catalog();
  const CollectionDef* const collection = catalog->find(record.collection);
  if (collection == nullptr) return 0;
  const std::int64_t until_us = hub_.parts_.clock.wall_us() - rule_.loser_retention_us;
  std::size_t gone = 0;
  for (Entry& entry : record.entries) {
    const FieldDef* const field = collection->find(entry.field);
    if (field == nullptr || entry.field == kLifeField || entry.seq > stable) continue;
    const Sibling* const winner = settled_winner(*field, entry);
    const bool old = std::all_of(
        entry.state.siblings.begin(), entry.state.siblings.end(), [until_us](const Sibling& each) {
          return static_cast<std::int64_t>(each.stamp.ms()) * 1000 < until_us;
        });
    if (winner == nullptr || !old) continue;
    gone += entry.state.siblings.size() - 1;
    // The context has observed them all: nobody who comes late brings one back.
    const Sibling kept = *winner;
    entry.state.siblings = {kept};
    entry.seq = seq;
  }
  return gone;
}

void Compaction::note(Plan& plan, RecordNumber number, Record& record) const {
  if (is_droppable(record, plan.stable)) {
    plan.dead.push_back(number);
    return;
  }
  const std::size_t losers = settle_record(record, plan.stable, 0);
  if (losers > 0) plan.settled.push_back(number);
  plan.losers += losers;
}

Result<Compaction::Plan> Compaction::plan() {
  Plan plan;
  auto stable = stable_through();
  if (!stable) return stable.error();
  plan.stable = *stable;
  auto all = hub_.replicas();
  if (!all) return all.error();
  for (const auto& [id, replica] : *all) {
    const bool holds = !replica.expired || replica.results_kept_from <= replica.watermark;
    if (is_expired(replica) && holds) plan.expired.push_back(id);
  }
  auto txn = hub_.parts_.store.begin_read();
  if (!txn) return txn.error();
  std::vector<RecordNumber> numbers;
  SATCHEL_TRY((*txn)->scan_keys(Table::kRecords, {}, [&](ByteView key) {
    numbers.push_back(ByteReader{key}.u64_big());
    return true;
  }));
  std::vector<StoredRecord> batch;
  std::vector<RecordNumber> damaged;
  for (std::size_t at = 0; at < numbers.size(); at += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, numbers.size() - at);
    SATCHEL_TRY(read_batch(**txn, std::span{numbers}.subspan(at, count), batch, damaged));
    for (const StoredRecord& stored : batch) {
      if (stored.number == 0) continue;
      auto record = open_record(**txn, stored, hub_.parts_.store.numbers());
      if (!record && !is_damage(record.error().code)) return record.error();
      if (record) {
        note(plan, stored.number, *record);
      } else {
        ++plan.unreadable;
      }
    }
  }
  plan.unreadable += damaged.size();
  return plan;
}

namespace {

// Of those numbers the records that are there and can be read.
Result<std::vector<std::pair<RecordNumber, Record>>> open_all(
    WriteTxn& txn, const ReplicaNumbers& numbers, std::span<const RecordNumber> wanted) {
  std::vector<std::pair<RecordNumber, Record>> records;
  std::vector<StoredRecord> found;
  SATCHEL_TRY(txn.find_many(wanted, found));
  for (const StoredRecord& stored : found) {
    if (stored.number == 0) continue;
    auto record = open_record(txn, stored, numbers);
    if (record) records.emplace_back(stored.number, std::move(*record));
    if (!record && !is_damage(record.error().code)) return record.error();
  }
  return records;
}

}  // namespace

Status Compaction::drop_dead(HubTxn& txn, std::span<const RecordNumber> numbers,
                             Sequence stable) const {
  auto records = open_all(*txn.txn_, hub_.parts_.store.numbers(), numbers);
  if (!records) return records.error();
  Scoping scoping{txn, txn.state_.seq};
  for (const auto& [number, record] : *records) {
    if (!is_droppable(record, stable)) continue;
    const CollectionDef& collection = *hub_.catalog()->find(record.collection);
    if (const auto place = agenda_place(collection, record)) {
      SATCHEL_TRY(leave_agenda(*txn.txn_, hub_.parts_.receipt_key, collection, *place, number));
    }
    SATCHEL_TRY(scoping.remove(number, record));
    SATCHEL_TRY(txn.txn_->erase_record(number, record.id));
    for (const Entry& entry : record.entries)
      txn.state_.compaction_floor = std::max(txn.state_.compaction_floor, entry.seq);
    txn.state_changed_ = true;
  }
  return scoping.finish();
}

Status Compaction::settle(HubTxn& txn, std::span<const RecordNumber> numbers,
                          Sequence stable) const {
  auto records = open_all(*txn.txn_, hub_.parts_.store.numbers(), numbers);
  if (!records) return records.error();
  std::vector<RecordNumber> settled;
  std::vector<StoredRecord> batch;
  const Sequence seq = txn.state_.seq + 1;
  for (auto& [number, record] : *records) {
    if (settle_record(record, stable, seq) == 0) continue;
    settled.push_back(number);
    batch.push_back(to_stored(record, number, hub_.parts_.store.numbers()));
  }
  if (settled.empty()) return {};
  SATCHEL_TRY(txn.txn_->put_many(batch));
  // Everybody who holds one takes it whole in the place of what he has.
  return txn.tell_again(settled);
}

Result<bool> Compaction::expire(HubTxn& txn, std::span<const ReplicaId> replicas) const {
  bool more = false;
  for (const ReplicaId& id : replicas) {
    auto replica = txn.replica_state(id);
    if (!replica) return replica.error();
    if (!is_expired(*replica)) continue;
    replica->expired = true;
    // What its answers would be is known by what took effect; the refused are judged anew.
    SATCHEL_TRY(txn.trim_results(id, replica->watermark, *replica));
    more = more || replica->results_kept_from <= replica->watermark;
    SATCHEL_TRY(txn.put_replica_state(id, *replica));
  }
  return more;
}

}  // namespace satchel::sync
