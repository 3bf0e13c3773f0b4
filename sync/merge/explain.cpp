#include "sync/merge/explain.hpp"

#include <algorithm>

#include "schema/catalog/json.hpp"
#include "sync/merge/dot_text.hpp"
#include "sync/merge/sentence.hpp"
#include "sync/merge/shown_json.hpp"

namespace satchel::sync {
namespace {

using schema::FieldDef;
using schema::Rule;

const schema::Type& type_of_value(const FieldDef& field) {
  const bool keyed = schema::rule_in_force(field.rule) == Rule::kLog ||
                     schema::rule_in_force(field.rule) == Rule::kMap;
  return keyed && field.type.element ? *field.type.element : field.type;
}

bool has_own_registers(Rule rule) {
  return rule == Rule::kCounter || rule == Rule::kMax || rule == Rule::kMin;
}

std::string quoted(std::string_view text) {
  std::string out;
  schema::append_json_string(out, text);
  return out;
}

// How the loser that was written last is brought back.
std::string restore_of(const schema::CollectionDef& collection, const RecordId& id,
                       const FieldDef& field, std::span<const Entry> entries,
                       const FieldReading& reading) {
  const Sibling* latest = nullptr;
  for (const Entry& entry : entries) {
    for (const Sibling& sibling : entry.state.siblings) {
      const SiblingName name{entry.key, sibling.dot};
      if (!std::binary_search(reading.losers.begin(), reading.losers.end(), name)) continue;
      if (latest == nullptr || later(sibling, *latest)) latest = &sibling;
    }
  }
  if (latest == nullptr) return {};
  return "restore " + collection.name + ' ' + to_text(id) + ' ' + field.name + " --dot " +
         to_text(latest->dot);
}

void append_concurrent(std::string& out, const ConcurrentValue& value) {
  out += "{\"dot\":" + quoted(to_text(value.dot));
  if (!value.key.empty()) out += ",\"key\":" + quoted(value.key);
  out += ",\"replica\":" + quoted(value.replica) + ",\"stamp\":" + quoted(to_text(value.stamp)) +
         ",\"value\":" + value.value + '}';
}

}  // namespace

Explanation explain_field(const schema::CollectionDef& collection, const RecordId& id,
                          const FieldDef& field, std::span<const Entry> entries,
                          const NameOfReplica& name) {
  const FieldReading reading = read_field(field, entries);
  Explanation explanation;
  explanation.field = field.name;
  explanation.shown = shown_json(field, reading);
  explanation.rule = schema::name_of(field.rule);
  for (const Entry& entry : entries) {
    for (const Sibling& sibling : entry.state.siblings) {
      ConcurrentValue value{sibling.dot, sibling.stamp, person_of(name, sibling.dot.replica),
                            key_text(field, entry.key), {}};
      append_encoded_json(value.value, type_of_value(field), sibling.value);
      explanation.concurrent.push_back(std::move(value));
    }
  }
  for (const SiblingName& loser : reading.losers) explanation.losers.push_back(loser.dot);
  explanation.sentence = sentence_of(field, entries, reading, name);
  // What a replica counted or reached is part of the whole: there is nothing to bring back.
  if (!has_own_registers(field.rule)) {
    explanation.restore = restore_of(collection, id, field, entries, reading);
  }
  return explanation;
}

std::string to_json(const Explanation& explanation) {
  std::string out = "{\"concurrent\":[";
  for (std::size_t i = 0; i < explanation.concurrent.size(); ++i) {
    if (i > 0) out += ',';
    append_concurrent(out, explanation.concurrent[i]);
  }
  out += "],\"field\":" + quoted(explanation.field);
  if (!explanation.frozen.empty()) out += ",\"frozen\":" + quoted(explanation.frozen);
  out += ",\"losers\":[";
  for (std::size_t i = 0; i < explanation.losers.size(); ++i) {
    if (i > 0) out += ',';
    out += quoted(to_text(explanation.losers[i]));
  }
  const std::string restore = explanation.restore.empty() ? "null" : quoted(explanation.restore);
  out += "],\"restore\":" + restore;
  if (!explanation.retention.empty()) out += ",\"retention\":" + quoted(explanation.retention);
  out += ",\"rule\":" + quoted(explanation.rule) + ",\"sentence\":" + quoted(explanation.sentence) +
         ",\"shown\":" + explanation.shown + '}';
  return out;
}

}  // namespace satchel::sync
