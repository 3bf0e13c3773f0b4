// Data in JSON: RFC 4648 base64 with padding.
#pragma once

#include <string>
#include <string_view>

#include "schema/model/bytes.hpp"

namespace satchel::schema {

void append_base64(std::string& out, ByteView bytes);
// False for anything that append_base64 would not have written.
bool from_base64(std::string_view text, Bytes& out);

}  // namespace satchel::schema
