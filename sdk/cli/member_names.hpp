// What Boost.JSON's parser passes over in silence: the last of two members of one name counts.
#pragma once

#include <string_view>

namespace satchel::cli {

// Whether an object of a JSON text, at any depth, names a member twice. False for what is no JSON.
bool names_a_member_twice(std::string_view json);

}  // namespace satchel::cli
