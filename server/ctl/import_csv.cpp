// The rows of a CSV file.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "server/admin/dump.hpp"
#include "server/ctl/csv.hpp"
#include "server/ctl/row_collector.hpp"

namespace satchel::server {
namespace {

constexpr std::size_t kNamedMax = 20;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// Takes off the apostrophe by which an export keeps a spreadsheet from running a cell.
std::string_view without_guard(std::string_view cell) {
  const std::size_t text = cell.find_first_not_of('\'');
  const bool guarded = text != 0 && text != std::string_view::npos &&
                       kFormulaStarts.find(cell[text]) != std::string_view::npos;
  return guarded ? cell.substr(1) : cell;
}

std::string quoted(const std::string& name) { return "`" + name + "`"; }

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kNamedMax; ++i)
    out += (i == 0 ? "" : ", ") + quoted(names[i]);
  if (names.size() > kNamedMax) out += " and " + std::to_string(names.size() - kNamedMax) + " more";
  return out;
}

std::string at_header(const CsvReader::Row& header, const std::string& what) {
  return std::to_string(header.line) + ": " + what;
}

// Reads the columns' names: kInvalidArgument where there are none, or one stands twice.
Status read_header(CsvReader& reader, CsvReader::Row& header) {
  const auto more = reader.next(header);
  if (!more) return more.error();
  if (!*more) return Error{Errc::kInvalidArgument, "1: the file is empty; a header is needed"};
  if (header.trouble) {
    const auto& trouble = *header.trouble;
    return Error{trouble.code, std::to_string(trouble.line) + ": " + trouble.reason};
  }
  std::set<std::string_view> seen;
  std::set<std::string> twice;
  for (std::string& column : header.cells) {
    column = std::string(trimmed(column));
    if (!column.empty() && !seen.insert(column).second) twice.insert(column);
  }
  if (twice.empty()) return {};
  return Error{Errc::kInvalidArgument,
               at_header(header, "column " + listed({twice.begin(), twice.end()}) +
                                     " stands twice in the header")};
}

// Without a mapping each column is a field. kFieldUnknown names those that are none.
Status check_columns(const CsvReader::Row& header, const Mapping& mapping,
                     const CollectionFields& fields) {
  std::vector<std::string> unknown;
  for (const FieldMapping& field : mapping.fields()) {
    if (!fields.complaint(field.path).empty()) unknown.push_back(field.path);
  }
  if (unknown.empty()) return {};
  return Error{Errc::kFieldUnknown,
               at_header(header, "column " + listed(unknown) + " is no field of the collection")};
}

Status check_key(const CsvReader::Row& header, const ImportKey& key, const Mapping& mapping) {
  if (key.path.empty()) return {};
  const auto& columns = header.cells;
  if (std::find(columns.begin(), columns.end(), key.column) != columns.end()) return {};
  for (const FieldMapping& field : mapping.fields()) {
    if (field.path == key.path) return {};
  }
  return Error{Errc::kUsage, "the file has no column " + quoted(key.column) + ", the key"};
}

// One row: to the mapping by its cells' names.
class CsvRows {
 public:
  CsvRows(CsvReader& reader, const CsvReader::Row& header, RowCollector& rows,
          const Mapping& mapping, bool guarded)
      : reader_(reader), header_(header), rows_(rows), mapping_(mapping), guarded_(guarded) {
    for (std::size_t i = 0; i < header.cells.size(); ++i) places_.emplace(header.cells[i], i);
  }

  Status read() {
    const Mapping::Cell cell = [this](std::string_view column) { return text_of(column); };
    for (;;) {
      const auto more = reader_.next(row_, header_.cells.size());
      if (!more) return more.error();
      if (!*more) return {};
      rows_.count_row();
      if (row_.trouble) {
        SATCHEL_TRY(rows_.complain(complaint()));
      } else if (row_.cell_count != header_.cells.size()) {
        SATCHEL_TRY(
            rows_.complain({row_.line, 0, "",
                            "has " + std::to_string(row_.cell_count) + " cells, the header " +
                                std::to_string(header_.cells.size())}));
      } else {
        SATCHEL_TRY(rows_.add_mapped(row_.line, mapping_, cell));
      }
    }
  }

 private:
  std::optional<std::string_view> text_of(std::string_view column) const {
    const auto at = places_.find(column);
    if (at == places_.end()) return std::nullopt;
    std::string_view text = row_.cells[at->second];
    if (mapping_.trims()) text = trimmed(text);
    return guarded_ ? without_guard(text) : text;
  }
  [[nodiscard]] FileComplaint complaint() const {
    const CsvReader::Trouble& trouble = *row_.trouble;
    std::string field;
    if (trouble.cell && *trouble.cell < header_.cells.size()) field = header_.cells[*trouble.cell];
    return {trouble.line, trouble.column, std::move(field), trouble.reason};
  }

  CsvReader& reader_;
  const CsvReader::Row& header_;
  RowCollector& rows_;
  const Mapping& mapping_;
  bool guarded_;
  CsvReader::Row row_;
  std::unordered_map<std::string_view, std::size_t> places_;
};

}  // namespace

Status import_csv(TextSource& source, RowCollector& rows, const CollectionFields& fields,
                  std::optional<Mapping> mapping, bool guarded) {
  CsvReader reader{source};
  CsvReader::Row header;
  SATCHEL_TRY(read_header(reader, header));
  const bool has_id =
      std::find(header.cells.begin(), header.cells.end(), "id") != header.cells.end();
  // A row without any key that has an id of its own is known by that.
  if (rows.key().path.empty() && !mapping && has_id) rows.settle_key({"id", "id"});
  const bool mapped = mapping.has_value();
  if (!mapped) mapping = Mapping::of_columns(header.cells, rows.key().column, fields);
  SATCHEL_TRY(mapped ? mapping->check(fields, &header.cells)
                     : check_columns(header, *mapping, fields));
  SATCHEL_TRY(check_key(header, rows.key(), *mapping));
  return CsvRows{reader, header, rows, *mapping, guarded}.read();
}

}  // namespace satchel::server
