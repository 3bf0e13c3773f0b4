#include "sync/commit/builder.hpp"

#include <algorithm>

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"
#include "sync/commit/check.hpp"
#include "sync/commit/gate.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/local_write.hpp"
#include "sync/merge/total.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using schema::Rule;

constexpr std::size_t kFieldsOfMost = 24;

// A field's place in complaints: names only, never values.
std::string place(const CollectionDef& collection, const FieldDef& field) {
  return collection.name + "." + field.name;
}

Error rule_mismatch(const CollectionDef& collection, const FieldDef& field,
                    const std::string& what) {
  return Error{Errc::kRuleMismatch,
               place(collection, field) + " (" + std::string{name_of(field.rule)} + "): " + what};
}

// Of a stage that a device may not write.
Status check_office(const CollectionDef& collection, const FieldDef& field, const Value& value) {
  const auto to = stage_index(*field.stages, value);
  const auto& server_only = field.stages->server_only;
  if (!to || std::find(server_only.begin(), server_only.end(), *to) == server_only.end()) return {};
  return rule_mismatch(collection, field, "only the server moves to " + field.stages->stages[*to]);
}

}  // namespace

CommitBuilder::CommitBuilder(const schema::Catalog& catalog, ShownRecord shown, Author author,
                             Dot dot, Stamp stamp, Guard guard)
    : catalog_(catalog),
      shown_(std::move(shown)),
      author_(author),
      guard_(std::move(guard)),
      dot_(dot),
      stamp_(stamp) {}

Result<CommitBuilder::Work*> CommitBuilder::work_on(const CollectionDef& collection,
                                                    const RecordId& id, bool may_create) {
  if (const auto at = records_.find(id); at != records_.end()) {
    if (at->second.current.collection != collection.id) {
      return Error{Errc::kRecordUnknown, collection.name};
    }
    if (may_create) return Error{Errc::kAlreadyExists, collection.name + "/" + to_text(id)};
    return &at->second;
  }
  auto held = shown_(collection, id);
  if (!held) return held.error();
  if (*held && (*held)->collection != collection.id) {
    return Error{Errc::kRecordUnknown, collection.name + "/" + to_text(id)};
  }
  if (!*held && !may_create) {
    return Error{Errc::kRecordUnknown, collection.name + "/" + to_text(id)};
  }
  if (*held && may_create) return Error{Errc::kAlreadyExists, collection.name + "/" + to_text(id)};
  if (records_.size() >= limits::kCommitRecordsMax) {
    return Error{Errc::kLimitExceeded, "a commit writes at most " +
                                           std::to_string(limits::kCommitRecordsMax) + " records"};
  }
  Work work;
  work.held = held->has_value();
  work.original = work.held ? std::move(**held) : Record{collection.id, id, {}};
  work.current = work.original;
  work.index = body_.records.size();
  body_.records.push_back(RecordWrite{collection.id, id, !work.held, {}});
  if (!work.held) {
    // Most of what a new record will ever hold is written with it.
    body_.records.back().writes.reserve(kFieldsOfMost);
    work.current.entries.reserve(kFieldsOfMost);
  }
  return &records_.emplace(id, std::move(work)).first->second;
}

Result<CommitBuilder::Target> CommitBuilder::target(std::string_view collection, const RecordId& id,
                                                    std::string_view field) {
  Target target;
  target.collection = catalog_.find(collection);
  if (target.collection == nullptr) return Error{Errc::kCollectionUnknown, std::string{collection}};
  target.field = target.collection->find(field);
  if (target.field == nullptr) {
    return Error{Errc::kFieldUnknown, std::string{collection} + "." + std::string{field}};
  }
  auto work = work_on(*target.collection, id, false);
  if (!work) return work.error();
  target.work = *work;
  const bool creating = !target.work->held;
  if (!creating && !is_alive(target.work->current, target.collection->life)) {
    return Error{Errc::kRecordDeleted, target.collection->name + "/" + to_text(id)};
  }
  if (guard_) {
    SATCHEL_TRY(guard_(*target.collection, target.field->privacy, target.field->id, creating));
  }
  const Rule rule = rule_in_force(target.field->rule);
  if (author_ == Author::kDevice) {
    const bool office = target.field->server_only || (rule == Rule::kServer && !creating);
    if (office) {
      return rule_mismatch(*target.collection, *target.field, "only the server writes this field");
    }
    SATCHEL_TRY(check_frozen(*target.collection, *target.field, body_.records[target.work->index]));
  }
  if (rule == Rule::kOnce && target.work->original.find(target.field->id) != nullptr) {
    return rule_mismatch(*target.collection, *target.field, "it is written once and has its value");
  }
  return target;
}

