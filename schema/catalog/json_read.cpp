#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <system_error>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>

#include "schema/catalog/base64.hpp"
#include "schema/catalog/json_value.hpp"
#include "schema/catalog/time_text.hpp"
#include "schema/model/limits.hpp"

namespace satchel::schema {
namespace {

namespace json = boost::json;

// A value of 1 MiB may take six times as much as JSON, where every byte is escaped.
constexpr std::size_t kJsonBytesMax = 8 * limits::kValueBytesMax;
constexpr std::size_t kJsonDepthMax = 32;

// Boost.JSON's own handler takes a member twice and rounds numbers with a fraction.
struct ExactHandler {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  json::value_stack stack;
  std::string key;
  std::string number;
  std::vector<std::set<std::string>> names;

  bool on_document_begin(json::error_code&) {
    stack.reset();
    return true;
  }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    names.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t size, json::error_code&) {
    names.pop_back();
    stack.push_object(size);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t size, json::error_code&) {
    stack.push_array(size);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key.append(part.data(), part.size());
    stack.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& failed) {
    key.append(part.data(), part.size());
    stack.push_key(part);
    const bool fresh = names.back().insert(key).second;
    key.clear();
    if (!fresh) failed = std::make_error_code(std::errc::invalid_argument);
    return fresh;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    stack.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view part, json::error_code&) {
    number.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
    number.clear();
    stack.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
    number.clear();
    stack.push_uint64(value);
    return true;
  }
  bool on_double(double, json::string_view part, json::error_code& failed) {
    number.append(part.data(), part.size());
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    number.clear();
    // Out of range both ways: what is too small for a double is none as well.
    if (read.ec != std::errc{}) failed = std::make_error_code(std::errc::result_out_of_range);
    stack.push_double(value);
    return !failed;
  }
  bool on_bool(bool value, json::error_code&) {
    stack.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

const char* expected(const Type& type) {
  switch (type.kind) {
    case Kind::kBool: return "true or false";
    case Kind::kInteger:
      return type.time ? "microseconds or an ISO 8601 time with Z or an offset" : "an integer";
    case Kind::kFloat: return "a number";
    case Kind::kText: return "text";
    case Kind::kData: return "base64";
    case Kind::kStruct: return "an object";
    case Kind::kList: return "an array";
    case Kind::kAttachment: return "an attachment, {hash, size, mediaType, class}";
    case Kind::kMap: return "one entry of the map, not the whole";
  }
  return "another type";
}

Error mismatch(const std::string& pointer, const Type& type) {
  return Error{Errc::kTypeMismatch, "at \"" + pointer + "\": expected " + expected(type)};
}

std::string member_names(const StructType& type) {
  std::string names;
  for (const StructMember& member : type.members) {
    names += (names.empty() ? "" : ", ") + member.name;
  }
  return names;
}

class ValueReader {
 public:
  Result<Value> read(const Type& type, const json::value& from) {
    if (from.is_null()) return mismatch(pointer_, type);
    switch (type.kind) {
      case Kind::kBool:
        if (from.is_bool()) return Value{from.get_bool()};
        break;
      case Kind::kInteger: return read_integer(type, from);
      case Kind::kFloat: return read_float(type, from);
      case Kind::kText:
        if (from.is_string()) return Value{std::string{from.get_string()}};
        break;
      case Kind::kData: {
        Data data;
        if (from.is_string() && from_base64(from.get_string(), data.bytes)) {
          return Value{std::move(data)};
        }
        break;
      }
      case Kind::kStruct:
      case Kind::kAttachment:
        if (from.is_object()) return read_struct(*type.structure, from.get_object());
        break;
      case Kind::kList:
        if (from.is_array()) return read_list(*type.element, from.get_array());
        break;
      case Kind::kMap: break;
    }
    return mismatch(pointer_, type);
  }

 private:
  Result<Value> read_integer(const Type& type, const json::value& from) {
    std::optional<std::int64_t> number;
    if (from.is_int64()) number = from.get_int64();
    if (from.is_string() && type.time) number = parse_time(from.get_string());
    if (!number || *number < type.min || *number > type.max) return mismatch(pointer_, type);
    return Value{*number};
  }

  Result<Value> read_float(const Type& type, const json::value& from) {
    double number = 0;
    if (from.is_double()) {
      number = from.get_double();
    } else if (from.is_int64()) {
      number = static_cast<double>(from.get_int64());
    } else if (from.is_uint64()) {
      number = static_cast<double>(from.get_uint64());
    } else {
      return mismatch(pointer_, type);
    }
    return Value{number + 0.0};  // -0.0 becomes 0.0: equal values have equal bytes.
  }

  Result<Value> read_struct(const StructType& type, const json::object& from) {
    StructMembers members;
    std::size_t known = 0;
    for (const StructMember& member : type.members) {
      const json::value* found = from.if_contains(member.name);
      if (found == nullptr) continue;
      ++known;
      if (found->is_null()) continue;
      auto value = read_below(member.type, *found, member.name);
      if (!value) return value.error();
      members.emplace_back(member.ordinal, std::move(*value));
    }
    if (known != from.size()) {
      return Error{Errc::kTypeMismatch, "at \"" + pointer_ + "\": the members of " + type.name +
                                            " are " + member_names(type)};
    }
    return Value{std::move(members)};
  }

  Result<Value> read_list(const Type& element, const json::array& from) {
    ListElements elements;
    elements.reserve(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      auto value = read_below(element, from[i], std::to_string(i));
      if (!value) return value.error();
      elements.push_back(std::move(*value));
    }
    return Value{std::move(elements)};
  }

  Result<Value> read_below(const Type& type, const json::value& from, const std::string& step) {
    const std::size_t size = pointer_.size();
    pointer_.append("/").append(step);
    auto value = read(type, from);
    pointer_.resize(size);
    return value;
  }

  std::string pointer_;
};

Result<Value> within_limit(Result<Value> value) {
  if (value && encode_value(*value).size() > limits::kValueBytesMax) {
    return Error{Errc::kLimitExceeded, "a value has at most 1 MiB"};
  }
  return value;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<Value> integer_from_text(const Type& type, bool time, std::string_view text) {
  auto number = number_of<std::int64_t>(text);
  if (!number && time) number = parse_time(text);
  if (!number || *number < type.min || *number > type.max) return mismatch("", type);
  return Value{*number};
}

// What a person typed for a value of `type`.
Result<Value> typed_text(const Type& type, std::string_view text) {
  if (text.empty()) return Value{};
  switch (type.kind) {
    case Kind::kBool:
      if (text == "true" || text == "false") return Value{text == "true"};
      break;
    case Kind::kInteger: return integer_from_text(type, type.time, text);
    case Kind::kFloat: {
      const auto number = number_of<double>(text);
      if (number && std::isfinite(*number)) return Value{*number + 0.0};
      break;
    }
    case Kind::kText:
      if (is_utf8(text)) return within_limit(Value{std::string{text}});
      break;
    case Kind::kData: {
      Data data;
      if (from_base64(text, data.bytes)) return within_limit(Value{std::move(data)});
      break;
    }
    case Kind::kStruct:
    case Kind::kList:
    case Kind::kAttachment: return value_from_json(type, text);
    case Kind::kMap: break;
  }
  return mismatch("", type);
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  if (text.size() > kJsonBytesMax) {
    return Error{Errc::kLimitExceeded, "a JSON text has at most 8 MiB"};
  }
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  json::basic_parser<ExactHandler> parser{options};
  json::error_code failed;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), failed);
  if (!failed && read < text.size()) failed = json::error::extra_data;
  if (failed) {
    return Error{Errc::kInvalidArgument,
                 "not JSON, or a member twice, at byte " + std::to_string(read)};
  }
  return parser.handler().stack.release();
}

Result<Value> value_from_json(const Type& type, const json::value& from) {
  if (from.is_null()) return Value{};
  return within_limit(ValueReader{}.read(type, from));
}

Result<Value> value_from_json(const Type& type, std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed) return parsed.error();
  return value_from_json(type, *parsed);
}

Result<Value> value_from_text(const FieldDef& field, const Type& type, std::string_view text) {
  auto value = typed_text(type, text);
  if (!value) return Error{value.error().code, field.name + ": " + value.error().context};
  return value;
}

Result<Value> with_member(const Type& type, const Value& whole, std::string_view path,
                          std::string_view text, bool text_is_json) {
  if (path.empty()) return text_is_json ? value_from_json(type, text) : typed_text(type, text);
  const std::string_view name = path.substr(0, path.find('.'));
  const std::string_view rest =
      name.size() == path.size() ? std::string_view{} : path.substr(name.size() + 1);
  const StructMember* member = type.structure ? type.structure->find(name) : nullptr;
  const bool ends_in_dot = rest.empty() && name.size() != path.size();
  if (member == nullptr || ends_in_dot) {
    return Error{Errc::kFieldUnknown, type.structure ? "the members of " + type.structure->name +
                                                           " are " + member_names(*type.structure)
                                                     : std::string{"the value has no members"}};
  }
  const auto* held = whole.as<StructMembers>();
  StructMembers members = held == nullptr ? StructMembers{} : *held;
  const auto place = std::ranges::lower_bound(members, member->ordinal, {},
                                              &std::pair<std::uint16_t, Value>::first);
  const bool present = place != members.end() && place->first == member->ordinal;
  auto changed =
      with_member(member->type, present ? place->second : Value{}, rest, text, text_is_json);
  if (!changed) return changed.error();
  if (changed->is_null()) {
    if (present) members.erase(place);
  } else if (present) {
    place->second = std::move(*changed);
  } else {
    members.emplace(place, member->ordinal, std::move(*changed));
  }
  if (members.empty()) return Value{};
  return within_limit(Value{std::move(members)});
}

}  // namespace satchel::schema
