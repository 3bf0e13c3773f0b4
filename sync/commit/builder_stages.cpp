// What stages have to do with a commit: moves, what they freeze, and what takes them back.
#include <algorithm>

#include "sync/commit/builder.hpp"
#include "sync/commit/check.hpp"
#include "sync/commit/gate.hpp"
#include "sync/merge/local_write.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;

bool reaches(const FieldDef& field, ByteView value) {
  const auto stage = stage_of(field, value);
  return stage && field.reopening->gate.is_reached_by(*stage, *field.stages);
}

bool holds_mark(const Record& record, const FieldDef& field) {
  const Entry* mark = record.find(field.id, kReopenKey);
  return mark != nullptr &&
         std::any_of(mark->state.siblings.begin(), mark->state.siblings.end(),
                     [](const Sibling& each) { return !is_null_bytes(each.value); });
}

}  // namespace

Result<std::optional<Record>> CommitBuilder::before(const CollectionDef& collection,
                                                    const RecordId& id) {
  const auto at = records_.find(id);
  if (at == records_.end()) return shown_(collection, id);
  if (!at->second.held) return std::optional<Record>{};
  return std::optional<Record>{at->second.original};
}

Status CommitBuilder::check_frozen(const CollectionDef& collection, const FieldDef& field,
                                   const RecordWrite& record) {
  if (author_ == Author::kServer || !field.frozen_from) return {};
  const Gates gates{catalog_,
                    [this](const CollectionDef& in, const RecordId& id) { return before(in, id); }};
  auto gate = gates.frozen(collection, field, record);
  if (!gate) return gate.error();
  return *gate ? Status{frozen_error(collection, field, **gate)} : Status{};
}

Status CommitBuilder::check_move(const Target& target, const Value& value) const {
  const FieldDef& field = *target.field;
  const Record& record = target.work->current;
  const Entry* shown = record.find(field.id);
  const Bytes encoded = encode_value(value);
  const Status moved = may_write_stage(field, shown != nullptr ? &shown->state : nullptr, encoded);
  if (moved || !read_field(field, record.of_field(field.id)).reopened) return moved;
  // It is shown where it was taken back to, and may go on from there.
  const auto next = stage_index(*field.stages, value);
  return next && may_write_stage(*field.stages, field.reopening->to, *next) ? Status{} : moved;
}

Status CommitBuilder::write_stage(const Target& target, const Value& value) {
  SATCHEL_TRY(write(target, WriteOp::kState, {}, value));
  const FieldDef& field = *target.field;
  if (!field.reopening || value.is_null() || !reaches(field, encode_value(value))) return {};
  // Whoever moves on has seen the entries that he was shown: they take nothing back from now on.
  if (!holds_mark(target.work->original, field)) return {};
  return write(target, WriteOp::kState, Bytes{kReopenKey}, Value{});
}

Status CommitBuilder::mark_reopened(Work& work) {
  const CollectionDef* collection = catalog_.find(work.current.collection);
  if (collection == nullptr || !work.held) return {};  // Nobody else knows a record made here.
  std::vector<FieldId> reopened;
  for (const RegisterWrite& each : body_.records[work.index].writes) {
    const FieldDef* log = collection->find(each.field);
    if (log != nullptr && log->reopens) reopened.push_back(*log->reopens);
  }
  for (const FieldId id : reopened) {
    const FieldDef* field = collection->find(id);
    // Who is shown the stage, or moves to it here, knows of both.
    const FieldReading reading = read_field(*field, work.current.of_field(id));
    if (reading.present && !reading.contested && reaches(*field, reading.value)) continue;
    // Who may not write the stage may still add his entry.
    if (guard_ && !guard_(*collection, field->privacy, id, false)) continue;
    const Target target{collection, field, &work};
    SATCHEL_TRY(write(target, WriteOp::kState, Bytes{kReopenKey}, Value{true}));
  }
  return {};
}

}  // namespace satchel::sync
