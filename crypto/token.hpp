// Compact tokens that their maker recognises: base64url of
//
//   offset  size  field
//        0     1  format, 1
//        1     8  end of validity, ms since 1970, little-endian
//        9     n  payload (readable by anyone: no secrets, no personal data)
//    9 + n    32  HMAC(key, "satchel token" | size of domain | domain | all bytes above)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/hash.hpp"
#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

// `domain` says what the token is for; a token of one domain is none in another.
std::string make_token(const HmacKey& key, std::string_view domain, ByteView payload,
                       std::uint64_t expires_ms);
// The payload. kUnauthenticated: not made with this key for this domain, or at or past its end.
Result<Bytes> open_token(const HmacKey& key, std::string_view domain, std::string_view token,
                         std::uint64_t now_ms);

}  // namespace satchel::crypto
