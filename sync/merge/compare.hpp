// The one order of values, for `max`, `min`, `deny` and for putting sets and maps in order for
// people.
#pragma once

#include <compare>
#include <string_view>

#include "schema/model/value.hpp"

namespace satchel::sync {

// Total over values without NaN: null < bool < number < text < data < struct < list; false < true;
// an integer and a float compare as numbers (an equal pair: the integer first); text by UTF-16 code
// units, as RFC 8785 sorts names; structs member by member (a missing one reads as null), lists
// element by element.
std::strong_ordering compare_values(const Value& a, const Value& b);

// Of encode_value's forms. Bytes that do not decode sort before all that do, by themselves as
// bytes.
std::strong_ordering compare_encoded(ByteView a, ByteView b);

std::strong_ordering compare_utf16(std::string_view a, std::string_view b);

}  // namespace satchel::sync
