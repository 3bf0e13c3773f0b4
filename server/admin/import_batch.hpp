// What satchelctl sends of an import, and what it is answered.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::server {

// Where values go. With `collection` the text is a key of that collection's records, and the field
// becomes the id of the record found.
struct ImportField {
  std::string path;
  bool is_json = false;
  std::string collection{};
  std::string by = "id";
  friend auto operator<=>(const ImportField&, const ImportField&) = default;
};
struct ImportValue {
  std::size_t field = 0;  // Into ImportRows::fields.
  std::string text;
};
struct ImportRow {
  std::uint64_t line = 0;  // Where the row begins in its file.
  std::string key;
  std::vector<ImportValue> values;
};
struct ImportRows {
  std::vector<ImportField> fields;
  std::vector<ImportRow> rows;
};

struct ImportBatch {
  std::string collection;
  std::string key;  // "id", "sku", "externalIds.erp"; empty: a row's whole content is its key.
  std::string run;  // Names one run of satchelctl: look-ups are kept while it lasts.
  bool dry_run = false;
  std::string purpose;
  ImportRows rows;
};

struct RowComplaint {
  std::uint64_t line = 0;
  std::string field;
  std::string reason;
};
struct ImportReport {
  std::uint64_t created = 0;
  std::uint64_t updated = 0;
  std::uint64_t unchanged = 0;
  std::vector<RowComplaint> complaints;  // Rows that could not be used; nothing of them is written.
};

// NDJSON: {"fields":[{"path","json"?,"ref"?,"by"?},..]}, then rows of as little as there is to say:
// [line,"key",[field,"text",field,"text",..]]. kInvalidArgument, kLimitExceeded.
Result<ImportRows> parse_import_rows(ByteView lines);
Bytes import_fields_text(const std::vector<ImportField>& fields);
// kLimitExceeded.
Result<Bytes> import_row_text(const ImportRow& row);
Bytes import_report_json(const ImportReport& report);

}  // namespace satchel::server
