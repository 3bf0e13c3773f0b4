#include "server/ctl/mapping.hpp"

#include <algorithm>
#include <chrono>

#include <toml++/toml.h>

#include "schema/catalog/json_value.hpp"

namespace satchel::server {
namespace {

using Source = FieldMapping::Source;

std::string place(const std::string& path, const toml::source_region& at) {
  return path + ":" + std::to_string(at.begin.line) + ":" + std::to_string(at.begin.column) + ": ";
}

// Reads one field's table. Throws nothing; complaints are given back.
class FieldReader {
 public:
  FieldReader(std::string file, FieldMapping& field) : file_(std::move(file)), field_(field) {}

  Status read(const toml::node& node) {
    field_.place = place(file_, node.source());
    if (const auto* column = node.as_string()) {
      field_.text = column->get();
      return {};
    }
    const auto* const table = node.as_table();
    if (table == nullptr) return wrong(node, "a column's name or a table is needed");
    for (const auto& [key, value] : *table) SATCHEL_TRY(read_key(key.str(), value));
    if (!sourced_) return wrong(node, "one of column, value, template or join is needed");
    if (field_.by != "id" && field_.ref.empty()) return wrong(node, "by goes with a ref");
    return {};
  }

 private:
  [[nodiscard]] Error wrong(const toml::node& node, const std::string& what) const {
    return Error{Errc::kConfigInvalid, place(file_, node.source()) + field_.path + ": " + what};
  }

  Status read_key(std::string_view key, const toml::node& node) {
    if (key == "column") return read_source(node, Source::kColumn);
    if (key == "value") return read_source(node, Source::kConstant);
    if (key == "template") return read_source(node, Source::kTemplate);
    if (key == "join") return read_join(node);
    if (key == "with") return read_text(node, field_.with);
    if (key == "split") return read_text(node, field_.split);
    if (key == "ref") return read_text(node, field_.ref);
    if (key == "by") return read_text(node, field_.by);
    if (key == "time") return read_flag(node, field_.time);
    if (key == "json") return read_flag(node, field_.json);
    if (key == "scale") return read_scale(node);
    if (key == "map") return read_map(node);
    return wrong(node, "unknown key `" + std::string(key) + "`");
  }
  Status read_source(const toml::node& node, Source source) {
    if (sourced_) return wrong(node, "only one of column, value, template or join");
    sourced_ = true;
    field_.source = source;
    return source == Source::kJoin ? Status{} : read_text(node, field_.text);
  }
  Status read_join(const toml::node& node) {
    SATCHEL_TRY(read_source(node, Source::kJoin));
    const auto* const list = node.as_array();
    if (list == nullptr || list->empty()) return wrong(node, "a list of templates is needed");
    for (const toml::node& each : *list) {
      SATCHEL_TRY(read_text(each, field_.parts.emplace_back()));
    }
    return {};
  }
  Status read_text(const toml::node& node, std::string& out) {
    const auto* const text = node.as_string();
    if (text == nullptr) return wrong(node, "a string is needed");
    out = text->get();
    return {};
  }
  Status read_flag(const toml::node& node, bool& out) {
    const auto* const flag = node.as_boolean();
    if (flag == nullptr) return wrong(node, "true or false is needed");
    out = flag->get();
    return {};
  }
  Status read_scale(const toml::node& node) {
    const auto* const number = node.as_integer();
    if (number == nullptr || number->get() < 1 || number->get() > 1'000'000) {
      return wrong(node, "a scale from 1 to 1000000 is needed");
    }
    field_.scale = number->get();
    return {};
  }
  Status read_map(const toml::node& node) {
    const auto* const table = node.as_table();
    if (table == nullptr) return wrong(node, "a table of texts is needed");
    for (const auto& [from, to] : *table) {
      SATCHEL_TRY(read_text(to, field_.translations[std::string(from.str())]));
    }
    return {};
  }

