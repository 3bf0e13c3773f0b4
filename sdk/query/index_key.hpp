// The 64-bit keys of the indexes.
#pragma once

#include <cstdint>
#include <string_view>

#include "schema/model/value.hpp"
#include "sdk/query/index.hpp"

namespace satchel::sdk {

// The first eight bytes, so that a < b implies prefix_key(a) <= prefix_key(b).
std::uint64_t prefix_key(std::string_view text);
// Of kEquality: equal values have equal keys, numbers whether integer or float. Of kOrdered: a
// value that sorts lower has no higher key.
std::uint64_t index_key(IndexKind kind, const Value& value);

}  // namespace satchel::sdk
