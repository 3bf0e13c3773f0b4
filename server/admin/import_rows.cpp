// Import rows and reports as JSON, between satchelctl and the server.
#include <optional>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schema/catalog/json.hpp"
#include "schema/model/limits.hpp"
#include "server/admin/import_batch.hpp"
#include "server/http/json.hpp"

namespace satchel::server {
namespace {

constexpr std::size_t kFieldsMax = 16'384;
constexpr std::size_t kLineMemory = 16 * 1024;  // Enough for most rows.

Result<ImportField> field_of(const json::value& from) {
  const auto* const object = from.if_object();
  if (object == nullptr) return Error{Errc::kInvalidArgument, "a field is an object"};
  ImportField field;
  auto path = get_text(*object, "path");
  if (!path) return path.error();
  field.path = std::move(*path);
  const auto* const is_json = object->if_contains("json");
  field.is_json = is_json != nullptr && is_json->is_bool() && is_json->get_bool();
  auto collection = find_text(*object, "ref");
  if (!collection) return collection.error();
  auto by = find_text(*object, "by");
  if (!by) return by.error();
  field.collection = collection->value_or("");
  field.by = by->value_or("id");
  return field;
}

Status read_fields(const json::value& head, std::vector<ImportField>& fields) {
  const auto* const object = head.if_object();
  const auto* const list = object == nullptr ? nullptr : object->if_contains("fields");
  if (list == nullptr || !list->is_array()) {
    return Error{Errc::kInvalidArgument, "the first line says which fields there are"};
  }
  if (list->get_array().size() > kFieldsMax)
    return Error{Errc::kLimitExceeded, "16,384 fields at once"};
  for (const json::value& each : list->get_array()) {
    auto field = field_of(each);
    if (!field) return field.error();
    fields.push_back(std::move(*field));
  }
  return {};
}

std::string to_string(const json::string& text) { return {text.data(), text.size()}; }

Result<ImportRow> row_of(const json::value& from, std::size_t field_count) {
  const Error wrong{Errc::kInvalidArgument, "a row is [line,\"key\",[field,\"text\",..]]"};
  const auto* const parts = from.if_array();
  if (parts == nullptr || parts->size() != 3 || !(*parts)[0].is_int64() ||
      !(*parts)[1].is_string() || !(*parts)[2].is_array()) {
    return wrong;
  }
  ImportRow row;
  row.line = static_cast<std::uint64_t>((*parts)[0].get_int64());
  row.key = to_string((*parts)[1].get_string());
  const json::array& values = (*parts)[2].get_array();
  if (values.size() % 2 != 0) return wrong;
  row.values.reserve(values.size() / 2);
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const auto* const field = values[i].if_int64();
    const auto* const text = values[i + 1].if_string();
    const bool known =
        field != nullptr && *field >= 0 && static_cast<std::size_t>(*field) < field_count;
    if (!known || text == nullptr) return wrong;
    row.values.push_back({static_cast<std::size_t>(*field), to_string(*text)});
  }
  return row;
}

// Gives one line after the other, parsed, in memory that the next one takes over.
class LineParser {
 public:
  explicit LineParser(ByteView lines) : lines_(lines) {}

  // Nothing at the end.
  Result<std::optional<json::value>> next() {
    while (lines_.starts_with('\n')) lines_.remove_prefix(1);
    if (lines_.empty()) return std::optional<json::value>{};
    const std::string_view line = lines_.substr(0, lines_.find('\n'));
    lines_.remove_prefix(line.size());
    boost::system::error_code error;
    // A fresh one each: releasing keeps its size doubling.
    memory_.emplace(buffer_.data(), buffer_.size());
    json::value parsed =
        json::parse({line.data(), line.size()}, error, json::storage_ptr{&*memory_});
    if (error) return Error{Errc::kInvalidArgument, "a line is no JSON"};
    return std::optional{std::move(parsed)};
  }

 private:
  ByteView lines_;
  std::vector<unsigned char> buffer_ = std::vector<unsigned char>(kLineMemory);
  std::optional<json::monotonic_resource> memory_;
};

}  // namespace

Result<ImportRows> parse_import_rows(ByteView lines) {
  ImportRows rows;
  LineParser parser{lines};
  {
    const auto head = parser.next();
    if (!head) return head.error();
    if (!*head) return rows;
    SATCHEL_TRY(read_fields(**head, rows.fields));
  }
  for (;;) {
    const auto line = parser.next();
    if (!line) return line.error();
    if (!*line) return rows;
    if (rows.rows.size() == limits::kImportBatchRowsMax)
      return Error{Errc::kLimitExceeded, "10,000 rows at once"};
    auto row = row_of(**line, rows.fields.size());
    if (!row) return row.error();
    rows.rows.push_back(std::move(*row));
  }
}

Bytes import_fields_text(const std::vector<ImportField>& from) {
  json::array fields;
  for (const ImportField& each : from) {
    json::object field{{"path", each.path}};
    if (each.is_json) field["json"] = true;
    if (!each.collection.empty()) {
      field["ref"] = each.collection;
      field["by"] = each.by;
    }
    fields.push_back(std::move(field));
  }
  return json::serialize(json::object{{"fields", std::move(fields)}}) + "\n";
}

Result<Bytes> import_row_text(const ImportRow& row) {
  Bytes line = "[" + std::to_string(row.line) + ",";
  schema::append_json_string(line, row.key);
  line += ",[";
  for (const ImportValue& value : row.values) {
    if (line.back() != '[') line += ',';
    line += std::to_string(value.field) + ",";
    schema::append_json_string(line, value.text);
  }
  line += "]]\n";
  if (line.size() > limits::kImportRowBytesMax)
    return Error{Errc::kLimitExceeded, "what a row writes is too long"};
  return line;
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
