// Little-endian base-128 numbers, as in Protocol Buffers and Cap'n Proto's neighbours; and a
// bounded reader.
#pragma once

#include <cstdint>
#include <cstring>

#include "schema/model/bytes.hpp"

namespace satchel {

inline void append_varint(Bytes& out, std::uint64_t number) {
  while (number >= 0x80) {
    out += static_cast<char>(number | 0x80);
    number >>= 7;
  }
  out += static_cast<char>(number);
}
inline std::uint64_t zigzag(std::int64_t number) {
  return (static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63);
}
inline std::int64_t unzigzag(std::uint64_t number) {
  return static_cast<std::int64_t>(number >> 1) ^ -static_cast<std::int64_t>(number & 1);
}
inline void append_u16(Bytes& out, std::uint16_t n) {
  out += static_cast<char>(n & 0xFF);
  out += static_cast<char>(n >> 8);
}
inline void append_u32(Bytes& out, std::uint32_t n) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((n >> shift) & 0xFF);
}
inline void append_u64(Bytes& out, std::uint64_t n) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((n >> shift) & 0xFF);
}
inline void append_u64_big(Bytes& out, std::uint64_t n) {  // Sorts as a key.
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((n >> shift) & 0xFF);
}
inline void append_sized(Bytes& out, ByteView bytes) {
  append_varint(out, bytes.size());
  out += bytes;
}

// Reads forward over hostile bytes. Every read past the end, and every varint that is longer than
// needed or than 64 bits, sets `failed` and yields zeros: callers check once at the end (or before
// they allocate by a count). Thread-bound; the views it hands out are into the bytes it was given.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] bool finished() const { return !failed_ && at_ == end_; }
  [[nodiscard]] const char* position() const { return at_; }
  void fail() {
    failed_ = true;
    at_ = end_;
  }

  std::uint8_t u8() {
    if (at_ == end_) return fail(), std::uint8_t{0};
    return static_cast<std::uint8_t>(*at_++);
  }
  std::uint16_t u16() {
    const ByteView b = take(2);
    if (b.empty()) return 0;
    return static_cast<std::uint16_t>(octet(b, 0) | octet(b, 1) << 8);
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little(4)); }
  std::uint64_t u64() { return little(8); }
  std::uint64_t u64_big() {
    const ByteView b = take(8);
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < b.size(); ++i) n = n << 8 | octet(b, i);
    return n;
  }
  std::uint64_t varint() {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) {
      return static_cast<std::uint8_t>(*at_++);
    }
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t octet_read = u8();
      if (failed_) return 0;
      if (shift == 63 && octet_read > 1) return fail(), 0;
      number |= static_cast<std::uint64_t>(octet_read & 0x7F) << shift;
      if (octet_read < 0x80) {
        if (octet_read == 0 && shift > 0) return fail(), 0;  // Longer than needed: not canonical.
        return number;
      }
    }
    return fail(), 0;
  }
  ByteView take(std::uint64_t size) {
    if (size > left()) return fail(), ByteView{};
    const ByteView bytes{at_, static_cast<std::size_t>(size)};
    at_ += size;
    return bytes;
  }
  ByteView sized() { return take(varint()); }

 private:
  static unsigned octet(ByteView b, std::size_t i) { return static_cast<unsigned char>(b[i]); }
  std::uint64_t little(std::size_t size) {
    const ByteView b = take(size);
    std::uint64_t n = 0;
    for (std::size_t i = b.size(); i-- > 0;) n = n << 8 | octet(b, i);
    return n;
  }

  const char* at_;
  const char* end_;
  bool failed_ = false;
};

}  // namespace satchel
