#include "sync/merge/reading.hpp"

#include <algorithm>

#include "sync/merge/compare.hpp"
#include "sync/merge/total.hpp"

namespace satchel::sync {
namespace {

using schema::FieldDef;
using schema::Rule;

// Puts the siblings of one register among winners and losers.
void name_siblings(const Entry& entry, const Sibling* winner, FieldReading& reading) {
  for (const Sibling& sibling : entry.state.siblings) {
    SiblingName name{entry.key, sibling.dot};
    if (&sibling == winner) {
      reading.winners.push_back(std::move(name));
    } else {
      reading.losers.push_back(std::move(name));
    }
  }
}

// The value that says only that the stage is `stage`: of a struct the other members told of the
// stage that was taken back.
Bytes stage_value(const FieldDef& field, const std::string& stage) {
  const auto& structure = field.type.structure;
  if (!structure || structure->members.empty()) return encode_value(Value{stage});
  return encode_value(Value{StructMembers{{structure->members[0].ordinal, Value{stage}}}});
}

// The register that $reopens adds to a stage field: what stands in it is either the reason for what
// is shown, or says nothing that could be lost.
void read_stage_field(const FieldDef& field, std::span<const Entry> entries,
                      FieldReading& reading) {
  const ReopenedReading reopened = read_reopened(field, entries);
  for (const Entry& entry : entries) {
    if (entry.key.empty()) {
      const RegisterReading shown = read_register(field.rule, field, entry.state);
      reading.present = shown.present;
      reading.flagged = shown.flagged;
      reading.contested = shown.contested;
      if (shown.present) reading.value = shown.shown->value;
      name_siblings(entry, reopened.by == nullptr ? shown.shown : nullptr, reading);
    } else {
      for (const Sibling& sibling : entry.state.siblings)
        reading.winners.push_back({entry.key, sibling.dot});
    }
  }
  if (reopened.by == nullptr) return;
  reading.reopened = true;
  reading.value = stage_value(field, field.stages->stages[field.reopening->to]);
}

void read_plain(const FieldDef& field, const Entry& entry, FieldReading& reading) {
  const RegisterReading shown = read_register(field.rule, field, entry.state);
  reading.present = shown.present;
  reading.flagged = shown.flagged;
  reading.contested = shown.contested;
  if (shown.present) reading.value = shown.shown->value;
  name_siblings(entry, shown.shown, reading);
}

void read_items(const FieldDef& field, std::span<const Entry> entries, FieldReading& reading) {
  const Rule rule = register_rule(field);
  for (const Entry& entry : entries) {
    const RegisterReading shown = read_register(rule, field, entry.state);
    name_siblings(entry, shown.shown, reading);
    reading.flagged = reading.flagged || shown.flagged;
    reading.contested = reading.contested || shown.contested;
    if (!shown.present) continue;
    reading.items.push_back(ShownItem{entry.key, shown.shown->value, shown.shown->dot,
                                      shown.flagged, shown.contested});
  }
  reading.present = !reading.items.empty();
}

// Each author's register holds what he has counted; the value is the sum, in the order of the keys.
void read_counter(const FieldDef& field, std::span<const Entry> entries, FieldReading& reading) {
  std::optional<Value> total;
  for (const Entry& entry : entries) {
    const RegisterReading own = read_register(Rule::kLww, field, entry.state);
    name_siblings(entry, own.shown, reading);
    if (!own.present) continue;
    if (const Result<Value> counted = decode_value(own.shown->value)) {
      total = total ? saturated_sum(*total, *counted) : *counted;
    }
  }
  reading.present = total.has_value();
  if (total) reading.value = encode_value(*total);
}

// Each author's register holds his own extreme; the value is the extreme of all.
void read_extreme_of_all(const FieldDef& field, std::span<const Entry> entries,
                         std::strong_ordering wanted, FieldReading& reading) {
  const Sibling* extreme = nullptr;
  for (const Entry& entry : entries) {
    const RegisterReading own = read_register(field.rule, field, entry.state);
    if (!own.present) continue;
    const auto order = extreme == nullptr ? wanted
                                          : compare_encoded(own.shown->value, extreme->value);
    if (order == wanted || (order == 0 && later(*own.shown, *extreme))) extreme = own.shown;
  }
  for (const Entry& entry : entries) name_siblings(entry, extreme, reading);
  reading.present = extreme != nullptr;
  if (extreme != nullptr) reading.value = extreme->value;
}

}  // namespace

ReopenedReading read_reopened(const FieldDef& field, std::span<const Entry> entries) {
  ReopenedReading none;
  if (!field.reopening || !field.stages) return none;
  ReopenedReading found;
  for (const Entry& entry : entries) {
    if (entry.key.empty()) {
      const RegisterReading shown = read_register(Rule::kStage, field, entry.state);
      // What is contested waits for a person, who sees the entry as well.
      if (!shown.present || shown.contested) return none;
      const auto stage = stage_of(field, shown.shown->value);
      if (!stage || !field.reopening->gate.is_reached_by(*stage, *field.stages)) return none;
      found.moved = shown.shown;
    } else if (entry.key == kReopenKey) {
      for (const Sibling& sibling : entry.state.siblings) {
        if (is_null_bytes(sibling.value)) continue;
        if (found.by == nullptr || later(sibling, *found.by)) found.by = &sibling;
      }
    }
  }
  return found.by != nullptr && found.moved != nullptr ? found : none;
}

FieldReading read_field(const FieldDef& field, std::span<const Entry> entries) {
  FieldReading reading;
  reading.withheld = std::any_of(entries.begin(), entries.end(),
                                 [](const Entry& entry) { return entry.withheld; });
  switch (schema::rule_in_force(field.rule)) {
    case Rule::kSet:
    case Rule::kAccessSet:
    case Rule::kLog:
    case Rule::kMap: read_items(field, entries, reading); break;
    case Rule::kCounter: read_counter(field, entries, reading); break;
    case Rule::kMax:
      read_extreme_of_all(field, entries, std::strong_ordering::greater, reading);
      break;
    case Rule::kMin:
      read_extreme_of_all(field, entries, std::strong_ordering::less, reading);
      break;
    case Rule::kStage: read_stage_field(field, entries, reading); break;
    default:
      if (!entries.empty()) read_plain(field, entries.front(), reading);
  }
  return reading;
}

}  // namespace satchel::sync