Status CommitBuilder::write(const Target& target, WriteOp op, Bytes key, const Value& value) {
  RegisterWrite write;
  write.field = target.field->id;
  write.op = op;
  write.key = std::move(key);
  write.privacy = target.field->privacy;
  write.value = encode_value(value);
  SATCHEL_TRY(check_write(*target.field, write));
  Work& work = *target.work;
  const Bytes full_key = completed_key(write, dot_);
  const Entry* const before = work.original.find(write.field, full_key);
  if (op == WriteOp::kState && before != nullptr) write.shown = before->state.context;
  const bool more = work.current.find(write.field, full_key) == nullptr;
  if (more && work.current.entries.size() >= limits::kEntriesMax)
    return Error{Errc::kLimitExceeded, "entries of record " + target.collection->name};
  auto& writes = body_.records[work.index].writes;
  const auto at = std::lower_bound(writes.begin(), writes.end(), write,
                                   [](const RegisterWrite& a, const RegisterWrite& b) {
                                     return std::tie(a.field, a.key) < std::tie(b.field, b.key);
                                   });
  const bool again = at != writes.end() && at->field == write.field && at->key == write.key;
  if (again && op == WriteOp::kIncrement) {
    // A commit writes a register at most once: two increments of one commit are their sum.
    const auto sum = checked_sum(*decode_value(at->value), value);
    if (!sum) return Error{Errc::kLimitExceeded, place(*target.collection, *target.field)};
    write.value = encode_value(*sum);
  }
  const RegisterWrite& put =
      again ? (*at = std::move(write)) : *writes.insert(at, std::move(write));
  // Reset to what was shown before the commit first, so that a repeated write of one commit leaves
  // one sibling.
  if (before != nullptr) {
    work.current.at(put.field, full_key, put.privacy) = *before;
  } else if (!more) {
    auto& entries = work.current.entries;
    const Entry* const own = work.current.find(put.field, full_key);
    entries.erase(entries.begin() + (own - entries.data()));
  }
  apply_write(work.current, put, dot_, stamp_);
  return {};
}

Status CommitBuilder::write_life(Work& work, const Bytes& life) {
  RegisterWrite write;
  write.field = kLifeField;
  write.privacy = PrivacyClass::kStructure;
  write.value = life;
  if (const Entry* entry = work.original.find(kLifeField)) write.shown = entry->state.context;
  auto& writes = body_.records[work.index].writes;
  std::erase_if(writes, [](const RegisterWrite& each) { return each.field == kLifeField; });
  writes.push_back(write);  // kLifeField sorts last.
  apply_write(work.current, write, dot_, stamp_);
  return {};
}

Status CommitBuilder::create(std::string_view collection, const RecordId& id) {
  const CollectionDef* def = catalog_.find(collection);
  if (def == nullptr) return Error{Errc::kCollectionUnknown, std::string{collection}};
  if (guard_) SATCHEL_TRY(guard_(*def, PrivacyClass::kStructure, kLifeField, true));
  auto work = work_on(*def, id, true);
  if (!work) return work.error();
  return write_life(**work, alive_life());
}

