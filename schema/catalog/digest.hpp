// SHA-256 of a compiled schema. A schema's hash is its name on the wire, not a secret and not a
// seal; `crypto/` stands above `schema/` and cannot be asked. Nothing else may use this.
#pragma once

#include "schema/model/bytes.hpp"

namespace satchel::schema {

// 32 bytes. FIPS 180-4.
Bytes schema_digest(ByteView bytes);

}  // namespace satchel::schema
