// Adding what counters hold.
#pragma once

#include <optional>
#include <span>

#include "schema/catalog/catalog.hpp"
#include "schema/model/value.hpp"
#include "sync/merge/record.hpp"

namespace satchel::sync {

// The exact sum of two numbers (an integer and a float make a float). None where one is no number,
// where integers overflow, or where floats leave the finite.
std::optional<Value> checked_sum(const Value& a, const Value& b);

// The sum of what is already stored and can no longer be refused: integers stop at the ends of 64
// bits, and what is no number counts as nothing.
Value saturated_sum(const Value& a, const Value& b);

// Whether a counter of this field stays in its type's range with `increment` more: the author's own
// register, whose key is `own_key`, and the total of all. `entries` are the field's. True of a
// field that does not count in integers.
bool stays_in_range(const schema::FieldDef& field, std::span<const Entry> entries,
                    ByteView own_key, std::int64_t increment);

}  // namespace satchel::sync
