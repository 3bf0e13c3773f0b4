#include "sync/hub/selection.hpp"

#include <span>
#include <utility>

#include "sync/hub/scopes.hpp"
#include "sync/merge/reference.hpp"
#include "sync/policy/decide.hpp"

namespace satchel::sync {

Status read_batch(ReadTxn& txn, std::span<const RecordNumber> numbers,
                  std::vector<StoredRecord>& batch, std::vector<RecordNumber>& damaged) {
  batch.clear();
  const Status read = txn.find_many(numbers, batch);
  if (read || !is_damage(read.error().code)) return read;
  batch.clear();
  std::vector<StoredRecord> one;
  for (const RecordNumber& number : numbers) {
    one.clear();
    const Status alone = txn.find_many(std::span{&number, 1}, one);
    if (!alone && !is_damage(alone.error().code)) return alone;
    if (alone) batch.push_back(std::move(one.front()));
    if (!alone) damaged.push_back(number);
  }
  return {};
}

Selection::Selection(Hub& hub, ReadTxn& txn, const schema::Catalog& catalog,
                     const Entitlement& entitlement, const std::string& purpose)
    : hub_(hub), txn_(txn), catalog_(catalog), entitlement_(entitlement), purpose_(purpose) {
  for (std::size_t i = 0; i < kPrivacyClassCount; ++i) {
    AccessRequest request;
    request.actor = entitlement.user;
    request.role = entitlement.role;
    request.in_scope = true;
    request.privacy = static_cast<PrivacyClass>(i);
    request.action = Action::kRead;
    request.purpose = purpose_;
    permitted_[i] = i == 0 || decide(builtin_bundle(), request).permitted();
  }
}

Status Selection::select(const StoredRecord& stored, const Reach& reach, PageWriter& writer) {
  auto header = decode_header(stored.header, hub_.store().numbers());
  if (!header) return header.error();
  const schema::CollectionDef* collection = catalog_.find(header->collection);
  if (collection == nullptr) return {};
  auto memberships = memberships_of(txn_, *collection, stored.number);
  if (!memberships) return memberships.error();
  if (!grants(entitlement_, *collection, *memberships)) {
    if (!reach.evicts) return {};
    const auto left = left_after(entitlement_, *memberships, reach.after);
    if (!left || left->left > reach.upto) return {};
    writer.add_evict(header->collection, header->id, left->scope);
    return {};
  }
  const Sequence entered = entered_at(entitlement_, *collection, *memberships);
  // A record that enters the reader's scopes is sent whole, whatever its registers' own sequence.
  const bool repaired = reach.repaired != nullptr && reach.repaired->contains(stored.number);
  bool whole = repaired || (entered > reach.after && entered <= reach.upto);
  if (entered > reach.upto) return {};
  if (reach.narrowed && entitlement_.history_from > 0 && collection->history) {
    auto when = dated(stored, *collection);
    if (!when) return when.error();
    const bool said_now = when->said > reach.after;
    if (when->at_us && *when->at_us < entitlement_.history_from) {
      // It may have been held until its time was said.
      if (reach.evicts && said_now) writer.add_evict(header->collection, header->id, kHistoryScope);
      return {};
    }
    whole = whole || said_now;
  }
  const KeepEntry keep = [&](FieldId, Sequence seq) {
    return seq > reach.after && seq <= reach.upto &&
           (reach.own == nullptr || !reach.own->contains(seq));
  };
  SATCHEL_TRY(open_permitted(stored, *header));
  // Nothing is held back of a whole record: a later page leaves out what its reader wrote himself,
  // which the whole took away from him.
  auto added = writer.add(header->collection, header->id, whole && reach.as_whole, segments_,
                          whole ? nullptr : &keep);
  return added ? Status{} : Status{added.error()};
}

Result<Selection::Dated> Selection::own_time(const StoredRecord& stored,
                                             const schema::CollectionDef& collection,
                                             FieldId at) const {
  const schema::FieldDef& field = *collection.find(at);
  auto record = open_class(txn_, stored, field.privacy, hub_.store().numbers());
  if (!record) return record.error();
  Dated dated;
  const auto entries = record->of_field(at);
  dated.at_us = shown_time(field, entries);
  for (const Entry& entry : entries) dated.said = std::max(dated.said, entry.seq);
  return dated;
}

Result<Selection::Dated> Selection::dated(const StoredRecord& stored,
                                          const schema::CollectionDef& collection) {
  const schema::History& history = *collection.history;
  if (!history.through) return own_time(stored, collection, history.at);
  const schema::FieldDef& reference = *collection.find(*history.through);
  auto record = open_class(txn_, stored, reference.privacy, hub_.store().numbers());
  if (!record) return record.error();
  Sequence said = 0;
  for (const Entry& entry : record->of_field(reference.id)) said = std::max(said, entry.seq);
  const auto id = shown_reference(reference, *record);
  if (!id) return Dated{std::nullopt, said};
  auto known = times_.find(*id);
  if (known == times_.end()) {
    Dated of_other;
    auto numbers = txn_.find_numbers(std::span{&*id, 1});
    if (!numbers) return numbers.error();
    std::vector<StoredRecord> found;
    if (numbers->front() != 0) SATCHEL_TRY(txn_.find_many(*numbers, found));
    const schema::CollectionDef* other = catalog_.find(history.collection);
    if (!found.empty() && found.front().number != 0 && other != nullptr) {
      auto time = own_time(found.front(), *other, history.at);
      if (!time) return time.error();
      of_other = *time;
    }
    known = times_.emplace(*id, of_other).first;
  }
  return Dated{known->second.at_us, std::max(said, known->second.said)};
}

Status Selection::let_go(std::span<const RecordNumber> numbers, PageWriter& writer) {
  std::vector<StoredRecord> found;
  std::vector<RecordNumber> damaged;  // One without a name cannot be named: it is told once it can.
  SATCHEL_TRY(read_batch(txn_, numbers, found, damaged));
  for (const StoredRecord& stored : found) {
    if (stored.number == 0) continue;
    auto name = decode_name(stored.header);
    if (!name) continue;
    const schema::CollectionDef* collection = catalog_.find(name->collection);
    if (collection == nullptr) continue;
    auto memberships = memberships_of(txn_, *collection, stored.number);
    if (!memberships) return memberships.error();
    if (grants(entitlement_, *collection, *memberships)) continue;
    const auto left = in_former(entitlement_, *memberships);
    if (left) writer.add_evict(name->collection, name->id, left->scope);
  }
  return {};
}

Status Selection::open_permitted(const StoredRecord& stored, const RecordHeader& header) {
  segments_.clear();
  plain_.clear();
  plain_.reserve(stored.segments.size() + 1);  // Views go into it.
  const auto hold = [this](PrivacyClass privacy, Bytes bytes) {
    plain_.push_back(std::move(bytes));
    segments_.push_back({privacy, plain_.back()});
  };
  if (header.life) {
    hold(PrivacyClass::kStructure,
         encode_segment(std::span{&*header.life, 1}, hub_.store().numbers()));
  }
  for (const Segment& segment : stored.segments) {
    if (!permitted_[static_cast<std::size_t>(segment.privacy)]) continue;
    auto plain = txn_.open_segment(stored, segment);
    if (!plain) return plain.error();
    hold(segment.privacy, std::move(*plain));
  }
  return {};
}

}  // namespace satchel::sync
