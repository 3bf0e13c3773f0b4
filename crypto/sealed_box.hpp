// Sealing to the server's public key: a device can write what it can no longer read.
//
//   offset  size  field
//        0     1  format, 1
//        1    32  the sender's ephemeral X25519 public key
//       33    12  nonce
//       45     n  ciphertext
//   45 + n    16  tag
//
// The AES-256-GCM key is HKDF(X25519 secret, salt = ephemeral key | receiver's key, "satchel box
// v1").
#pragma once

#include <cstdint>
#include <optional>

#include "crypto/aead.hpp"
#include "crypto/entropy.hpp"
#include "crypto/secret.hpp"
#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

inline constexpr std::size_t kBoxKeyBytes = 32;
inline constexpr std::size_t kBoxOverheadBytes = 1 + kBoxKeyBytes + kNonceBytes + kTagBytes;

// An X25519 key pair. Value type.
struct BoxKeyPair {
  Key32 secret;
  Bytes public_key;  // kBoxKeyBytes.

  static Result<BoxKeyPair> generate(Entropy& entropy);  // kEntropy.
  static BoxKeyPair from_secret(const Key32& secret);
};

// The shared secret. kKeyMalformed: the public key has another length or is a point of small order.
Result<Key32> x25519(const Key32& secret, ByteView public_key);

// Opened once per opened store: one ephemeral key pair, whose secret half is gone before open()
// returns. Movable; thread-bound.
class BoxSender {
 public:
  // kKeyMalformed, kEntropy.
  static Result<BoxSender> open(ByteView receiver_public_key, Entropy& entropy);

  // Appends plaintext.size() + kBoxOverheadBytes. kEntropy.
  Status seal(NonceSource& nonces, ByteView aad, ByteView plaintext, Bytes& out);

 private:
  BoxSender(Bytes ephemeral, AeadKey key);
  Bytes ephemeral_;
  AeadKey key_;
};

// The server's half. Keeps the last sender's key, since boxes of one store come together.
// Thread-bound.
class BoxReceiver {
 public:
  explicit BoxReceiver(BoxKeyPair keys) : keys_(std::move(keys)) {}
  [[nodiscard]] const Bytes& public_key() const { return keys_.public_key; }

  // Appends the plaintext. kSealBroken, also for a foreign format.
  Status open(ByteView aad, ByteView box, Bytes& out);

 private:
  BoxKeyPair keys_;
  Bytes last_ephemeral_;
  std::optional<AeadKey> last_key_;
};

}  // namespace satchel::crypto
