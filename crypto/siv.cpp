#include <array>
#include <cstring>
#include <limits>

#include <openssl/evp.h>

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"

namespace satchel::crypto {
namespace {

const unsigned char* octets_of(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

struct CipherFree {
  void operator()(EVP_CIPHER* cipher) const noexcept { EVP_CIPHER_free(cipher); }
};

CipherContext scheduled(const Secret<64>& key, int encrypt) {
  const std::unique_ptr<EVP_CIPHER, CipherFree> cipher{
      EVP_CIPHER_fetch(nullptr, "AES-256-SIV", nullptr)};
  SATCHEL_ASSERT(cipher != nullptr);
  CipherContext context{EVP_CIPHER_CTX_new()};
  SATCHEL_ASSERT(context != nullptr);
  SATCHEL_ASSERT(EVP_CipherInit_ex(context.get(), cipher.get(), nullptr, key.octets().data(),
                                   nullptr, encrypt) == 1);
  return context;
}

bool fits(ByteView aad, std::size_t size) {
  constexpr std::size_t kMax = std::numeric_limits<int>::max();
  return !aad.empty() && size > 0 && aad.size() <= kMax && size <= kMax;
}

}  // namespace

SivKey SivKey::derive(const Key32& key, ByteView label) {
  Secret<64> derived;
  hkdf_sha256(key.bytes(), {}, label, derived.octets());
  return SivKey{std::move(derived)};
}

Status SivKey::seal(ByteView aad, ByteView plaintext, Bytes& out) const {
  if (!fits(aad, plaintext.size())) {
    return Error{Errc::kInvalidArgument, "AES-SIV without associated data or plaintext"};
  }
  const CipherContext context = scheduled(key_, 1);
  const std::size_t start = out.size();
  out.resize(start + kTagBytes + plaintext.size());
  auto* const at = reinterpret_cast<unsigned char*>(out.data() + start);
  int size = 0;
  SATCHEL_ASSERT(EVP_EncryptUpdate(context.get(), nullptr, &size, octets_of(aad),
                                   static_cast<int>(aad.size())) == 1);
  SATCHEL_ASSERT(EVP_EncryptUpdate(context.get(), at + kTagBytes, &size, octets_of(plaintext),
                                   static_cast<int>(plaintext.size())) == 1);
  SATCHEL_ASSERT(EVP_EncryptFinal_ex(context.get(), at + kTagBytes + size, &size) == 1);
  SATCHEL_ASSERT(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, at) == 1);
  return {};
}

Result<SecretBytes> SivKey::open(ByteView aad, ByteView sealed) const {
  if (sealed.size() <= kTagBytes) return Error{Errc::kSealBroken, "shorter than its tag"};
  const ByteView ciphertext = sealed.substr(kTagBytes);
  if (!fits(aad, ciphertext.size())) {
    return Error{Errc::kInvalidArgument, "AES-SIV without associated data"};
  }
  const CipherContext context = scheduled(key_, 0);
  std::array<unsigned char, kTagBytes> tag;
  std::memcpy(tag.data(), sealed.data(), tag.size());
  SecretBytes plaintext(ciphertext.size());
  int size = 0;
  const bool opened =
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, octets_of(aad),
                        static_cast<int>(aad.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), plaintext.octets().data(), &size, octets_of(ciphertext),
                        static_cast<int>(ciphertext.size())) == 1 &&
      EVP_DecryptFinal_ex(context.get(), plaintext.octets().data() + size, &size) == 1;
  if (!opened) return Error{Errc::kSealBroken, "AES-256-SIV"};
  return plaintext;
}

}  // namespace satchel::crypto
