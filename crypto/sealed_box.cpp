#include "crypto/sealed_box.hpp"

#include <array>
#include <memory>

#include <openssl/evp.h>

#include "crypto/hash.hpp"

namespace satchel::crypto {
namespace {

constexpr char kFormat = 1;

struct KeyFree {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct KeyContextFree {
  void operator()(EVP_PKEY_CTX* context) const noexcept { EVP_PKEY_CTX_free(context); }
};
using X25519Key = std::unique_ptr<EVP_PKEY, KeyFree>;

X25519Key load_secret(const Key32& secret) {
  X25519Key key{EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, secret.octets().data(),
                                             secret.octets().size())};
  SATCHEL_ASSERT(key != nullptr);
  return key;
}

// The associated data is bound to the format too.
Bytes bound(ByteView aad) {
  Bytes bytes = "satchel box v1";
  bytes += aad;
  return bytes;
}

AeadKey box_key(const Key32& shared, ByteView ephemeral, ByteView receiver) {
  Bytes salt{ephemeral};
  salt += receiver;
  Key32 key;
  hkdf_sha256(shared.bytes(), salt, "satchel box v1", key.octets());
  return AeadKey{key};
}

}  // namespace

Result<BoxKeyPair> BoxKeyPair::generate(Entropy& entropy) {
  const auto secret = random_secret<32>(entropy);
  if (!secret) return secret.error();
  return from_secret(*secret);
}

BoxKeyPair BoxKeyPair::from_secret(const Key32& secret) {
  const X25519Key key = load_secret(secret);
  std::array<unsigned char, kBoxKeyBytes> public_key;
  std::size_t size = public_key.size();
  SATCHEL_ASSERT(EVP_PKEY_get_raw_public_key(key.get(), public_key.data(), &size) == 1);
  return {secret, Bytes{as_view(public_key)}};
}

Result<Key32> x25519(const Key32& secret, ByteView public_key) {
  if (public_key.size() != kBoxKeyBytes) {
    return Error{Errc::kKeyMalformed, "an X25519 key has 32 bytes"};
  }
  const X25519Key own = load_secret(secret);
  const X25519Key peer{EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr,
                                                   as_octets(public_key).data(), kBoxKeyBytes)};
  SATCHEL_ASSERT(peer != nullptr);
  const std::unique_ptr<EVP_PKEY_CTX, KeyContextFree> context{
      EVP_PKEY_CTX_new(own.get(), nullptr)};
  SATCHEL_ASSERT(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1);
  Key32 shared;
  std::size_t size = shared.octets().size();
  // The derivation refuses an all-zero secret, which is what points of small order give.
  if (EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), shared.octets().data(), &size) != 1 || size != 32) {
    return Error{Errc::kKeyMalformed, "an X25519 key of small order"};
  }
  return shared;
}

BoxSender::BoxSender(Bytes ephemeral, AeadKey key)
    : ephemeral_(std::move(ephemeral)), key_(std::move(key)) {}

Result<BoxSender> BoxSender::open(ByteView receiver_public_key, Entropy& entropy) {
  auto pair = BoxKeyPair::generate(entropy);
  if (!pair) return pair.error();
  const auto shared = x25519(pair->secret, receiver_public_key);
  if (!shared) return shared.error();
  AeadKey key = box_key(*shared, pair->public_key, receiver_public_key);
  return BoxSender{std::move(pair->public_key), std::move(key)};
}

Status BoxSender::seal(NonceSource& nonces, ByteView aad, ByteView plaintext, Bytes& out) {
  const std::size_t start = out.size();
  out += kFormat;
  out += ephemeral_;
  Status sealed = key_.seal_with(nonces, bound(aad), plaintext, out);
  if (!sealed) out.resize(start);
  return sealed;
}

Status BoxReceiver::open(ByteView aad, ByteView box, Bytes& out) {
  if (box.size() < kBoxOverheadBytes || box[0] != kFormat) {
    return Error{Errc::kSealBroken, "not a box"};
  }
  const ByteView ephemeral = box.substr(1, kBoxKeyBytes);
  if (!last_key_ || ephemeral != last_ephemeral_) {
    const auto shared = x25519(keys_.secret, ephemeral);
    if (!shared) return Error{Errc::kSealBroken, "a box from a malformed key"};
    last_key_.emplace(box_key(*shared, ephemeral, keys_.public_key));
    last_ephemeral_ = ephemeral;
  }
  return last_key_->open_with_nonce(bound(aad), box.substr(1 + kBoxKeyBytes), out);
}

}  // namespace satchel::crypto
