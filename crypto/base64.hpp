// Base64 with the URL alphabet and no padding (RFC 4648, section 5).
#pragma once

#include <string>
#include <string_view>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

std::string to_base64url(ByteView bytes);
// kInvalidArgument: another alphabet, padding, a length that no bytes have, or spare bits that are
// not zero, so that each byte string has exactly one text.
Result<Bytes> from_base64url(std::string_view text);

}  // namespace satchel::crypto
