// What single values and registers show, worked out for the reference model: shares no code with
// sync/merge. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/reference_model.hpp"

namespace satchel::sim {

bool is_null(const Bytes& value);
bool is_true(const Bytes& value);
std::int64_t integer(const Bytes& value);  // 0 for none.
std::string text(const Bytes& value);      // Of a struct: its first member.
// Two authors' parts of a counter, max or min.
std::int64_t together(schema::Rule rule, std::int64_t a, std::int64_t b);
bool newer(const LiveValue& a, const LiveValue& b);
bool is_contested(const schema::FieldDef& field, const std::vector<LiveValue>& values);
// The one of them that the rule shows. Precondition: there is one.
LiveValue show(schema::Rule rule, const schema::FieldDef& field,
               const std::vector<LiveValue>& values);

}  // namespace satchel::sim