  std::string file_;
  FieldMapping& field_;
  bool sourced_ = false;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// "19960704" is a day; "19960799" is not, and stays what it is.
bool is_compact_day(std::string_view text) {
  if (text.size() != 8 || text.find_first_not_of("0123456789") != std::string::npos) return false;
  const auto number = [&](std::size_t at, std::size_t size) {
    unsigned value = 0;
    for (const char c : text.substr(at, size)) value = value * 10 + static_cast<unsigned>(c - '0');
    return value;
  };
  return std::chrono::year_month_day{std::chrono::year{static_cast<int>(number(0, 4))},
                                     std::chrono::month{number(4, 2)},
                                     std::chrono::day{number(6, 2)}}
      .ok();
}

// "1996-07-04 00:00:00.000" becomes "1996-07-04T00:00:00.000Z" and "19960704" becomes "1996-07-04";
// what has a zone keeps it.
std::string iso_time(std::string text) {
  if (is_compact_day(text))
    return text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6);
  if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
  const bool has_time = text.size() > 10;
  const bool has_zone = has_time && text.find_first_of("Zz+-", 11) != std::string::npos;
  return has_time && !has_zone ? text + "Z" : text;
}

// The columns that a pattern names, and what stands between them, to `text` and `column`.
template <class Text, class Column>
void walk_pattern(std::string_view pattern, const Text& text, const Column& column) {
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t open = std::min(pattern.find('{', at), pattern.size());
    const std::size_t close = pattern.find('}', open);
    if (close == std::string_view::npos) return text(pattern.substr(at));
    text(pattern.substr(at, open - at));
    column(pattern.substr(open + 1, close - open - 1));
    at = close + 1;
  }
}

// Fills {column} marks. Nothing where every column it names is empty.
std::optional<std::string> fill(const std::string& pattern, const Mapping::Cell& cell) {
  std::string out;
  bool any = false;
  walk_pattern(
      pattern, [&](std::string_view text) { out += text; },
      [&](std::string_view column) {
        const auto text = cell(column);
        any |= text && !text->empty();
        out += text.value_or("");
      });
  if (any) return out;
  return std::nullopt;
}

std::vector<std::string> columns_of(const FieldMapping& field) {
  if (field.source == Source::kColumn) return {field.text};
  std::vector<std::string> columns;
  const auto look = [&](const std::string& pattern) {
    walk_pattern(
        pattern, [](std::string_view) {},
        [&](std::string_view column) { columns.emplace_back(column); });
  };
  if (field.source == Source::kTemplate) look(field.text);
  for (const std::string& part : field.parts) look(part);
  return columns;
}

// Nothing where every part is empty.
std::optional<std::string> join(const FieldMapping& field, const Mapping::Cell& cell) {
  std::optional<std::string> out;
  for (const std::string& part : field.parts) {
    const auto filled = fill(part, cell);
    const std::string_view text = filled ? trimmed(*filled) : std::string_view{};
    if (text.empty()) continue;
    out = out ? *out + field.with : std::string{};
    *out += text;
  }
  return out;
}

std::optional<std::string> source_text(const FieldMapping& field, const Mapping::Cell& cell) {
  switch (field.source) {
    case Source::kConstant: return field.text;
    case Source::kTemplate: return fill(field.text, cell);
    case Source::kJoin: return join(field, cell);
    case Source::kColumn: break;
  }
  const auto text = cell(field.text);
  if (!text) return std::nullopt;
  if (field.translations.empty()) return std::string(*text);
  const auto found = field.translations.find(*text);
  return found == field.translations.end() ? std::string(*text) : found->second;
}

bool is_list_or_object(std::string_view text) {
  const bool begins = text.starts_with('[') || text.starts_with('{');
  return begins && schema::parse_json(text).has_value();
}

void add_value(const FieldMapping& field, std::size_t index, std::string text,
               Mapping::Mapped& mapped) {
  if (field.scale != 0) {
    auto whole = scaled(text, field.scale);
    if (!whole) {
      mapped.complaints.push_back({0, field.path, whole.error().message()});
      return;
    }
    text = std::move(*whole);
  }
  if (field.time) text = iso_time(std::move(text));
  const bool is_json = field.guess ? is_list_or_object(text) : field.json;
  mapped.values.push_back({2 * index + (is_json ? 1 : 0), std::move(text)});
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

}  // namespace

Result<std::string> scaled(std::string_view decimal, std::int64_t scale) {
  const Error wrong{Errc::kTypeMismatch, "a decimal number is needed"};
  const bool negative = decimal.starts_with('-');
  if (negative) decimal.remove_prefix(1);
  std::int64_t whole = 0;
  std::int64_t left = scale;
  bool fraction = false;
  bool any = false;
  for (const char c : decimal) {
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (c < '0' || c > '9') return wrong;
    any = true;
    if (fraction &&
        left % 10 != 0) {  // A digit below the smallest unit: only zeros may stand there.
      if (c != '0') return Error{Errc::kTypeMismatch, "more decimals than the scale takes"};
      continue;
    }
    if (fraction) left /= 10;
    if (__builtin_mul_overflow(whole, std::int64_t{10}, &whole) ||
        __builtin_add_overflow(whole, c - '0', &whole)) {
      return wrong;
    }
  }
  if (!any || __builtin_mul_overflow(whole, left, &whole)) return wrong;
  return std::to_string(negative ? -whole : whole);
}

Result<Mapping> Mapping::read(const std::string& path) {
  Mapping mapping;
  std::vector<std::string> wrong;
  // toml++ throws on syntax; this is its wall.
  try {
    const toml::table root = toml::parse_file(path);
    for (const auto& [key, node] : root) {
      if (key.str() == "key" && node.is_string()) {
        mapping.key_ = node.as_string()->get();
      } else if (key.str() == "trim" && node.is_boolean()) {
        mapping.trim_ = node.as_boolean()->get();
      } else if (key.str() != "fields" || !node.is_table()) {
        wrong.push_back(place(path, node.source()) + "unknown key `" + std::string(key.str()) +
                        "`");
      } else {
        for (const auto& [name, field] : *node.as_table()) {
          FieldMapping& each = mapping.fields_.emplace_back();
          each.path = std::string(name.str());
          const Status read = FieldReader(path, each).read(field);
          if (!read) wrong.push_back(read.error().context);
        }
      }
    }
  } catch (const toml::parse_error& error) {
    wrong.push_back(place(path, error.source()) + std::string(error.description()));
  }
  if (!wrong.empty()) return Error{Errc::kConfigInvalid, joined(wrong)};
  return mapping;
}

Mapping Mapping::of_columns(const std::vector<std::string>& columns, const std::string& key,
                            const CollectionFields& fields) {
  Mapping mapping;
  for (const std::string& column : columns) {
    if (column == "id" || column == key) continue;
    FieldMapping& field = mapping.fields_.emplace_back();
    field.path = column;
    field.text = column;
    field.guess = fields.takes_json(column);
  }
  return mapping;
}

Status Mapping::check(const CollectionFields& fields,
                      const std::vector<std::string>* columns) const {
  std::vector<std::string> wrong;
  for (const FieldMapping& field : fields_) {
    const std::string complaint = fields.complaint(field.path);
    if (!complaint.empty()) wrong.push_back(field.place + field.path + ": " + complaint);
    if (field.ref.empty() || fields.has_key(field.ref, field.by)) continue;
    wrong.push_back(field.place + field.path + ": there is no " + field.ref + " by " + field.by);
  }
  const Errc code = wrong.empty() ? Errc::kUsage : Errc::kConfigInvalid;
  for (const FieldMapping& field : fields_) {
    if (columns == nullptr) break;
    for (const std::string& column : columns_of(field)) {
      if (std::find(columns->begin(), columns->end(), column) != columns->end()) continue;
      wrong.push_back(field.place + field.path + ": the file has no column `" + column + "`");
    }
  }
  if (wrong.empty()) return {};
  return Error{code, joined(wrong)};
}

Mapping::Mapped Mapping::apply(const Cell& cell) const {
  Mapped mapped;
  mapped.values.reserve(fields_.size());
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const FieldMapping& field = fields_[i];
    auto text = source_text(field, cell);
    if (!text || text->empty()) continue;
    if (field.split.empty()) {
      add_value(field, i, std::move(*text), mapped);
      continue;
    }
    for (std::size_t at = 0; at <= text->size();) {
      const std::size_t end = std::min(text->find(field.split, at), text->size());
      const std::string_view part = trimmed(std::string_view{*text}.substr(at, end - at));
      if (!part.empty()) add_value(field, i, std::string(part), mapped);
      at = end + field.split.size();
    }
  }
  return mapped;
}

std::vector<ImportField> Mapping::targets() const {
  std::vector<ImportField> targets;
  for (const FieldMapping& field : fields_) {
    targets.push_back({field.path, false, field.ref, field.by});
    targets.push_back({field.path, true, field.ref, field.by});
  }
  return targets;
}

std::optional<std::string> Mapping::text_of(std::string_view path, const Cell& cell) const {
  for (const FieldMapping& field : fields_) {
    if (field.path == path) return source_text(field, cell);
  }
  return std::nullopt;
}

}  // namespace satchel::server