Status CommitBuilder::set(std::string_view collection, const RecordId& id, std::string_view field,
                          const Value& value) {
  auto found = target(collection, id, field);
  if (!found) return found.error();
  const FieldDef& def = *found->field;
  switch (rule_in_force(def.rule)) {
    case Rule::kMax: return write(*found, WriteOp::kMaximum, {}, value);
    case Rule::kMin: return write(*found, WriteOp::kMinimum, {}, value);
    case Rule::kSet:
    case Rule::kAccessSet:
    case Rule::kMap:
    case Rule::kLog:
    case Rule::kCounter:
      return rule_mismatch(*found->collection, def,
                           "it is written entry by entry or by increments");
    case Rule::kStage: {
      if (author_ == Author::kDevice) SATCHEL_TRY(check_office(*found->collection, def, value));
      if (!value.is_null()) SATCHEL_TRY(check_move(*found, value));
      return write_stage(*found, value);
    }
    default: return write(*found, WriteOp::kState, {}, value);
  }
}

Status CommitBuilder::resolve(std::string_view collection, const RecordId& id,
                              std::string_view field, const Value& value) {
  auto found = target(collection, id, field);
  if (!found) return found.error();
  if (is_map_rule(rule_in_force(found->field->rule))) {
    return rule_mismatch(*found->collection, *found->field,
                         "its entries have no conflict to resolve");
  }
  if (found->field->rule == Rule::kStage) {
    if (author_ == Author::kDevice)
      SATCHEL_TRY(check_office(*found->collection, *found->field, value));
    return write_stage(*found, value);
  }
  return write(*found, WriteOp::kState, {}, value);
}

Status CommitBuilder::set_entry(std::string_view collection, const RecordId& id,
                                std::string_view field, const Value& key, const Value& value) {
  auto found = target(collection, id, field);
  if (!found) return found.error();
  if (rule_in_force(found->field->rule) != Rule::kMap) {
    return rule_mismatch(*found->collection, *found->field, "it is not a map");
  }
  const Bytes name = encode_value(key);
  const Entry* shown = found->work->current.find(found->field->id, name);
  // Everybody writes the same register of a map: a smaller value must not cover a greater one.
  const Bytes over =
      value_over(*found->field, shown != nullptr ? &shown->state : nullptr, encode_value(value));
  auto kept = decode_value(over);
  if (!kept) return kept.error();
  return write(*found, WriteOp::kState, name, value.is_null() ? value : *kept);
}

Status CommitBuilder::add(std::string_view collection, const RecordId& id, std::string_view field,
                          std::int64_t increment) {
  auto found = target(collection, id, field);
  if (!found) return found.error();
  if (rule_in_force(found->field->rule) != Rule::kCounter) {
    return rule_mismatch(*found->collection, *found->field, "it is not a counter");
  }
  // Of the commit's own increments there is one, their sum.
  RegisterWrite own;
  own.op = WriteOp::kIncrement;
  const auto& entries = found->work->current;
  if (!stays_in_range(*found->field, entries.of_field(found->field->id), completed_key(own, dot_),
                      increment)) {
    const schema::Type& type = found->field->value_type();
    return Error{Errc::kLimitExceeded, place(*found->collection, *found->field) +
                                           ": a counter stays between " + std::to_string(type.min) +
                                           " and " + std::to_string(type.max)};
  }
  return write(*found, WriteOp::kIncrement, {}, Value{increment});
}

Status CommitBuilder::set_add(std::string_view collection, const RecordId& id,
                              std::string_view field, const Value& element) {
  auto found = target(collection, id, field);
  if (!found) return found.error();
  const Rule rule = rule_in_force(found->field->rule);
  if (rule != Rule::kSet && rule != Rule::kAccessSet) {
    return rule_mismatch(*found->collection, *found->field, "it is not a set");
  }
  if (element.is_null()) {
    return rule_mismatch(*found->collection, *found->field, "null is no element");
  }
  return write(*found, WriteOp::kState, encode_value(element), Value{true});
}

Status CommitBuilder::set_remove(std::string_view collection, const RecordId& id,
                                 std::string_view field, const Value& element) {
  auto found = target(collection, id, field);
  if (!found) return found.error();
  const Rule rule = rule_in_force(found->field->rule);
  if (rule != Rule::kSet && rule != Rule::kAccessSet) {
    return rule_mismatch(*found->collection, *found->field, "it is not a set");
  }
  return write(*found, WriteOp::kState, encode_value(element), Value{});
}

