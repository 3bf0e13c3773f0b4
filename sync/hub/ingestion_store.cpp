// A judged commit goes into the store: records, scopes, agenda, and its row of the log.
#include <algorithm>

#include "sync/hub/agenda.hpp"
#include "sync/hub/ingestion.hpp"
#include "sync/hub/scopes.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::sync {

using schema::CollectionDef;
using schema::FieldDef;
using wire::Outcome;

Status Ingestion::update_scopes(const RecordWrite& write, Target& target) {
  if (!has_owner_scope(*target.collection)) return {};
  const FieldDef* owner = target.collection->find("owner");
  const bool touched =
      !target.exists || (owner != nullptr && std::any_of(write.writes.begin(), write.writes.end(),
                                                         [&](const RegisterWrite& each) {
                                                           return each.field == owner->id;
                                                         }));
  if (!touched || owner == nullptr) return {};
  const FieldReading reading = read_field(*owner, target.record.of_field(owner->id));
  const auto value = reading.present ? decode_value(reading.value) : Result<Value>{Value{}};
  const auto* name = value ? value->as<std::string>() : nullptr;
  // A record without an owner belongs to its author until it has one.
  const std::string scope = "owner:" + (name != nullptr ? *name : author_.user);
  // Whoever makes a record holds it: made for somebody else, it enters his own scope and leaves it
  // at once, so that his device is told to let go of it.
  const bool made_here = !author_.is_server && write.creates &&
                         move_to_scope(target.memberships, "owner:" + author_.user, seq_);
  if (!move_to_scope(target.memberships, scope, seq_) && !made_here) return {};
  return txn_.txn_->put(Table::kScopes, big_key(target.number),
                        encode_memberships(target.memberships));
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
    SATCHEL_TRY(update_scopes(body.records[i], target));
    SATCHEL_TRY(update_agenda(body.records[i], target));
    // What the author may not hold any more must not be left in his base by his own write.
    if (!author_.is_server && !in_scope_of_author(target)) exact_ = false;
    row.records.push_back(target.number);
    batch.push_back(std::move(target.stored));
  }
  // What was made on a base that a restore has taken away may find nothing to be folded into: its
  // maker may not have returned yet, or the page that tells of him not have arrived.
  if (header_.based_on.incarnation != txn_.state_.incarnation) exact_ = false;
  SATCHEL_TRY(txn_.txn_->put_many(batch));
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
