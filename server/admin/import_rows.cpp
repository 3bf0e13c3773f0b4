// Import rows and reports as JSON, between satchelctl and the server.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schema/model/limits.hpp"
#include "server/admin/importer.hpp"
#include "server/http/json.hpp"

namespace satchel::server {
namespace {

constexpr std::size_t kRowsMax = 10'000;

Result<ImportValue> value_of(const json::value& from) {
  const auto* const object = from.if_object();
  if (object == nullptr) return Error{Errc::kInvalidArgument, "a row's values are objects"};
  ImportValue value;
  auto path = get_text(*object, "path");
  if (!path) return path.error();
  value.field.path = std::move(*path);
  auto as_json = find_text(*object, "json");
  if (!as_json) return as_json.error();
  auto text = find_text(*object, "text");
  if (!text) return text.error();
  value.field.is_json = as_json->has_value();
  value.field.text = *as_json ? std::move(**as_json) : text->value_or("");
  auto collection = find_text(*object, "ref");
  if (!collection) return collection.error();
  auto by = find_text(*object, "by");
  if (!by) return by.error();
  value.collection = collection->value_or("");
  value.by = by->value_or("id");
  return value;
}

Result<ImportRow> row_of(std::string_view line) {
  boost::system::error_code error;
  const json::value parsed = json::parse({line.data(), line.size()}, error);
  const auto* const object = parsed.if_object();
  if (error || object == nullptr) return Error{Errc::kInvalidArgument, "a row is no JSON object"};
  ImportRow row;
  if (const auto* number = object->if_contains("line"); number != nullptr && number->is_int64()) {
    row.line = static_cast<std::uint64_t>(number->get_int64());
  }
  auto key = find_text(*object, "key");
  if (!key) return key.error();
  row.key = key->value_or("");
  const auto* const values = object->if_contains("values");
  if (values == nullptr || !values->is_array()) {
    return Error{Errc::kInvalidArgument, "a row has a list of values"};
  }
  for (const json::value& each : values->get_array()) {
    auto value = value_of(each);
    if (!value) return value.error();
    row.values.push_back(std::move(*value));
  }
  return row;
}

}  // namespace

Result<std::vector<ImportRow>> parse_import_rows(ByteView lines) {
  std::vector<ImportRow> rows;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    lines = end == std::string_view::npos ? std::string_view{} : lines.substr(end + 1);
    if (line.empty()) continue;
    if (rows.size() == kRowsMax) return Error{Errc::kLimitExceeded, "10,000 rows at once"};
    auto row = row_of(line);
    if (!row) return row.error();
    rows.push_back(std::move(*row));
  }
  return rows;
}

Bytes import_rows_text(const std::vector<ImportRow>& rows) {
  Bytes lines;
  for (const ImportRow& row : rows) {
    json::array values;
    for (const ImportValue& each : row.values) {
      json::object value{{"path", each.field.path}};
      value[each.field.is_json ? "json" : "text"] = each.field.text;
      if (!each.collection.empty()) {
        value["ref"] = each.collection;
        value["by"] = each.by;
      }
      values.push_back(std::move(value));
    }
    lines += json::serialize(json::object{{"line", static_cast<std::int64_t>(row.line)},
                                          {"key", row.key},
                                          {"values", std::move(values)}});
    lines += '\n';
  }
  return lines;
}

Bytes import_report_json(const ImportReport& report) {
  json::array complaints;
  for (const RowComplaint& each : report.complaints) {
    complaints.push_back(json::object{{"line", static_cast<std::int64_t>(each.line)},
                                      {"field", each.field},
                                      {"reason", each.reason}});
  }
  return json::serialize(json::object{{"created", report.created},
                                      {"updated", report.updated},
                                      {"unchanged", report.unchanged},
                                      {"unusable", std::move(complaints)}}) +
         "\n";
}

}  // namespace satchel::server
