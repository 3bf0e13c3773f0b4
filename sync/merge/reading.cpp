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
    default:
      if (!entries.empty()) read_plain(field, entries.front(), reading);
  }
  return reading;
}

}  // namespace satchel::sync
