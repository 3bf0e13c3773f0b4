#include "sync/record/canonical.hpp"

#include <algorithm>

#include "schema/catalog/json.hpp"
#include "sync/merge/dot_text.hpp"
#include "sync/merge/reading.hpp"
#include "sync/merge/shown_json.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using schema::Rule;

// The members of one object, put in order when they are written.
class Members {
 public:
  void add(std::string name, std::string json) {
    members_.emplace_back(std::move(name), std::move(json));
  }
  [[nodiscard]] bool empty() const { return members_.empty(); }
  std::string write() {
    std::sort(members_.begin(), members_.end(), [](const auto& a, const auto& b) {
      return schema::json_name_less(a.first, b.first);
    });
    std::string out{"{"};
    for (const auto& [name, json] : members_) {
      if (out.size() > 1) out += ',';
      schema::append_json_string(out, name);
      out += ':';
      out += json;
    }
    return out + '}';
  }

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

std::string quoted(std::string_view text) {
  std::string out;
  schema::append_json_string(out, text);
  return out;
}

std::string value_json(const FieldDef* field, ByteView value) {
  if (field == nullptr) return quoted("@" + to_hex(value));
  const Rule rule = schema::rule_in_force(field->rule);
  const bool keyed = rule == Rule::kLog || rule == Rule::kMap;
  std::string out;
  append_encoded_json(out, keyed && field->type.element ? *field->type.element : field->type,
                      value);
  return out;
}

std::string register_json(const FieldDef* field, const Entry& entry) {
  if (entry.withheld) return "{\"withheld\":true}";
  Members context;
  for (const Dot& dot : entry.state.context.entries()) {
    context.add(satchel::to_text(dot.replica), std::to_string(dot.commit));
  }
  std::string out = "{\"context\":" + context.write() + ",\"siblings\":[";
  for (const Sibling& sibling : entry.state.siblings) {
    if (out.back() != '[') out += ',';
    out += "{\"dot\":" + quoted(to_text(sibling.dot)) +
           ",\"stamp\":" + quoted(to_text(sibling.stamp)) +
           ",\"value\":" + value_json(field, sibling.value) + '}';
  }
  return out + "]}";
}

// All registers of one field: of a plain field the one, else an object by key.
std::string clocks_of_field(const FieldDef* field, std::span<const Entry> entries) {
  const bool plain = field != nullptr ? !schema::is_map_rule(field->rule) : entries[0].key.empty();
  if (plain && entries.size() == 1) return register_json(field, entries[0]);
  Members keys;
  for (const Entry& entry : entries) {
    keys.add(field != nullptr ? key_text(*field, entry.key) : "@" + to_hex(entry.key),
             register_json(field, entry));
  }
  return keys.write();
}

std::string clocks_json(const CollectionDef& collection, const Record& record) {
  Members fields;
  const std::span<const Entry> all{record.entries};
  for (std::size_t first = 0; first < all.size();) {
    const std::span<const Entry> entries = record.of_field(all[first].field);
    first += entries.size();
    const FieldId id = entries[0].field;
    if (id == kLifeField) continue;
    const FieldDef* field = collection.find(id);
    fields.add(field != nullptr ? field->name : "@" + std::to_string(id),
               clocks_of_field(field, entries));
  }
  return fields.write();
}

template <class Accept>
std::vector<std::string> names_of(const CollectionDef& collection, const Record& record,
                                  Accept&& accept) {
  std::vector<std::string> names;
  for (const FieldDef& field : collection.fields) {
    const std::span<const Entry> entries = record.of_field(field.id);
    if (!entries.empty() && accept(read_field(field, entries))) names.push_back(field.name);
  }
  std::sort(names.begin(), names.end(), schema::json_name_less);
  return names;
}

}  // namespace

std::string canonical_fields(const CollectionDef& collection, const Record& record) {
  Members fields;
  for (const FieldDef& field : collection.fields) {
    const std::span<const Entry> entries = record.of_field(field.id);
    if (entries.empty()) continue;
    const FieldReading reading = read_field(field, entries);
    if (reading.present) fields.add(field.name, shown_json(field, reading));
  }
  return fields.write();
}

std::string canonical_record(const CollectionDef& collection, const Record& record,
                             CanonicalOptions options) {
  Members members;
  members.add("collection", quoted(collection.name));
  members.add("fields", canonical_fields(collection, record));
  members.add("id", quoted(satchel::to_text(record.id)));
  if (options.clocks) {
    members.add("clocks", clocks_json(collection, record));
    if (const Entry* life = record.find(kLifeField)) {
      members.add("life", register_json(nullptr, *life));
    }
  }
  return members.write();
}

std::vector<std::string> withheld_fields(const CollectionDef& collection, const Record& record) {
  return names_of(collection, record, [](const FieldReading& reading) { return reading.withheld; });
}

std::vector<std::string> conflicting_fields(const CollectionDef& collection,
                                            const Record& record) {
  return names_of(collection, record, [](const FieldReading& reading) { return reading.flagged; });
}

}  // namespace satchel::sync
