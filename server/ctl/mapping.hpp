// How the columns of a file become the fields of a collection.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/model/result.hpp"
#include "server/admin/importer.hpp"
#include "server/ctl/collection_fields.hpp"

namespace satchel::server {

// A TOML file:
//
//   key = "externalIds.erp"                      what names a record; --key overrides it
//   trim = true                                  cells without the blanks around them
//   [fields]
//   name = "CompanyName"                         a column
//   "billingAddress.city" = "City"               into a member of a struct
//   "externalIds.erp" = "CustomerID"
//   type = { value = "customer" }                a constant
//   title = { template = "{FirstName} {LastName}" }
//   value = { join = ["{No} {Street}", "{City}"], with = ", " }    parts that are not empty
//   active = { column = "Discontinued", map = { "0" = "true", "1" = "false" } }
//   "unitPrice.minor" = { column = "UnitPrice", scale = 100 }      decimal text, times 100
//   closeDate = { column = "OrderDate", time = true }              "1996-07-04 00:00", UTC
//   account = { column = "CustomerID", ref = "accounts", by = "externalIds.erp" }
//   phones = { column = "Phone", split = ";" }                     several elements of a set
//   payments = { column = "Payments", json = true }
//
// Without a file every column is the field of its name.
struct FieldMapping {
  enum class Source { kColumn, kConstant, kTemplate, kJoin };
  std::string path;
  std::string place{};  // "map.toml:3:1: "; empty where no file says it.
  Source source = Source::kColumn;
  std::string text;                // The column's name, the constant, or the template.
  std::vector<std::string> parts;  // Templates of a join,
  std::string with = ", ";         // and what stands between them.
  std::map<std::string, std::string, std::less<>> translations;
  std::int64_t scale = 0;  // 0: none.
  bool time = false;
  bool json = false;
  bool guess = false;  // JSON where the cell is a JSON list or object, else text.
  std::string split;
  std::string ref;
  std::string by = "id";
};

class Mapping {
 public:
  // kConfigInvalid with "file:line:column: what", a line for each complaint.
  static Result<Mapping> read(const std::string& path);
  // Each column into the field of its name, but for `key` and "id", which name the record.
  static Mapping of_columns(const std::vector<std::string>& columns, const std::string& key,
                            const CollectionFields& fields);

  [[nodiscard]] const std::string& key() const { return key_; }
  // kConfigInvalid where the schema has no such fields, else kUsage where the file has no such
  // columns (null: nobody knows yet); a line for each complaint of both kinds.
  Status check(const CollectionFields& fields, const std::vector<std::string>* columns) const;

  // What a cell of a row is; nothing where the row has no such column.
  using Cell = std::function<std::optional<std::string_view>(std::string_view column)>;
  // Values of a row, by their place in targets(); empty cells are left out. Complaints name the
  // field.
  struct Mapped {
    std::vector<ImportValue> values;
    std::vector<RowComplaint> complaints;
  };
  [[nodiscard]] Mapped apply(const Cell& cell) const;
  // The text of the mapped field of this path, for the key.
  [[nodiscard]] std::optional<std::string> text_of(std::string_view path, const Cell& cell) const;
  [[nodiscard]] const std::vector<FieldMapping>& fields() const { return fields_; }
  // What the server is told of them: each as text and as JSON.
  [[nodiscard]] std::vector<ImportField> targets() const;
  [[nodiscard]] bool trims() const { return trim_; }

 private:
  std::string key_;
  bool trim_ = false;
  std::vector<FieldMapping> fields_;
};

// Exact decimal text times `scale`, as an integer's text: "9.8" times 100 is "980". kTypeMismatch
// where it is no decimal, or has more digits than the scale takes.
Result<std::string> scaled(std::string_view decimal, std::int64_t scale);

}  // namespace satchel::server
