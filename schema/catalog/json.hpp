// Values as JSON and back, by their schema type. JSON is how people and scripts see values; the
// canonical text is RFC 8785 with 64-bit integers as plain digits.
#pragma once

#include <string>
#include <string_view>

#include "schema/catalog/catalog.hpp"

namespace satchel::schema {

// Reads a JSON text as a value of `type`. Structs by member name, maps are not values of one
// register and are refused, Data as base64, times (Type::time) as whole microseconds or ISO 8601
// text. null is the null value at the top and an absent member in a struct. kTypeMismatch with a
// JSON pointer and what was expected, never with the data; kInvalidArgument where the text is no
// JSON; kLimitExceeded.
Result<Value> value_from_json(const Type& type, std::string_view json);
// Reads what a person typed after FIELD=: text as it stands, numbers, true/false, ISO 8601 for a
// type whose field has unit "us" (microseconds UTC), base64 for Data, for structs and lists JSON.
// Empty text is null (clears).
Result<Value> value_from_text(const FieldDef& field, const Type& type, std::string_view text);
// The member of a struct that a dotted path such as "city" or "checkIn.at" names, set to what a
// person typed (or to JSON), in a copy of `whole`, which may be null. Empty text takes the member
// out; a struct left without members is null. kFieldUnknown where the type has no such member.
Result<Value> with_member(const Type& type, const Value& whole, std::string_view path,
                          std::string_view text, bool text_is_json);

// Whether a value that came as bytes is one of `type`: kinds, ranges, UTF-8, no NaN and no -0.0.
// Members that the type does not know are a newer schema's and pass. kTypeMismatch with a pointer,
// never with the data.
Status check_value(const Type& type, const Value& value);
bool is_utf8(std::string_view text);

// Canonical JSON of a value of `type`; members that the type does not know appear as "@ordinal".
std::string canonical_json(const Type& type, const Value& value);
void append_canonical_json(std::string& out, const Type& type, const Value& value);
// The order of member names in RFC 8785: by UTF-16 code units. Both are UTF-8.
bool json_name_less(std::string_view a, std::string_view b);
// Appends a JSON string literal, RFC 8785 escapes. What is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// ECMAScript's shortest round-trip form, as RFC 8785 asks; null for what JSON has no number for.
void append_json_number(std::string& out, double number);

}  // namespace satchel::schema