Status CommitBuilder::log_append(std::string_view collection, const RecordId& id,
                                 std::string_view field, const Value& value) {
  auto found = target(collection, id, field);
  if (!found) return found.error();
  if (rule_in_force(found->field->rule) != Rule::kLog) {
    return rule_mismatch(*found->collection, *found->field, "it is not a log");
  }
  const std::uint16_t place_number = next_place_;
  Bytes key{static_cast<char>(place_number >> 8), static_cast<char>(place_number & 0xFF)};
  SATCHEL_TRY(write(*found, WriteOp::kAppend, std::move(key), value));
  ++next_place_;
  return {};
}

Status CommitBuilder::erase(std::string_view collection, const RecordId& id) {
  const CollectionDef* def = catalog_.find(collection);
  if (def == nullptr) return Error{Errc::kCollectionUnknown, std::string{collection}};
  if (guard_) SATCHEL_TRY(guard_(*def, PrivacyClass::kStructure, kLifeField, false));
  auto work = work_on(*def, id, false);
  if (!work) return work.error();
  if ((*work)->current.find(kLifeField) == nullptr) {
    return Error{Errc::kRecordUnknown, def->name + "/" + to_text(id)};
  }
  if (!is_alive((*work)->current, def->life)) {
    return Error{Errc::kRecordDeleted, def->name + "/" + to_text(id)};
  }
  const Gates gates{catalog_, [this](const CollectionDef& in, const RecordId& record) {
                      return before(in, record);
                    }};
  const auto now_us = static_cast<std::int64_t>(stamp_.ms()) * 1000;
  auto kept =
      gates.retained(*def, body_.records[(*work)->index], author_ == Author::kServer, now_us);
  if (!kept) return kept.error();
  if (*kept) return retained_error(*def, **kept);
  return write_life(**work, make_dead((*work)->current));
}

Status CommitBuilder::restore(std::string_view collection, const RecordId& id) {
  const CollectionDef* def = catalog_.find(collection);
  if (def == nullptr) return Error{Errc::kCollectionUnknown, std::string{collection}};
  if (guard_) SATCHEL_TRY(guard_(*def, PrivacyClass::kStructure, kLifeField, false));
  auto work = work_on(*def, id, false);
  if (!work) return work.error();
  if (author_ != Author::kServer) {
    const Gates gates{catalog_, [this](const CollectionDef& in, const RecordId& record) {
                        return before(in, record);
                      }};
    auto gate = gates.left_out(*def, body_.records[(*work)->index]);
    if (!gate) return gate.error();
    if (*gate) return left_out_error(*def, **gate);
  }
  return write_life(**work, alive_life());
}

Result<std::optional<Record>> CommitBuilder::shown(const CollectionDef& collection,
                                                   const RecordId& id) {
  if (const auto at = records_.find(id); at != records_.end()) {
    return std::optional<Record>{at->second.current};
  }
  return shown_(collection, id);
}

Result<CommitBody> CommitBuilder::finish() {
  for (auto& [id, work] : records_) SATCHEL_TRY(mark_reopened(work));
  for (const RecordWrite& record : body_.records) {
    const CollectionDef* def = catalog_.find(record.collection);
    if (def == nullptr) continue;
    for (const RegisterWrite& each : record.writes) {
      const FieldDef* field = def->find(each.field);
      // A reference may have been written after what hangs on it.
      const bool through = field != nullptr && field->frozen_from && field->frozen_from->through;
      if (through) SATCHEL_TRY(check_frozen(*def, *field, record));
    }
    if (!record.creates) continue;
    const Record& current = records_.at(record.id).current;
    for (const FieldDef& field : def->fields) {
      if (field.required && current.of_field(field.id).empty())
        return Error{Errc::kRequiredMissing, place(*def, field)};
    }
  }
  // A record that was only looked at is no write.
  std::erase_if(body_.records, [](const RecordWrite& record) { return record.writes.empty(); });
  records_.clear();
  return std::move(body_);
}

}  // namespace satchel::sync
