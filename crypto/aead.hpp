// Sealing: AES-256-GCM for values, AES-256-SIV for key tables, and the nonces.
//
//   NonceSource nonces{entropy};
//   AeadKey key{secret};
//   SATCHEL_TRY(key.seal_with(nonces, aad, plaintext, out));  // out += nonce | ciphertext | tag
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "crypto/entropy.hpp"
#include "crypto/secret.hpp"
#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

struct evp_cipher_ctx_st;  // OpenSSL's EVP_CIPHER_CTX.

namespace satchel::crypto {

inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;
// What seal_with adds to a plaintext.
inline constexpr std::size_t kSealOverheadBytes = kNonceBytes + kTagBytes;
// After so many seals under one key with random nonces a class gets a new generation.
inline constexpr std::uint64_t kSealsPerKeyMax = std::uint64_t{1} << 31;

using Nonce = std::array<std::uint8_t, kNonceBytes>;

// 96-bit random nonces, drawn 512 at a time. Thread-bound.
// Invariants: (1) no nonce is handed out twice; (2) what was drawn before a fork is never used in
// the child. A process made by a bare clone system call, which runs no fork handlers, must call
// drop() itself.
class NonceSource {
 public:
  explicit NonceSource(Entropy& entropy) : entropy_(entropy) {}
  NonceSource(const NonceSource&) = delete;
  NonceSource& operator=(const NonceSource&) = delete;

  Result<Nonce> next();  // kEntropy.
  // Forgets what was drawn. For the moments when this memory may have been copied: clock jumps,
  // resumes.
  void drop() noexcept { left_ = 0; }

 private:
  static constexpr std::size_t kDrawn = 512;
  Status draw();

  Entropy& entropy_;
  std::array<std::uint8_t, kDrawn * kNonceBytes> drawn_{};
  std::size_t left_ = 0;
  std::uint64_t fork_count_ = 0;
};

struct CipherContextFree {
  void operator()(evp_cipher_ctx_st* context) const noexcept;
};
using CipherContext = std::unique_ptr<evp_cipher_ctx_st, CipherContextFree>;

// An AES-256-GCM key, scheduled once for each direction. Movable; thread-bound: a thread makes its
// own.
class AeadKey {
 public:
  explicit AeadKey(const Key32& key);

  // Appends ciphertext and tag: plaintext.size() + kTagBytes. The pair of key and nonce must be
  // new. `out` must not overlap the input.
  void seal(const Nonce& nonce, ByteView aad, ByteView plaintext, Bytes& out);
  // Appends nonce, ciphertext and tag. kEntropy: `out` is as it was.
  Status seal_with(NonceSource& nonces, ByteView aad, ByteView plaintext, Bytes& out);

  // Appends the plaintext of what seal() appended. kSealBroken: `out` is as it was.
  Status open(const Nonce& nonce, ByteView aad, ByteView sealed, Bytes& out);
  // Appends the plaintext of what seal_with() appended. kSealBroken: `out` is as it was.
  Status open_with_nonce(ByteView aad, ByteView sealed, Bytes& out);
  // Writes the plaintext of what seal_with() appended to memory of the caller's choice: `out` has
  // exactly sealed.size() - kSealOverheadBytes bytes. kSealBroken: `out` is zeroed.
  Status open_into(ByteView aad, ByteView sealed, std::span<std::uint8_t> out);

  [[nodiscard]] std::uint64_t seal_count() const { return seal_count_; }  // By this object.

 private:
  Status open_raw(const std::uint8_t* nonce, ByteView aad, ByteView sealed, std::uint8_t* out);

  CipherContext seal_context_;
  CipherContext open_context_;
  std::uint64_t seal_count_ = 0;
};

// AES-256-SIV (RFC 5297 with two AES-256 keys, hence 64 bytes of key; this is OpenSSL's
// "AES-256-SIV"). Deterministic: no nonce, and equal inputs give equal outputs. For the few and
// small key tables. Value type; thread-compatible.
class SivKey {
 public:
  explicit SivKey(Secret<64> key) : key_(std::move(key)) {}
  // The SIV key of a 32-byte key: HKDF with `label` as info.
  static SivKey derive(const Key32& key, ByteView label);

  // Appends tag (16) and ciphertext. kInvalidArgument if the associated data or the plaintext is
  // empty: OpenSSL 3.0 leaves an empty string out of the authentication.
  Status seal(ByteView aad, ByteView plaintext, Bytes& out) const;
  // kSealBroken; kInvalidArgument as above.
  Result<SecretBytes> open(ByteView aad, ByteView sealed) const;

 private:
  Secret<64> key_;
};

}  // namespace satchel::crypto
