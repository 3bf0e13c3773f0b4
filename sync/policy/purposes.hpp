// The purposes that decisions know. For this folder.
#pragma once

#include <span>
#include <string_view>

namespace satchel::sync {

// Sorted names.
std::span<const std::string_view> known_purposes();

}  // namespace satchel::sync
