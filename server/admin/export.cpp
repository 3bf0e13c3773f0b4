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

// RFC 4180; what a spreadsheet would take for a formula is led by an apostrophe.
void append_cell(Bytes& out, std::string text) {
  constexpr std::string_view kFormula = "=+-@\t\r";
  const bool number = !text.empty() && text.find_first_not_of("0123456789.-") == std::string::npos;
  if (!text.empty() && !number && kFormula.find(text.front()) != std::string_view::npos) {
    text.insert(text.begin(), '\'');
  }
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

std::string text_of(const schema::Type& type, const Value& value) {
  if (value.is_null()) return {};
  if (const auto* text = value.as<std::string>()) return *text;
  return schema::canonical_json(type, value);
}

std::string cell_of(const Column& column, const sync::FieldReading& reading) {
  const FieldDef& field = *column.field;
  if (!reading.present) return {};
  if (schema::is_map_rule(field.rule)) return sync::shown_json(field, reading);
  auto value = decode_value(reading.value);
  if (!value) return {};
  if (column.member == nullptr) return text_of(field.type, *value);
  const auto* const members = value->as<StructMembers>();
  if (members == nullptr) return {};
  const auto found = std::find_if(members->begin(), members->end(), [&](const auto& member) {
    return member.first == column.member->ordinal;
  });
  return found == members->end() ? std::string{} : text_of(column.member->type, found->second);
}

void append_header(Bytes& out, const std::vector<Column>& columns) {
  out += "id";
  for (const Column& column : columns) {
    out += "," + column.field->name;
    if (column.member != nullptr) out += "." + column.member->name;
  }
  out += "\r\n";
}

void append_row(Bytes& out, const std::vector<Column>& columns, const sync::Record& record) {
  out += to_text(record.id);
  const FieldDef* read = nullptr;
  sync::FieldReading reading;
  for (const Column& column : columns) {
    if (column.field != read)
      reading = sync::read_field(*column.field, record.of_field(column.field->id));
    read = column.field;
    out += ',';
    append_cell(out, cell_of(column, reading));
  }
  out += "\r\n";
}

}  // namespace

Result<Bytes> export_records(sync::Hub& hub, const std::string& name, ExportFormat format) {
  const auto catalog = hub.catalog();
  const CollectionDef* const collection = catalog->find(name);
  if (collection == nullptr) return Error{Errc::kCollectionUnknown, name};
  const auto columns = columns_of(*collection);
  Bytes out;
  if (format == ExportFormat::kCsv) append_header(out, columns);
  SATCHEL_TRY(hub.visit_records(nullptr, [&](const sync::Record& record) {
    if (record.collection != collection->id || !sync::is_alive(record, collection->life))
      return true;
    if (format == ExportFormat::kCsv) {
      append_row(out, columns, record);
    } else {
      out += sync::canonical_record(*collection, record) + "\n";
    }
    return true;
  }));
  return out;
}

}  // namespace satchel::server
