// Satchel, C++: fields with types, for headers that satchel-codegen makes from a schema.
//
//   auto shops = satchel::find<crm::Account>(*read, crm::Account::type == "shop");
//   tx.set(ref, crm::Account::website, "https://example.org");
#pragma once

#include <satchel/scopes.hpp>

#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace satchel {
inline namespace v1 {

namespace detail {

inline void append_text(std::string& out, std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20) {
      out += "\\u00";
      out += kDigits[octet >> 4];
      out += kDigits[octet & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}
inline void append_number(std::string& out, auto number) {
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace detail

// How a C++ type is written as JSON, and read from a record. Generated headers add their structs.
template <class T>
struct Codec;

// Text, and Data as base64.
template <>
struct Codec<std::string> {
  // To JSON, and back; nothing where the record holds another kind there.
  static void append(std::string& out, const std::string& value) {
    detail::append_text(out, value);
  }
  // Nothing where the record holds another kind there.
  static std::optional<std::string> read(const Record& record, const std::string& path) {
    const auto value = record[path];
    if (value.kind() != SATCHEL_KIND_TEXT) return std::nullopt;
    return value.text_or({});
  }
};
// Integers of every width, and times in microseconds.
template <>
struct Codec<std::int64_t> {
  // To JSON, and back; nothing where the record holds another kind there.
  static void append(std::string& out, std::int64_t value) { detail::append_number(out, value); }
  static std::optional<std::int64_t> read(const Record& record, const std::string& path) {
    const auto value = record[path];
    if (value.kind() != SATCHEL_KIND_INTEGER) return std::nullopt;
    return value.integer_or(0);
  }
};
// Finite numbers only: JSON has no others.
template <>
struct Codec<double> {
  // To JSON, and back; nothing where the record holds another kind there.
  static void append(std::string& out, double value) { detail::append_number(out, value); }
  static std::optional<double> read(const Record& record, const std::string& path) {
    const auto value = record[path];
    const satchel_kind kind = value.kind();
    if (kind != SATCHEL_KIND_REAL && kind != SATCHEL_KIND_INTEGER) return std::nullopt;
    return value.real_or(0);
  }
};
template <>
struct Codec<bool> {
  // To JSON, and back; nothing where the record holds another kind there.
  static void append(std::string& out, bool value) { out += value ? "true" : "false"; }
  static std::optional<bool> read(const Record& record, const std::string& path) {
    const auto value = record[path];
    if (value.kind() != SATCHEL_KIND_BOOL) return std::nullopt;
    return value.bool_or(false);
  }
};
// Lists, sets and logs.
template <class T>
struct Codec<std::vector<T>> {
  // To JSON, and back; nothing where the record holds another kind there.
  static void append(std::string& out, const std::vector<T>& value) {
    out += '[';
    for (const T& element : value) {
      if (&element != &value.front()) out += ',';
      Codec<T>::append(out, element);
    }
    out += ']';
  }
  // Elements of another kind are left out.
  static std::optional<std::vector<T>> read(const Record& record, const std::string& path) {
    if (record[path].kind() != SATCHEL_KIND_ARRAY) return std::nullopt;
    std::vector<T> value;
    for (std::size_t i = 0; i < record[path].size(); ++i) {
      if (auto element = Codec<T>::read(record, path + '.' + std::to_string(i))) {
        value.push_back(std::move(*element));
      }
    }
    return value;
  }
};
// Maps by the text of their keys.
template <class T>
struct Codec<std::map<std::string, T>> {
  // To JSON, and back; nothing where the record holds another kind there.
  static void append(std::string& out, const std::map<std::string, T>& value) {
    out += '{';
    for (const auto& [name, entry] : value) {
      if (out.back() != '{') out += ',';
      detail::append_text(out, name);
      out += ':';
      Codec<T>::append(out, entry);
    }
    out += '}';
  }
  // Entries of another kind are left out.
  static std::optional<std::map<std::string, T>> read(const Record& record,
                                                      const std::string& path) {
    if (record[path].kind() != SATCHEL_KIND_OBJECT) return std::nullopt;
    std::map<std::string, T> value;
    for (std::size_t i = 0; i < record[path].size(); ++i) {
      const std::string name = record[path].name(i);
      if (auto entry = Codec<T>::read(record, path + '.' + name)) value.emplace(name, *entry);
    }
    return value;
  }
};

namespace detail {

// "name":value of an object that is being written, where there is a value.
template <class T>
void append_member(std::string& out, std::string_view name, const std::optional<T>& value) {
  if (!value) return;
  if (out.back() != '{') out += ',';
  append_text(out, name);
  out += ':';
  Codec<T>::append(out, *value);
}

}  // namespace detail

// A condition on records of one collection; text() is the query language.
template <class Collection>
class Condition {
 public:
  explicit Condition(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& text() const { return text_; }
  // Together, either of them, and not.
  friend Condition operator&&(const Condition& a, const Condition& b) {
    return Condition{'(' + a.text_ + ") and (" + b.text_ + ')'};
  }
  friend Condition operator||(const Condition& a, const Condition& b) {
    return Condition{'(' + a.text_ + ") or (" + b.text_ + ')'};
  }
  friend Condition operator!(const Condition& a) { return Condition{"not (" + a.text_ + ')'}; }

 private:
  std::string text_;
};

namespace detail {

// What one field is compared with: of lists and maps an element, of stages kept in a struct the
// stage.
template <class T>
struct Compared {
  using Type = T;
};
template <class T>
struct Compared<std::vector<T>> {
  using Type = T;
};
template <class T>
struct Compared<std::map<std::string, T>> {
  using Type = T;
};

}  // namespace detail

// Names a field of `Collection` whose value is a `T`.
template <class Collection, class T>
struct Field {
  using Value = T;
  using Compared = typename detail::Compared<T>::Type;
  std::string_view name;

  friend Condition<Collection> operator==(const Field& f, const Compared& v) {
    return f.compare(" = ", v);
  }
  friend Condition<Collection> operator!=(const Field& f, const Compared& v) {
    return f.compare(" != ", v);
  }
  friend Condition<Collection> operator<(const Field& f, const Compared& v) {
    return f.compare(" < ", v);
  }
  friend Condition<Collection> operator<=(const Field& f, const Compared& v) {
    return f.compare(" <= ", v);
  }
  // In the order of numbers, or of code points.
  friend Condition<Collection> operator>(const Field& f, const Compared& v) {
    return f.compare(" > ", v);
  }
  friend Condition<Collection> operator>=(const Field& f, const Compared& v) {
    return f.compare(" >= ", v);
  }
  // Whether the field has a value that may be seen.
  [[nodiscard]] Condition<Collection> exists() const {
    return Condition<Collection>{std::string{name} + " exists"};
  }
  // % stands for any text, _ for one character.
  [[nodiscard]] Condition<Collection> like(std::string_view pattern) const {
    std::string text = std::string{name} + " like ";
    append_literal(text, pattern);
    return Condition<Collection>{std::move(text)};
  }
  // Whether it is one of the values.
  [[nodiscard]] Condition<Collection> in(std::initializer_list<Compared> values) const {
    std::string text = std::string{name} + " in (";
    for (const Compared& value : values) {
      if (text.back() != '(') text += ", ";
      append_literal(text, value);
    }
    return Condition<Collection>{text + ')'};
  }

 private:
  [[nodiscard]] Condition<Collection> compare(std::string_view op, const Compared& value) const {
    std::string text = std::string{name} + std::string{op};
    append_literal(text, value);
    return Condition<Collection>{std::move(text)};
  }
  // A backslash takes the next character as it is; the query language escapes nothing else.
  template <class V>
  static void append_literal(std::string& out, const V& value) {
    if constexpr (std::convertible_to<V, std::string_view>) {
      out += '"';
      for (const char c : std::string_view{value}) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
      out += '"';
    } else {
      Codec<V>::append(out, value);
    }
  }
};

// A record with its fields as C++ values.
template <class Collection>
struct Typed {
  std::string id;
  typename Collection::Values values;
};

// A new record with the values that are set.
template <class Collection>
Result<Ref> create(Write& write, const typename Collection::Values& values = {}) {
  auto ref = write.create(Collection::kCollection);
  if (!ref) return ref;
  if (Status done = write.put(*ref, values.json()); !done) return done.error();
  return ref;
}

// One value; nullopt clears. Of sets and maps the elements are added (satchel_write_put).
template <class Collection, class T>
Status set(Write& write, const Ref& ref, const Field<Collection, T>& field,
           const std::optional<std::type_identity_t<T>>& value) {
  if (!value) return write.set(ref, field.name, "null");
  std::string json;
  Codec<T>::append(json, *value);
  return write.set(ref, field.name, json);
}

// The value of one field, nothing where it is absent or withheld.
template <class Collection, class T>
std::optional<T> value_of(const Record& record, const Field<Collection, T>& field) {
  return Codec<T>::read(record, std::string{field.name});
}

// One record as C++ values. The errors of Read::get.
template <class Collection>
Result<Typed<Collection>> get(const Read& read, std::string_view id) {
  auto record = read.get(Collection::kCollection, id);
  if (!record) return record.error();
  return Typed<Collection>{std::string{id}, Collection::Values::read(*record)};
}

// The records that answer; the errors of Read::query.
template <class Collection>
Result<std::vector<Typed<Collection>>> find(const Read& read,
                                            const Condition<Collection>& condition,
                                            const QueryOptions& options = {}) {
  auto rows = read.query(Collection::kCollection, condition.text(), options);
  if (!rows) return rows.error();
  std::vector<Typed<Collection>> found;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    auto record = Record::parse((*rows)[i]);
    if (!record) return record.error();
    found.push_back({record->id(), Collection::Values::read(*record)});
  }
  return found;
}

}  // namespace v1
}  // namespace satchel
