// What a field shows, as canonical JSON (RFC 8785, 64-bit integers as plain digits).
#pragma once

#include <string>

#include "sync/merge/reading.hpp"

namespace satchel::sync {

// Plain fields, counter, max, min: the value. set, accessSet: a list in the order of values. log: a
// list in key order. map: an object by the text of the key. "null" while absent.
std::string shown_json(const schema::FieldDef& field, const FieldReading& reading);
void append_shown_json(std::string& out, const schema::FieldDef& field,
                       const FieldReading& reading);

// One encoded value of `type`. Bytes that do not decode: a text, "@" and hexadecimal digits.
void append_encoded_json(std::string& out, const schema::Type& type, ByteView encoded);

// The name of one register of a map field, for people: the text of a map's key, a set's element,
// the author's replica id of a counter, max or min, "replica:commit:place" of a log entry. Empty
// for a plain field's.
std::string key_text(const schema::FieldDef& field, ByteView key);

}  // namespace satchel::sync
