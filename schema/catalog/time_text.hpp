// Points in time as people and scripts write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace satchel::schema {

// Microseconds UTC of ISO 8601 text: "2026-03-05T10:00:00.25+01:00", "2026-03-05T09:00Z", or a date
// alone for its first moment UTC. A time without Z or an offset is nothing, since nobody knows when
// it is. Digits past the microsecond are cut off. Years 0001 to 9999.
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace satchel::schema
