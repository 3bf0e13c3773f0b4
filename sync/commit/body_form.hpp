// The numbers of a commit body's byte form (body.hpp), for its writer and its reader.
#pragma once

#include <cstdint>

namespace satchel::sync::body_form {

inline constexpr std::uint8_t kFormat = 1;
inline constexpr std::uint8_t kCreates = 1;         // Record flag.
inline constexpr std::uint8_t kOpBits = 7;          // Of a write's flags.
inline constexpr std::uint8_t kHasKey = 8;
// The first write of a section: nothing was shown.
inline constexpr std::uint8_t kShownAsBefore = 16;

}  // namespace satchel::sync::body_form
