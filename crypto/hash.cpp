// The low-level SHA-256 is deprecated in OpenSSL 3 and used all the same: its state can be copied,
// which EVP allows only by allocating, and that costs more than the hash.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/sha.h>

namespace satchel::crypto {
namespace {

constexpr std::size_t kHashBlockBytes = 64;

SHA256_CTX load(const std::array<unsigned char, 112>& octets) {
  static_assert(sizeof(SHA256_CTX) == 112);
  SHA256_CTX context;
  std::memcpy(&context, octets.data(), sizeof context);
  return context;
}
void save(const SHA256_CTX& context, std::array<unsigned char, 112>& octets) {
  std::memcpy(octets.data(), &context, sizeof context);
}
void wipe(SHA256_CTX& context) { secure_zero(&context, sizeof context); }

}  // namespace

Digest sha256_digest(ByteView bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Bytes sha256(ByteView bytes) { return Bytes{as_view(sha256_digest(bytes))}; }

Sha256::Sha256() {
  SHA256_CTX context;
  SHA256_Init(&context);
  save(context, state_.octets_);
}

void Sha256::update(ByteView bytes) {
  SHA256_CTX context = load(state_.octets_);
  SHA256_Update(&context, bytes.data(), bytes.size());
  save(context, state_.octets_);
  wipe(context);
}

Digest Sha256::finish() {
  SHA256_CTX context = load(state_.octets_);
  Digest digest;
  SHA256_Final(digest.data(), &context);
  wipe(context);
  return digest;
}

HmacKey::HmacKey(ByteView key) {
  std::array<std::uint8_t, kHashBlockBytes> block{};
  if (key.size() > block.size()) {
    const Digest digest = sha256_digest(key);
    std::copy(digest.begin(), digest.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  const auto midstate = [&block](std::uint8_t pad, std::array<unsigned char, 112>& out) {
    for (std::uint8_t& octet : block) octet = static_cast<std::uint8_t>(octet ^ pad);
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, block.data(), block.size());
    save(context, out);
    wipe(context);
    for (std::uint8_t& octet : block) octet = static_cast<std::uint8_t>(octet ^ pad);
  };
  midstate(0x36, inner_.octets_);
  midstate(0x5C, outer_.octets_);
  secure_zero(block.data(), block.size());
}

Digest HmacKey::mac(ByteView head, ByteView tail) const {
  SHA256_CTX context = load(inner_.octets_);
  SHA256_Update(&context, head.data(), head.size());
  SHA256_Update(&context, tail.data(), tail.size());
  Digest digest;
  SHA256_Final(digest.data(), &context);
  context = load(outer_.octets_);
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  wipe(context);
  return digest;
}

Bytes hmac_sha256(ByteView key, ByteView message) {
  return Bytes{as_view(HmacKey{key}.mac(message))};
}

void hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::span<std::uint8_t> out) {
  SATCHEL_ASSERT(out.size() <= 255 * kDigestBytes);
  // No salt is a salt of zeros: HMAC's padding makes it so.
  Digest extracted = HmacKey{salt}.mac(secret);
  const HmacKey expand{as_view(extracted)};
  secure_zero(extracted.data(), extracted.size());
  SecretBytes message;
  std::uint8_t counter = 0;
  Digest block{};
  while (!out.empty()) {
    SecretBytes next{counter == 0 ? ByteView{} : as_view(block)};
    next.append(info);
    ++counter;
    next.append(as_view({&counter, 1}));
    message = std::move(next);
    block = expand.mac(message.bytes());
    const std::size_t size = std::min(out.size(), block.size());
    std::copy_n(block.begin(), size, out.begin());
    out = out.subspan(size);
  }
  secure_zero(block.data(), block.size());
}

}  // namespace satchel::crypto
