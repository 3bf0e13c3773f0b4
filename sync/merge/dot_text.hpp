// Dots and stamps as people and scripts see them.
#pragma once

#include <string>
#include <string_view>

#include "schema/model/result.hpp"
#include "sync/clock/dot.hpp"

namespace satchel::sync {

// "00112233445566778899aabbccddeeff:42": the replica's id and the commit's number.
std::string to_text(const Dot& dot);
// kInvalidArgument.
Result<Dot> parse_dot(std::string_view text);

// "1700000000000:3": milliseconds UTC since 1970 and the logical counter.
std::string to_text(const Stamp& stamp);

// "2023-11-14 22:13:20 UTC".
std::string utc_text(const Stamp& stamp);

}  // namespace satchel::sync
