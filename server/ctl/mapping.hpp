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

namespace satchel::server {

// A TOML file:
//
//   key = "externalIds.erp"                      what names a record; --key overrides it
//   [fields]
//   name = "CompanyName"                         a column
//   "billingAddress.city" = "City"               into a member of a struct
//   "externalIds.erp" = "CustomerID"
//   type = { value = "customer" }                a constant
//   title = { template = "{FirstName} {LastName}" }
//   active = { column = "Discontinued", map = { "0" = "true", "1" = "false" } }
//   "unitPrice.minor" = { column = "UnitPrice", scale = 100 }     decimal text, times 100
//   closeDate = { column = "OrderDate", time = true }             "1996-07-04 00:00:00.000" and the
//   like, UTC account = { column = "CustomerID", ref = "accounts", by = "externalIds.erp" } phones
//   = { column = "Phone", split = ";" }                    several elements of a set payments = {
//   column = "Payments", json = true }
//
// Without a file every column is the field of its name.
struct FieldMapping {
  enum class Source { kColumn, kConstant, kTemplate };
  std::string path;
  Source source = Source::kColumn;
  std::string text;  // The column's name, the constant, or the template.
  std::map<std::string, std::string> translations;
  std::int64_t scale = 0;  // 0: none.
  bool time = false;
  bool json = false;
  std::string split;
  std::string ref;
  std::string by = "id";
};

class Mapping {
 public:
  // kConfigInvalid with "file:line:column: what".
  static Result<Mapping> read(const std::string& path);
  // Each column into the field of its name, but for `key` and "id", which name the record.
  static Mapping of_columns(const std::vector<std::string>& columns, const std::string& key);

  [[nodiscard]] const std::string& key() const { return key_; }
  // kUsage names a column that the file does not have.
  Status bind(const std::vector<std::string>& columns);

  // What a cell of a row is; nothing where the row has no such column.
  using Cell = std::function<std::optional<std::string>(std::string_view column)>;
  // Values of a row; empty cells are left out. Complaints name the field.
  struct Mapped {
    std::vector<ImportValue> values;
    std::vector<RowComplaint> complaints;
  };
  [[nodiscard]] Mapped apply(const Cell& cell) const;
  // The text of the mapped field of this path, for the key.
  [[nodiscard]] std::optional<std::string> text_of(std::string_view path, const Cell& cell) const;
  [[nodiscard]] const std::vector<FieldMapping>& fields() const { return fields_; }

 private:
  std::string key_;
  std::vector<FieldMapping> fields_;
};

// Exact decimal text times `scale`, as an integer's text: "9.8" times 100 is "980". kTypeMismatch
// where it is no decimal, or has more digits than the scale takes.
Result<std::string> scaled(std::string_view decimal, std::int64_t scale);

}  // namespace satchel::server
