// SHA-256, HMAC with kept midstates, HKDF.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/secret.hpp"
#include "schema/model/bytes.hpp"

namespace satchel::crypto {

inline constexpr std::size_t kDigestBytes = 32;
using Digest = std::array<std::uint8_t, kDigestBytes>;

// The state of a running SHA-256, opaque here so that OpenSSL stays in the .cpp. It may hold
// secrets.
class HashState {
 public:
  HashState() = default;
  HashState(const HashState&) = default;
  HashState& operator=(const HashState&) = default;
  ~HashState() { secure_zero(octets_.data(), octets_.size()); }

 private:
  friend class Sha256;
  friend class HmacKey;
  alignas(8) std::array<unsigned char, 112> octets_{};
};

// 32 bytes.
Bytes sha256(ByteView bytes);
Digest sha256_digest(ByteView bytes);

// Hashes what arrives in pieces. Thread-bound. finish() may be called once.
class Sha256 {
 public:
  Sha256();
  void update(ByteView bytes);
  Digest finish();

 private:
  HashState state_;
};

// An HMAC-SHA256 key whose two padded blocks were hashed when it was made: a short message costs
// two compressions (0.1 to 0.3 us). Value type; thread-compatible.
class HmacKey {
 public:
  explicit HmacKey(ByteView key);  // Any length, as RFC 2104 has it.
  explicit HmacKey(const Key32& key) : HmacKey(key.bytes()) {}

  [[nodiscard]] Digest mac(ByteView message) const { return mac({}, message); }
  // Of the concatenation.
  [[nodiscard]] Digest mac(ByteView head, ByteView tail) const;

 private:
  HashState inner_;
  HashState outer_;
};

Bytes hmac_sha256(ByteView key, ByteView message);  // 32 bytes.

// RFC 5869. Takes about 2 us: for keys that are kept, never per value. `out` has at most 255 * 32
// bytes.
void hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::span<std::uint8_t> out);

}  // namespace satchel::crypto
