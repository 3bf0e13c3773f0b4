// A judged commit goes into the store: records, scopes, agenda, and its row of the log.
#include <algorithm>

#include "sync/hub/agenda.hpp"
#include "sync/hub/ingestion.hpp"
#include "sync/hub/scoping.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::sync {

using schema::CollectionDef;
using schema::FieldDef;
using wire::Outcome;

Status Ingestion::update_scopes(Scoping& scoping, const RecordWrite& write, Target& target) {
  Scoping::Written written{*target.collection, target.number, target.record, target.before};
  written.fresh = !target.exists;
  written.by_device = !author_.is_server && write.creates;
  written.maker = maker_of(target);
  for (const RegisterWrite& each : write.writes) written.fields.push_back(each.field);
  SATCHEL_TRY(scoping.place(written, target.memberships));
  return scoping.tell_dated(written);
}

std::string Ingestion::maker_of(const Target& target) const {
  if (!target.exists) return author_.user;  // Whatever he calls himself in the record.
  const FieldDef* field = target.collection->find("createdBy");
  if (field == nullptr) return {};
  const FieldReading reading = read_field(*field, target.record.of_field(field->id));
  const auto value = reading.present ? decode_value(reading.value) : Result<Value>{Value{}};
  const auto* name = value ? value->as<std::string>() : nullptr;
  return name != nullptr ? *name : std::string{};
}

Status Ingestion::update_agenda(const RecordWrite& write, const Target& target) {
  const CollectionDef& collection = *target.collection;
  const bool moved = std::any_of(
      write.writes.begin(), write.writes.end(),
      [&](const RegisterWrite& each) { return moves_in_agenda(collection, each.field); });
  if (!moved) return {};
  const auto before = agenda_place(collection, target.before);
  const auto after = agenda_place(collection, target.record);
  if (before == after) return {};
  const Bytes& key = txn_.hub_.parts_.receipt_key;
  if (before) SATCHEL_TRY(leave_agenda(*txn_.txn_, key, collection, *before, target.number));
  if (after) SATCHEL_TRY(enter_agenda(*txn_.txn_, key, collection, *after, target.number));
  return {};
}

// Scopes read what the commit leaves behind, through references of its own records too: the records
// are in the store by now. Who moves along is added to `told`.
Status Ingestion::place(const CommitBody& body, std::vector<RecordNumber>& told) {
  Scoping scoping{txn_, seq_};
  for (std::size_t i = 0; i < body.records.size(); ++i) {
    if (!body.records[i].writes.empty())
      SATCHEL_TRY(update_scopes(scoping, body.records[i], targets_[i]));
  }
  SATCHEL_TRY(scoping.finish());
  const std::set<RecordNumber> written{told.begin(), told.end()};
  for (const RecordNumber number : scoping.moved()) {
    if (!written.contains(number)) told.push_back(number);
  }
  // What the author may not hold any more must not be left in his base by his own write.
  if (author_.is_server) return {};
  for (std::size_t i = 0; i < body.records.size() && exact_; ++i) {
    if (body.records[i].writes.empty()) continue;
    auto held = in_scope_of_author(targets_[i]);
    if (!held) return held.error();
    exact_ = *held;
  }
  return {};
}

Status Ingestion::store(const CommitBody& body, wire::CommitResult& result) {
  CommitRow row;
  std::vector<StoredRecord> batch;
  batch.reserve(body.records.size());
  for (std::size_t i = 0; i < body.records.size(); ++i) {
    Target& target = targets_[i];
    if (body.records[i].writes.empty()) continue;
    if (target.number == 0) {
      auto number = txn_.txn_->number_for(body.records[i].id);
      if (!number) return number.error();
      target.number = *number;
    }
    target.stored.number = target.number;
    SATCHEL_TRY(update_agenda(body.records[i], target));
    row.records.push_back(target.number);
    batch.push_back(std::move(target.stored));
  }
  SATCHEL_TRY(txn_.txn_->put_many(batch));
  SATCHEL_TRY(place(body, row.records));
  // What was made on a base that a restore has taken away may find nothing to be folded into: its
  // maker may not have returned yet, or the page that tells of him not have arrived.
  if (header_.based_on.incarnation != txn_.state_.incarnation) exact_ = false;
  SATCHEL_TRY(txn_.hub_.entropy().fill(
      std::span{reinterpret_cast<std::uint8_t*>(&row.tag), sizeof row.tag}));
  row.author = author_.replica;
  row.number = header_.number;
  row.exact = exact_ && result.outcome == Outcome::kApplied;
  if (result.outcome == Outcome::kReduced) row.rule = result.rule;
  row.taken_out = encode_taken_out(result);
  row.header = wire::encode_commit_header(header_);
  SATCHEL_TRY(txn_.txn_->put(Table::kCommits, big_key(seq_), encode_commit_row(row)));
  txn_.state_.seq = seq_;
  txn_.state_.tag = row.tag;
  txn_.state_.last_stamp = std::max(txn_.state_.last_stamp, stamp_);
  txn_.state_changed_ = true;
  result.seq = seq_;
  return {};
}

}  // namespace satchel::sync
