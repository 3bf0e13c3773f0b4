// Imports: rows with keys become records, the same ones on every run.
//
// A row names its record by a key: the record's own id, a plain field, or an entry of externalIds.
// The importer looks the key up among the collection's records; what it does not find it makes,
// under an id that follows from the key. What a row says already is not written again.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/admin/assignment.hpp"
#include "server/app/writer.hpp"
#include "sync/hub/hub.hpp"

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

// Keys of one collection's living records.
using KeyIndex = std::unordered_map<std::string, RecordId>;

// Thread-safe: batches run one after the other.
class Importer {
 public:
  Importer(sync::Hub& hub, Writer& writer) : hub_(hub), writer_(writer) {}
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  // The whole batch is one durable commit. kCollectionUnknown, kFieldUnknown (the key),
  // kPolicyDenied, the store's errors; a row's own trouble is in the report.
  Result<ImportReport> run(const ImportBatch& batch);

 private:
  // What one run has looked up, by "collection key".
  struct Run {
    std::string name;
    std::map<std::string, KeyIndex, std::less<>> indexes;
  };
  class Pass;

  Run& run_of(const std::string& name);
  Result<KeyIndex*> index_of(Run& run, const std::string& collection, const std::string& key);

  sync::Hub& hub_;
  Writer& writer_;
  std::mutex mutex_;
  std::deque<Run> runs_;  // The last few; under mutex_.
};

// NDJSON: {"fields":[{"path","json"?,"ref"?,"by"?},..]}, then rows of as little as there is to say:
// [line,"key",[field,"text",field,"text",..]]. kInvalidArgument, kLimitExceeded.
Result<ImportRows> parse_import_rows(ByteView lines);
Bytes import_fields_text(const std::vector<ImportField>& fields);
// kLimitExceeded.
Result<Bytes> import_row_text(const ImportRow& row);
Bytes import_report_json(const ImportReport& report);

}  // namespace satchel::server
