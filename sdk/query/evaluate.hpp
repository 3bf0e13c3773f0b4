// Whether a record answers an expression, and in which order records come.
#pragma once

#include <functional>
#include <vector>

#include "sdk/query/expression.hpp"

namespace satchel::sdk {

// The shown values that a path leads to, none where it is absent or withheld; of sets, logs and
// maps possibly several.
std::vector<Value> values_at(const Path& path, const sync::Record& record);

// Pure. The record must be of the collection that the expression was parsed for.
bool matches(const Node& node, const sync::Record& record);

// Numbers as numbers, text by code points. Precondition: both of one leaf type.
std::strong_ordering order_of(const Value& a, const Value& b);

// % stands for any text, _ for one character (code point); case counts.
bool like(std::string_view text, std::string_view pattern);

// A record's place under an order; absent values come last whatever the direction, ties go by id.
struct SortKey {
  std::vector<std::optional<Value>> values;
  RecordId id;
};
SortKey sort_key(const std::vector<OrderBy>& order, const sync::Record& record);
bool comes_before(const std::vector<OrderBy>& order, const SortKey& a, const SortKey& b);

}  // namespace satchel::sdk
