// The rows of an NDJSON file.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "schema/catalog/json_value.hpp"
#include "schema/model/limits.hpp"
#include "server/ctl/row_collector.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

// One line after the other; of one that is too long only its first octets are kept.
class LineReader {
 public:
  explicit LineReader(TextSource& source) : source_(source) {}

  // False at the end. kFileRead.
  Result<bool> next() {
    text_.clear();
    too_long_ = false;
    ++line_;
    if (source_.peek() < 0) {
      SATCHEL_TRY(source_.status());
      return false;
    }
    for (std::string_view ahead = source_.ahead(); !ahead.empty(); ahead = source_.ahead()) {
      const std::size_t end = ahead.find('\n');
      const std::string_view part = ahead.substr(0, end);
      too_long_ = too_long_ || text_.size() + part.size() > limits::kImportLineBytesMax;
      if (!too_long_) text_ += part;
      source_.skip(part.size() + (end == std::string_view::npos ? 0 : 1));
      if (end != std::string_view::npos) break;
    }
    SATCHEL_TRY(source_.status());
    return true;
  }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] bool is_too_long() const { return too_long_; }
  [[nodiscard]] std::uint64_t line() const { return line_; }

 private:
  TextSource& source_;
  std::string text_;
  bool too_long_ = false;
  std::uint64_t line_ = 0;
};

std::string member_text(const json::value& value) {
  if (value.is_string()) return {value.get_string().data(), value.get_string().size()};
  return value.is_null() ? std::string{} : json::serialize(value);
}

// Members as fields, as the server's own export has them ({"collection","id","fields"}) or flat.
Status add_plain(RowCollector& rows, const json::object& row, const json::object& fields,
                 std::uint64_t line) {
  ImportRow out;
  out.line = line;
  for (const auto& member : fields) {
    std::string name{member.key().data(), member.key().size()};
    if ((&row == &fields && (name == "id" || name == "collection")) || name == rows.key().column)
      continue;
    if (member.value().is_null()) continue;
    const std::size_t target = rows.target({std::move(name), !member.value().is_string()});
    out.values.push_back({target, member_text(member.value())});
  }
  const std::string& column = rows.key().column;
  const auto* const named = column == "id" ? row.if_contains("id") : fields.if_contains(column);
  if (named != nullptr) out.key = member_text(*named);
  return rows.add(out);
}

Status add_line(RowCollector& rows, std::string_view text, std::uint64_t line,
                const std::optional<Mapping>& mapping, bool first) {
  if (const auto odd = first_no_utf8(text)) {
    return rows.complain({line, count_characters(text.substr(0, *odd)) + 1, "",
                          "is not of the file's encoding; say which with --encoding"});
  }
  const auto parsed = schema::parse_json(text);
  if (!parsed) {
    return rows.complain({line, 0, "", "is no JSON object: " + parsed.error().context});
  }
  const auto* const row = parsed->if_object();
  if (row == nullptr) return rows.complain({line, 0, "", "is no JSON object"});
  const auto* const nested = row->if_contains("fields");
  const json::object& fields =
      nested != nullptr && nested->is_object() ? nested->get_object() : *row;
  if (first && rows.key().path.empty() && !mapping && row->if_contains("id") != nullptr) {
    rows.settle_key({"id", "id"});
  }
  if (!mapping) return add_plain(rows, *row, fields, line);
  std::string held;  // The last cell that was given out.
  const Mapping::Cell cell = [&](std::string_view column) -> std::optional<std::string_view> {
    const auto* const value = fields.if_contains({column.data(), column.size()});
    if (value == nullptr) return std::nullopt;
    held = member_text(*value);
    return held;
  };
  return rows.add_mapped(line, *mapping, cell);
}

}  // namespace

Status import_ndjson(TextSource& source, RowCollector& rows,
                     const std::optional<Mapping>& mapping) {
  LineReader lines{source};
  bool first = true;
  for (;;) {
    const auto more = lines.next();
    if (!more) return more.error();
    if (!*more) return {};
    std::string_view text = lines.text();
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty() && !lines.is_too_long()) continue;
    rows.count_row();
    if (lines.is_too_long()) {
      SATCHEL_TRY(rows.complain({lines.line(), 0, "", "a line is too long"}));
      continue;
    }
    SATCHEL_TRY(add_line(rows, text, lines.line(), mapping, first));
    first = false;
  }
}

}  // namespace satchel::server
