#include "sdk/engine/render.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "schema/catalog/json.hpp"
#include "sync/merge/dot_text.hpp"
#include "sync/merge/explain.hpp"
#include "sync/merge/shown_json.hpp"
#include "sync/record/canonical.hpp"

namespace satchel::sdk {
namespace {

using schema::CollectionDef;
using schema::FieldDef;

std::string names_json(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const std::string& name : names) {
    if (out.size() > 1) out += ',';
    schema::append_json_string(out, name);
  }
  return out + ']';
}

std::string identity_members(const CollectionDef& collection, const RecordId& id) {
  return "\"collection\":" + text_json(collection.name) + ",\"id\":" + text_json(to_text(id));
}

std::string name_of_field(const CollectionDef& collection, FieldId id) {
  if (id == kLifeField) return "life";
  const FieldDef* field = collection.find(id);
  return field != nullptr ? field->name : "@" + std::to_string(id);
}

// What one write asks for, as a person typed it more or less.
std::string write_json(const CollectionDef& collection, const sync::RegisterWrite& write) {
  static constexpr std::array<std::string_view, 5> kOps{"set", "add", "max", "min", "append"};
  const FieldDef* field = collection.find(write.field);
  std::string out = "{\"field\":" + text_json(name_of_field(collection, write.field));
  if (field != nullptr && !write.key.empty() && write.op == sync::WriteOp::kState) {
    out += ",\"key\":" + text_json(sync::key_text(*field, write.key));
  }
  out += ",\"op\":" + text_json(kOps.at(static_cast<std::size_t>(write.op)));
  if (field != nullptr) {
    const bool keyed = field->rule == schema::Rule::kLog || field->rule == schema::Rule::kMap;
    out += ",\"value\":";
    sync::append_encoded_json(
        out, keyed && field->type.element ? *field->type.element : field->type, write.value);
  }
  return out + '}';
}

struct Summary {
  std::vector<std::string> fields;  // Names, sorted.
  std::string records;              // JSON
};

Summary summary_of(const schema::Catalog& catalog, const sync::CommitBody& body, bool with_values) {
  Summary summary;
  summary.records = "[";
  for (const sync::RecordWrite& write : body.records) {
    const CollectionDef* collection = catalog.find(write.collection);
    if (collection == nullptr) continue;
    if (summary.records.size() > 1) summary.records += ',';
    summary.records += '{' + identity_members(*collection, write.id) +
                       ",\"new\":" + (write.creates ? "true" : "false");
    if (with_values) summary.records += ",\"writes\":[";
    for (const sync::RegisterWrite& each : write.writes) {
      summary.fields.push_back(name_of_field(*collection, each.field));
      if (!with_values) continue;
      if (summary.records.back() != '[') summary.records += ',';
      summary.records += write_json(*collection, each);
    }
    summary.records += with_values ? "]}" : "}";
  }
  summary.records += ']';
  std::sort(summary.fields.begin(), summary.fields.end());
  summary.fields.erase(std::unique(summary.fields.begin(), summary.fields.end()),
                       summary.fields.end());
  return summary;
}

std::string reduced_fields(const schema::Catalog& catalog, const sync::InboxItem& item) {
  std::vector<std::string> names;
  for (const auto& [id, field] : item.result.fields) {
    for (const sync::RecordWrite& write : item.commit.body.records) {
      const CollectionDef* collection = catalog.find(write.collection);
      if (write.id == id && collection != nullptr)
        names.push_back(name_of_field(*collection, field));
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names_json(names);
}

std::string_view outcome_name(wire::Outcome outcome) {
  static constexpr std::array<std::string_view, 5> kNames{"applied", "merged", "reduced", "denied",
                                                          "invalid"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

std::string_view kind_name(schema::Kind kind) {
  static constexpr std::array<std::string_view, 10> kNames{
      "", "bool", "integer", "real", "text", "data", "struct", "list", "map", "attachment"};
  return kNames.at(static_cast<std::size_t>(kind));
}

}  // namespace

std::string text_json(std::string_view text) {
  std::string out;
  schema::append_json_string(out, text);
  return out;
}

std::string time_json(std::int64_t time_us) {
  if (time_us == 0) return "null";
  std::int64_t seconds = time_us / 1'000'000;
  std::int64_t rest = time_us % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  const std::time_t at = seconds;
  std::tm parts{};
  gmtime_r(&at, &parts);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06dZ", static_cast<int>(rest));
  return '"' + std::string{text.data(), size} + fraction.data() + '"';
}

std::string record_json(const CollectionDef& collection, const sync::Record& record) {
  return "{\"collection\":" + text_json(collection.name) +
         ",\"conflicts\":" + names_json(sync::conflicting_fields(collection, record)) +
         ",\"fields\":" + sync::canonical_fields(collection, record) +
         ",\"id\":" + text_json(to_text(record.id)) +
         ",\"withheld\":" + names_json(sync::withheld_fields(collection, record)) + '}';
}

std::string change_json(const CollectionDef& collection, const RecordId& id,
                        const sync::Record* record, const std::vector<FieldId>& fields,
                        Sequence seq) {
  std::vector<const FieldDef*> known;
  for (const FieldId each : fields) {
    if (const FieldDef* field = collection.find(each)) known.push_back(field);
  }
  std::sort(known.begin(), known.end(), [](const FieldDef* a, const FieldDef* b) {
    return schema::json_name_less(a->name, b->name);
  });
  known.erase(std::unique(known.begin(), known.end()), known.end());
  std::string values = "{";
  for (const FieldDef* field : known) {
    if (record == nullptr) break;
    if (values.size() > 1) values += ',';
    schema::append_json_string(values, field->name);
    const auto entries = record->of_field(field->id);
    values += ':' + sync::shown_json(*field, sync::read_field(*field, entries));
  }
  return "{\"collection\":" + text_json(collection.name) + ",\"fields\":" + values + '}' +
         (record == nullptr ? ",\"gone\":true" : "") + ",\"id\":" + text_json(to_text(id)) +
         ",\"seq\":" + std::to_string(seq) + '}';
}

bool has_conflict(const CollectionDef& collection, const sync::Record& record) {
  // Only registers with several siblings can disagree: most records have none.
  const bool concurrent =
      std::any_of(record.entries.begin(), record.entries.end(),
                  [](const sync::Entry& entry) { return entry.state.siblings.size() > 1; });
  return concurrent && !sync::conflicting_fields(collection, record).empty();
}

void append_conflicts(const CollectionDef& collection, const sync::Record& record,
                      const sync::NameOfReplica& name, std::vector<std::string>& rows) {
  for (const std::string& each : sync::conflicting_fields(collection, record)) {
    const FieldDef* field = collection.find(each);
    const sync::Explanation explanation =
        sync::explain_field(collection, record.id, *field, record.of_field(field->id), name);
    std::string siblings = "[";
    for (const sync::ConcurrentValue& value : explanation.concurrent) {
      if (siblings.size() > 1) siblings += ',';
      siblings += "{\"dot\":" + text_json(sync::to_text(value.dot)) +
                  (value.key.empty() ? "" : ",\"key\":" + text_json(value.key)) +
                  ",\"replica\":" + text_json(value.replica) +
                  ",\"stamp\":" + text_json(sync::to_text(value.stamp)) +
                  ",\"value\":" + value.value + '}';
    }
    rows.push_back('{' + identity_members(collection, record.id) + ",\"field\":" + text_json(each) +
                   ",\"rule\":" + text_json(explanation.rule) +
                   ",\"sentence\":" + text_json(explanation.sentence) +
                   ",\"shown\":" + explanation.shown + ",\"siblings\":" + siblings + "]}");
  }
}

std::string pending_json(const schema::Catalog& catalog, const sync::PendingCommit& commit,
                         bool with_values) {
  const Summary summary = summary_of(catalog, commit.body, with_values);
  const sync::Stamp stamp{commit.header.stamp};
  return "{\"at\":" + time_json(static_cast<std::int64_t>(stamp.ms()) * 1000) +
         ",\"commit\":" + std::to_string(commit.place) +
         ",\"fields\":" + names_json(summary.fields) +
         ",\"purpose\":" + text_json(commit.header.purpose) + ",\"records\":" + summary.records +
         '}';
}

std::string records_json(const schema::Catalog& catalog,
                         const std::vector<std::pair<CollectionId, RecordId>>& records) {
  std::string out = "[";
  for (const auto& [collection, id] : records) {
    const schema::CollectionDef* known = catalog.find(collection);
    if (out.size() > 1) out += ',';
    out += "{\"collection\":" + (known == nullptr ? "null" : text_json(known->name)) +
           ",\"id\":" + (collection == 0 ? "null" : text_json(to_text(id))) + '}';
  }
  return out + ']';
}

std::string damaged_json(const schema::Catalog& catalog,
                         const std::vector<sync::DamagedCommit>& damaged) {
  static constexpr std::array<std::string_view, 4> kStates{"sealed_copy", "lost", "answered",
                                                           "acknowledged"};
  std::string out = "[";
  for (const sync::DamagedCommit& each : damaged) {
    out += std::string{out.size() > 1 ? "," : ""} + "{\"commit\":" + std::to_string(each.place);
    out += ",\"records\":" + records_json(catalog, each.records);
    out += ",\"state\":" + text_json(kStates.at(static_cast<std::size_t>(each.state))) + '}';
  }
  return out + ']';
}

namespace {

std::string since(const schema::StageGate& gate) {
  return " since " + gate.path + " is \"" + gate.stage + '"';
}

// Which stage refused the write; empty where none did, or the schema knows it no longer.
std::string refused_by_stage(const CollectionDef& collection, const sync::RegisterWrite& write,
                             std::string_view rule) {
  const FieldDef* field = collection.find(write.field);
  if (rule == "frozen" && field != nullptr && field->frozen_from) {
    return collection.name + '.' + field->name + " is frozen" + since(*field->frozen_from) +
           "; only the office changes it.";
  }
  if (rule == "server-stage" && field != nullptr && field->stages) {
    const auto stage = sync::stage_of(*field, write.value);
    if (!stage || !field->stages->find(*stage)) return {};
    return "Only the office moves " + collection.name + '.' + field->name + " to \"" + *stage +
           "\".";
  }
  if (rule != "retained" || write.field != kLifeField) return {};
  for (const FieldDef& each : collection.fields) {
    if (!each.retained_from) continue;
    return collection.name + " is kept (" + std::string{name_of(each.retention)} + ')' +
           since(*each.retained_from) +
           "; the office may delete it once its retainUntil has passed.";
  }
  return {};
}

// Stages and names are the schema's: nothing personal.
std::string inbox_sentence(const schema::Catalog& catalog, const sync::InboxItem& item, Errc code) {
  const auto& taken_out = item.result.fields;
  for (const sync::RecordWrite& record : item.commit.body.records) {
    const CollectionDef* collection = catalog.find(record.collection);
    if (collection == nullptr) continue;
    for (const sync::RegisterWrite& write : record.writes) {
      const auto named = std::pair{record.id, write.field};
      if (!taken_out.empty() &&
          std::find(taken_out.begin(), taken_out.end(), named) == taken_out.end())
        continue;
      std::string by_stage = refused_by_stage(*collection, write, item.result.rule);
      if (!by_stage.empty()) return by_stage;
    }
  }
  return std::string{sentence(code)};
}

}  // namespace

std::string inbox_json(const schema::Catalog& catalog, const sync::InboxItem& item,
                       bool with_values) {
  const Summary summary = summary_of(catalog, item.commit.body, with_values);
  const Errc code = errc_from_number(item.result.code).value_or(Errc::kPolicyDenied);
  const bool reduced = item.result.outcome == wire::Outcome::kReduced;
  return "{\"at\":" + time_json(item.at_us) + ",\"code\":" + text_json(wire_name(code)) +
         ",\"commit\":" + std::to_string(item.commit.place) +
         ",\"fields\":" + (reduced ? reduced_fields(catalog, item) : names_json(summary.fields)) +
         ",\"id\":" + std::to_string(item.id) +
         ",\"outcome\":" + text_json(outcome_name(item.result.outcome)) +
         ",\"records\":" + summary.records + ",\"rule\":" + text_json(item.result.rule) +
         ",\"sentence\":" + text_json(inbox_sentence(catalog, item, code)) + '}';
}

std::string schema_json(const schema::Catalog& catalog) {
  std::string out = "{\"collections\":[";
  for (const CollectionDef& collection : catalog.collections()) {
    if (out.back() != '[') out += ',';
    out += "{\"fields\":[";
    for (const FieldDef& field : collection.fields) {
      if (out.back() != '[') out += ',';
      out += std::string{"{\"indexed\":"} + (field.indexed ? "true" : "false") +
             ",\"name\":" + text_json(field.name) +
             ",\"privacy\":" + text_json(name_of(field.privacy)) +
             ",\"required\":" + (field.required ? "true" : "false") +
             ",\"rule\":" + text_json(schema::name_of(field.rule)) +
             ",\"searchable\":" + (field.searchable ? "true" : "false") +
             ",\"type\":" + text_json(kind_name(field.type.kind)) + '}';
    }
    out += "],\"name\":" + text_json(collection.name) + '}';
  }
  return out + "],\"hash\":" + text_json(to_hex(catalog.hash())) + '}';
}

}  // namespace satchel::sdk
