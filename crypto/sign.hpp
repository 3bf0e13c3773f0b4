// Ed25519 signatures, and the port behind which a device's signing key lives.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "crypto/entropy.hpp"
#include "crypto/secret.hpp"
#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY.

namespace satchel::crypto {

inline constexpr std::size_t kPublicKeyBytes = 32;
inline constexpr std::size_t kSignatureBytes = 64;

struct PrivateKeyFree {
  void operator()(evp_pkey_st* key) const noexcept;
};
using PrivateKey = std::unique_ptr<evp_pkey_st, PrivateKeyFree>;

// An Ed25519 key pair. Movable; thread-compatible.
class SigningKey {
 public:
  static Result<SigningKey> generate(Entropy& entropy);  // kEntropy.
  static SigningKey from_seed(const Key32& seed);        // RFC 8032's private key.

  [[nodiscard]] const Bytes& public_key() const { return public_key_; }  // kPublicKeyBytes.
  [[nodiscard]] const Key32& seed() const { return seed_; }
  [[nodiscard]] Bytes sign(ByteView message) const;  // kSignatureBytes.

 private:
  SigningKey(const Key32& seed, PrivateKey key, Bytes public_key);
  Key32 seed_;
  PrivateKey key_;
  Bytes public_key_;
};

// kSignatureInvalid, also where key or signature do not have their length.
Status verify(ByteView public_key, ByteView message, ByteView signature);

// The port: a key that signs and never shows itself. Thread-safe.
class Signer {
 public:
  virtual ~Signer() = default;
  [[nodiscard]] virtual Bytes public_key() const = 0;
  // kKeyProvider if the host's key store refuses.
  virtual Result<Bytes> sign(ByteView message) = 0;
};

// A key held in memory.
class MemorySigner final : public Signer {
 public:
  explicit MemorySigner(SigningKey key) : key_(std::move(key)) {}
  [[nodiscard]] Bytes public_key() const override { return key_.public_key(); }
  Result<Bytes> sign(ByteView message) override { return key_.sign(message); }

 private:
  SigningKey key_;
};

// A key held in a file of mode 0600 ("satchel-signer 1", a line "seed HEX", a line "sum HEX").
class FileSigner final : public Signer {
 public:
  // Makes the file if there is none. kKeyMalformed: the file is cut or altered; kKeyProvider: it
  // cannot be read or written, or others may read it; kEntropy.
  static Result<std::unique_ptr<FileSigner>> open(const std::string& path, Entropy& entropy);
  [[nodiscard]] Bytes public_key() const override { return key_.public_key(); }
  Result<Bytes> sign(ByteView message) override { return key_.sign(message); }

 private:
  explicit FileSigner(SigningKey key) : key_(std::move(key)) {}
  SigningKey key_;
};

}  // namespace satchel::crypto
