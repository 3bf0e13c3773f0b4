// What a field can hold, and its one canonical byte form.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel {

// A typed value. Value type; compared by content. Which kind a field takes is said by its schema.
// Canonical: a struct's members are sorted by ordinal and hold no null; NaN and -0.0 are refused by
// encode's callers (the JSON reader), so equal values have equal bytes.
//
// Byte form (encode_value), one tag byte then:
//   0 null     -                        5 text    varint length, UTF-8
//   1 false    -                        6 data    varint length, bytes
//   2 true     -                        7 struct  varint count, count x (varint ordinal, value)
//   3 integer  zigzag varint            8 list    varint count, count x value
//   4 float    8 bytes little-endian    9 attachment  reserved: written as a struct today
struct Value;
using StructMembers = std::vector<std::pair<std::uint16_t, Value>>;
using ListElements = std::vector<Value>;

struct Data {
  Bytes bytes;
  friend bool operator==(const Data&, const Data&) = default;
};

struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Data, StructMembers,
               ListElements>
      of;

  Value() = default;
  explicit Value(bool b) : of(b) {}
  explicit Value(std::int64_t i) : of(i) {}
  explicit Value(double d) : of(d) {}
  explicit Value(std::string text) : of(std::move(text)) {}
  explicit Value(const char* text) : of(std::string(text)) {}
  explicit Value(Data data) : of(std::move(data)) {}
  explicit Value(StructMembers members) : of(std::move(members)) {}
  explicit Value(ListElements elements) : of(std::move(elements)) {}

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(of); }
  template <class T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&of);
  }
  friend bool operator==(const Value& a, const Value& b);
};

inline bool operator==(const Value& a, const Value& b) { return a.of == b.of; }

// The one-byte form of null: what clears a field, and what removes an element of a set or map.
inline constexpr char kNullTag = 0;
inline bool is_null_bytes(ByteView encoded) {
  return encoded.size() == 1 && encoded[0] == kNullTag;
}

Bytes encode_value(const Value& value);
void append_value(Bytes& out, const Value& value);
// kRecordMalformed for anything that encode_value would not have written (unknown tag, long varint,
// unsorted members, bytes left over); kLimitExceeded for more than kValueDepthMax levels.
Result<Value> decode_value(ByteView bytes);

}  // namespace satchel
