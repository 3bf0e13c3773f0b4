#include "server/ctl/mapping.hpp"

#include <algorithm>

#include <toml++/toml.h>

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
    if (const auto* column = node.as_string()) {
      field_.text = column->get();
      return {};
    }
    const auto* const table = node.as_table();
    if (table == nullptr) return wrong(node, "a column's name or a table is needed");
    for (const auto& [key, value] : *table) SATCHEL_TRY(read_key(key.str(), value));
    if (!sourced_) return wrong(node, "one of column, value or template is needed");
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
    if (sourced_) return wrong(node, "only one of column, value or template");
    sourced_ = true;
    field_.source = source;
    return read_text(node, field_.text);
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

// "1996-07-04 00:00:00.000" becomes "1996-07-04T00:00:00.000Z"; what has a zone keeps it.
std::string iso_time(std::string text) {
  if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
  const bool has_time = text.size() > 10;
  const bool has_zone = has_time && text.find_first_of("Zz+-", 11) != std::string::npos;
  return has_time && !has_zone ? text + "Z" : text;
}

// Fills {column} marks. Nothing where every column it names is empty.
std::optional<std::string> fill(const std::string& pattern, const Mapping::Cell& cell) {
  std::string out;
  bool any = false;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t close = pattern[at] == '{' ? pattern.find('}', at) : std::string::npos;
    if (close == std::string::npos) {
      out += pattern[at++];
      continue;
    }
    const auto text = cell(std::string_view{pattern}.substr(at + 1, close - at - 1));
    any |= text && !text->empty();
    out += text.value_or("");
    at = close + 1;
  }
  if (any) return out;
  return std::nullopt;
}

std::optional<std::string> source_text(const FieldMapping& field, const Mapping::Cell& cell) {
  switch (field.source) {
    case Source::kConstant:
      return field.text;
    case Source::kTemplate:
      return fill(field.text, cell);
    case Source::kColumn:
      break;
  }
  auto text = cell(field.text);
  if (!text) return text;
  const auto found = field.translations.find(*text);
  return found == field.translations.end() ? std::move(text) : std::optional{found->second};
}

void add_value(const FieldMapping& field, std::string text, Mapping::Mapped& mapped) {
  if (field.scale != 0) {
    auto whole = scaled(text, field.scale);
    if (!whole) {
      mapped.complaints.push_back({0, field.path, whole.error().message()});
      return;
    }
    text = std::move(*whole);
  }
  if (field.time) text = iso_time(std::move(text));
  mapped.values.push_back({{field.path, std::move(text), field.json}, field.ref, field.by});
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
  // toml++ throws on syntax; this is its wall.
  try {
    const toml::table root = toml::parse_file(path);
    for (const auto& [key, node] : root) {
      if (key.str() == "key" && node.is_string()) {
        mapping.key_ = node.as_string()->get();
      } else if (key.str() != "fields" || !node.is_table()) {
        return Error{Errc::kConfigInvalid,
                     place(path, node.source()) + "unknown key `" + std::string(key.str()) + "`"};
      } else {
        for (const auto& [name, field] : *node.as_table()) {
          FieldMapping& each = mapping.fields_.emplace_back();
          each.path = std::string(name.str());
          SATCHEL_TRY(FieldReader(path, each).read(field));
        }
      }
    }
  } catch (const toml::parse_error& error) {
    return Error{Errc::kConfigInvalid,
                 place(path, error.source()) + std::string(error.description())};
  }
  return mapping;
}

Mapping Mapping::of_columns(const std::vector<std::string>& columns, const std::string& key) {
  Mapping mapping;
  for (const std::string& column : columns) {
    if (column == "id" || column == key) continue;
    FieldMapping& field = mapping.fields_.emplace_back();
    field.path = column;
    field.text = column;
  }
  return mapping;
}

Status Mapping::bind(const std::vector<std::string>& columns) {
  for (const FieldMapping& field : fields_) {
    if (field.source != Source::kColumn) continue;
    if (std::find(columns.begin(), columns.end(), field.text) != columns.end()) continue;
    return Error{Errc::kUsage, field.path + ": the file has no column `" + field.text + "`"};
  }
  return {};
}

Mapping::Mapped Mapping::apply(const Cell& cell) const {
  Mapped mapped;
  for (const FieldMapping& field : fields_) {
    auto text = source_text(field, cell);
    if (!text || text->empty()) continue;
    if (field.split.empty()) {
      add_value(field, std::move(*text), mapped);
      continue;
    }
    for (std::size_t at = 0; at <= text->size();) {
      const std::size_t end = std::min(text->find(field.split, at), text->size());
      std::string part = text->substr(at, end - at);
      part.erase(0, part.find_first_not_of(' '));
      part.erase(part.find_last_not_of(' ') + 1);
      if (!part.empty()) add_value(field, std::move(part), mapped);
      at = end + field.split.size();
    }
  }
  return mapped;
}

std::optional<std::string> Mapping::text_of(std::string_view path, const Cell& cell) const {
  for (const FieldMapping& field : fields_) {
    if (field.path == path) return source_text(field, cell);
  }
  return std::nullopt;
}

}  // namespace satchel::server
