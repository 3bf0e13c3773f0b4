// Adding what counters hold.
#pragma once

#include <optional>

#include "schema/model/value.hpp"

namespace satchel::sync {

// The exact sum of two numbers (an integer and a float make a float). None where one is no number,
// where integers overflow, or where floats leave the finite.
std::optional<Value> checked_sum(const Value& a, const Value& b);

// The sum of what is already stored and can no longer be refused: integers stop at the ends of 64
// bits, and what is no number counts as nothing.
Value saturated_sum(const Value& a, const Value& b);

}  // namespace satchel::sync
