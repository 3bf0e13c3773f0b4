#include "crypto/aead.hpp"

#include <cstring>
#include <limits>

#include <openssl/evp.h>

namespace satchel::crypto {
namespace {

const unsigned char* octets_of(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
int length_of(ByteView bytes) {
  SATCHEL_ASSERT(bytes.size() <= std::numeric_limits<int>::max());
  return static_cast<int>(bytes.size());
}

// `encrypt` is OpenSSL's: 1 to seal, 0 to open.
CipherContext scheduled(const Key32& key, int encrypt) {
  CipherContext context{EVP_CIPHER_CTX_new()};
  SATCHEL_ASSERT(context != nullptr);
  const int made = EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.octets().data(),
                                     nullptr, encrypt);
  SATCHEL_ASSERT(made == 1);
  return context;
}

}  // namespace

void CipherContextFree::operator()(evp_cipher_ctx_st* context) const noexcept {
  EVP_CIPHER_CTX_free(context);  // Cleanses the schedule.
}

AeadKey::AeadKey(const Key32& key)
    : seal_context_(scheduled(key, 1)), open_context_(scheduled(key, 0)) {}

void AeadKey::seal(const Nonce& nonce, ByteView aad, ByteView plaintext, Bytes& out) {
  const std::size_t start = out.size();
  out.resize(start + plaintext.size() + kTagBytes);
  auto* const at = reinterpret_cast<unsigned char*>(out.data() + start);
  EVP_CIPHER_CTX* const context = seal_context_.get();
  int size = 0;
  // None of these calls looks at what it is given: a failure is a bug of ours or of the library.
  SATCHEL_ASSERT(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1);
  if (!aad.empty()) {
    SATCHEL_ASSERT(EVP_EncryptUpdate(context, nullptr, &size, octets_of(aad), length_of(aad)) == 1);
  }
  if (!plaintext.empty()) {
    SATCHEL_ASSERT(EVP_EncryptUpdate(context, at, &size, octets_of(plaintext),
                                     length_of(plaintext)) == 1);
  }
  SATCHEL_ASSERT(EVP_EncryptFinal_ex(context, at + plaintext.size(), &size) == 1);
  SATCHEL_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                                     at + plaintext.size()) == 1);
  ++seal_count_;
}

Status AeadKey::seal_with(NonceSource& nonces, ByteView aad, ByteView plaintext, Bytes& out) {
  const auto nonce = nonces.next();
  if (!nonce) return nonce.error();
  out += as_view(*nonce);
  seal(*nonce, aad, plaintext, out);
  return {};
}

Status AeadKey::open_raw(const std::uint8_t* nonce, ByteView aad, ByteView sealed,
                         std::uint8_t* out) {
  SATCHEL_ASSERT(sealed.size() >= kTagBytes);
  const ByteView ciphertext = sealed.substr(0, sealed.size() - kTagBytes);
  std::array<unsigned char, kTagBytes> tag;
  std::memcpy(tag.data(), sealed.data() + ciphertext.size(), tag.size());
  EVP_CIPHER_CTX* const context = open_context_.get();
  int size = 0;
  unsigned char end[kTagBytes];  // GCM's final step writes nothing, yet wants a place.
  const bool opened =
      EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce) == 1 &&
      (aad.empty() ||
       EVP_DecryptUpdate(context, nullptr, &size, octets_of(aad), length_of(aad)) == 1) &&
      (ciphertext.empty() || EVP_DecryptUpdate(context, out, &size, octets_of(ciphertext),
                                               length_of(ciphertext)) == 1) &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context, end, &size) == 1;
  if (opened) return {};
  secure_zero(out, ciphertext.size());
  return Error{Errc::kSealBroken, "AES-256-GCM"};
}

Status AeadKey::open(const Nonce& nonce, ByteView aad, ByteView sealed, Bytes& out) {
  if (sealed.size() < kTagBytes) return Error{Errc::kSealBroken, "shorter than its tag"};
  const std::size_t start = out.size();
  out.resize(start + sealed.size() - kTagBytes);
  auto* const at = reinterpret_cast<std::uint8_t*>(out.data() + start);
  Status opened = open_raw(nonce.data(), aad, sealed, at);
  if (!opened) out.resize(start);
  return opened;
}

Status AeadKey::open_with_nonce(ByteView aad, ByteView sealed, Bytes& out) {
  if (sealed.size() < kSealOverheadBytes) return Error{Errc::kSealBroken, "shorter than its tag"};
  const std::size_t start = out.size();
  out.resize(start + sealed.size() - kSealOverheadBytes);
  auto* const at = reinterpret_cast<std::uint8_t*>(out.data() + start);
  Status opened = open_raw(octets_of(sealed), aad, sealed.substr(kNonceBytes), at);
  if (!opened) out.resize(start);
  return opened;
}

Status AeadKey::open_into(ByteView aad, ByteView sealed, std::span<std::uint8_t> out) {
  if (sealed.size() < kSealOverheadBytes) return Error{Errc::kSealBroken, "shorter than its tag"};
  SATCHEL_ASSERT(out.size() == sealed.size() - kSealOverheadBytes);
  return open_raw(octets_of(sealed), aad, sealed.substr(kNonceBytes), out.data());
}

}  // namespace satchel::crypto
