// One collection as NDJSON or CSV.
#include <algorithm>
#include <map>

#include "schema/catalog/json.hpp"
#include "server/admin/dump.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"
#include "sync/merge/shown_json.hpp"
#include "sync/record/canonical.hpp"

namespace satchel::server {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using schema::Kind;

// One column: a plain field, or a member of a struct field.
struct Column {
  const FieldDef* field = nullptr;
  const schema::StructMember* member = nullptr;
};

std::vector<Column> columns_of(const CollectionDef& collection) {
  std::vector<Column> columns;
  for (const FieldDef& field : collection.fields) {
    const bool flat = field.type.kind == Kind::kStruct && !schema::is_map_rule(field.rule);
    if (!flat) {
      columns.push_back({&field, nullptr});
      continue;
    }
    for (const schema::StructMember& member : field.type.structure->members) {
      columns.push_back({&field, &member});
    }
  }
  return columns;
}

// RFC 4180.
void append_cell(Bytes& out, const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

// A text is a formula for a spreadsheet by its first character; numbers are none. One that looks
// guarded is guarded once more, so that an import takes off just what was put on.
std::string guarded(std::string text) {
  const std::size_t first = text.find_first_not_of('\'');
  if (first != std::string::npos && kFormulaStarts.find(text[first]) != std::string_view::npos)
    text.insert(text.begin(), '\'');
  return text;
}

std::string text_of(const schema::Type& type, const Value& value, bool formula_guard) {
  if (value.is_null()) return {};
  if (const auto* text = value.as<std::string>()) return formula_guard ? guarded(*text) : *text;
  std::string json = schema::canonical_json(type, value);
  // Octets are a JSON string of Base64, which needs no escapes: a cell needs no quotes either.
  const bool is_string = json.size() >= 2 && json.front() == '"';
  json = is_string ? json.substr(1, json.size() - 2) : json;
  return is_string && formula_guard ? guarded(std::move(json)) : json;
}

std::string cell_of(const Column& column, const sync::FieldReading& reading, bool formula_guard) {
  const FieldDef& field = *column.field;
  if (!reading.present) return {};
  if (schema::is_map_rule(field.rule)) return sync::shown_json(field, reading);
  auto value = decode_value(reading.value);
  if (!value) return {};
  if (column.member == nullptr) return text_of(field.type, *value, formula_guard);
  const auto* const members = value->as<StructMembers>();
  if (members == nullptr) return {};
  const auto found = std::find_if(members->begin(), members->end(), [&](const auto& member) {
    return member.first == column.member->ordinal;
  });
  if (found == members->end()) return {};
  return text_of(column.member->type, found->second, formula_guard);
}

void append_header(Bytes& out, const std::vector<Column>& columns) {
  out += "id";
  for (const Column& column : columns) {
    out += "," + column.field->name;
    if (column.member != nullptr) out += "." + column.member->name;
  }
  out += "\r\n";
}

void append_row(Bytes& out, const std::vector<Column>& columns, const sync::Record& record,
                bool formula_guard) {
  out += to_text(record.id);
  const FieldDef* read = nullptr;
  sync::FieldReading reading;
  for (const Column& column : columns) {
    if (column.field != read)
      reading = sync::read_field(*column.field, record.of_field(column.field->id));
    read = column.field;
    out += ',';
    append_cell(out, cell_of(column, reading, formula_guard));
  }
  out += "\r\n";
}

}  // namespace

Result<Bytes> export_records(sync::Hub& hub, const std::string& name,
                             const ExportOptions& options) {
  const auto catalog = hub.catalog();
  const CollectionDef* const collection = catalog->find(name);
  if (collection == nullptr) return Error{Errc::kCollectionUnknown, name};
  const auto columns = columns_of(*collection);
  Bytes out;
  if (options.format == ExportFormat::kCsv) append_header(out, columns);
  SATCHEL_TRY(hub.visit_records(nullptr, [&](const sync::Record& record) {
    if (record.collection != collection->id || !sync::is_alive(record, collection->life))
      return true;
    if (options.format == ExportFormat::kCsv) {
      append_row(out, columns, record, options.formula_guard);
    } else {
      out += sync::canonical_record(*collection, record) + "\n";
    }
    return true;
  }));
  return out;
}

}  // namespace satchel::server
