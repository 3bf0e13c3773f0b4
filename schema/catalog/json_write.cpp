#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <vector>

#include "schema/catalog/base64.hpp"
#include "schema/catalog/json.hpp"

namespace satchel::schema {
namespace {

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

// How many bytes the well-formed UTF-8 character at the front takes; 0 where there is none.
std::size_t character_size(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = octet(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = octet(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second > 0x9F;
  const bool beyond = lead == 0xF4 && second > 0x8F;
  return overlong || surrogate || beyond ? 0 : size;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\t': out += "\\t"; return;
    case '\n': out += "\\n"; return;
    case '\f': out += "\\f"; return;
    case '\r': out += "\\r"; return;
    default: break;
  }
  if (static_cast<unsigned char>(c) >= 0x20) {
    out += c;
    return;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.append("\\u00")
      .append(1, kDigits[static_cast<unsigned char>(c) >> 4])
      .append(1, kDigits[c & 15]);
}

void append_members(std::string& out, const StructType* type, const StructMembers& members) {
  struct Named {
    std::string name;
    const Type* type;
    const Value* value;
  };
  std::vector<Named> sorted;
  for (const auto& [ordinal, value] : members) {
    const StructMember* known = nullptr;
    if (type != nullptr) {
      const auto found =
          std::ranges::lower_bound(type->members, ordinal, {}, &StructMember::ordinal);
      if (found != type->members.end() && found->ordinal == ordinal) known = &*found;
    }
    if (known != nullptr) {
      sorted.push_back({known->name, &known->type, &value});
    } else {
      sorted.push_back({"@" + std::to_string(ordinal), nullptr, &value});
    }
  }
  std::ranges::sort(sorted,
                    [](const Named& a, const Named& b) { return json_name_less(a.name, b.name); });
  static const Type kUnknown;
  const char* separator = "{";
  for (const Named& member : sorted) {
    out += separator;
    append_json_string(out, member.name);
    out += ':';
    append_canonical_json(out, member.type != nullptr ? *member.type : kUnknown, *member.value);
    separator = ",";
  }
  if (sorted.empty()) out += '{';
  out += '}';
}

void append_elements(std::string& out, const Type& element, const ListElements& elements) {
  const char* separator = "[";
  for (const Value& value : elements) {
    out += separator;
    append_canonical_json(out, element, value);
    separator = ",";
  }
  if (elements.empty()) out += '[';
  out += ']';
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

bool json_name_less(std::string_view a, std::string_view b) {
  const auto [at_a, at_b] = std::ranges::mismatch(a, b);
  if (at_a == a.end() || at_b == b.end()) return at_a == a.end() && at_b != b.end();
  // UTF-8 sorts by code point, but UTF-16 puts what takes a surrogate pair (four bytes here) before
  // U+E000.
  const auto octet_a = static_cast<unsigned char>(*at_a);
  const auto octet_b = static_cast<unsigned char>(*at_b);
  const bool pair_a = octet_a >= 0xF0;
  const bool pair_b = octet_b >= 0xF0;
  if (pair_a != pair_b && octet_a >= 0xEE && octet_b >= 0xEE) return pair_a;
  return octet_a < octet_b;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    if (size == 1) {
      append_escaped(out, text.front());
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  out += '"';
}

void append_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  if (number == 0) {
    out += '0';
    return;
  }
  if (number < 0) out += '-';
  std::array<char, 40> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(number),
                                     std::chars_format::scientific);
  const std::string_view text{buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data())};
  const std::size_t e = text.find('e');
  std::string digits{text.substr(0, e)};
  if (const std::size_t point = digits.find('.'); point != std::string::npos) {
    digits.erase(point, 1);
  }
  int exponent = 0;
  const std::size_t sign = text[e + 1] == '+' ? 1 : 0;  // from_chars takes a minus and no plus.
  std::from_chars(text.data() + e + 1 + sign, written.ptr, exponent);

  // ECMAScript, Number::toString: the value is 0.digits times ten to the power of `point`.
  const int point = exponent + 1;
  const int count = static_cast<int>(digits.size());
  if (count <= point && point <= 21) {
    out += digits.append(static_cast<std::size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    out += digits.insert(static_cast<std::size_t>(point), ".");
  } else if (-6 < point && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    if (count > 1) digits.insert(1, ".");
    out.append(digits)
        .append(exponent < 0 ? "e-" : "e+")
        .append(std::to_string(std::abs(exponent)));
  }
}

void append_canonical_json(std::string& out, const Type& type, const Value& value) {
  static const Type kUnknown;
  std::visit(
      Overload{
          [&](std::monostate) { out += "null"; },
          [&](bool b) { out += b ? "true" : "false"; },
          [&](std::int64_t i) { out += std::to_string(i); },
          [&](double d) { append_json_number(out, d); },
          [&](const std::string& text) { append_json_string(out, text); },
          [&](const Data& data) {
            out += '"';
            append_base64(out, data.bytes);
            out += '"';
          },
          [&](const StructMembers& members) { append_members(out, type.structure.get(), members); },
          [&](const ListElements& elements) {
            append_elements(out, type.element ? *type.element : kUnknown, elements);
          },
      },
      value.of);
}

std::string canonical_json(const Type& type, const Value& value) {
  std::string out;
  append_canonical_json(out, type, value);
  return out;
}

}  // namespace satchel::schema
