// What a person may do about damage, said with the error that tells of it.
#pragma once

#include <string_view>

#include "sync/store/store.hpp"

namespace satchel::sync {

// Adds the way out to an error of damage; any other is given back as it is.
[[nodiscard]] inline Error with_way_out(Error error, std::string_view way_out) {
  if (is_damage(error.code)) error.context += way_out;
  return error;
}

}  // namespace satchel::sync
