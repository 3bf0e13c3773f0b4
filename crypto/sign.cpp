#include "crypto/sign.hpp"

#include <openssl/evp.h>

#include "crypto/key_file.hpp"

namespace satchel::crypto {
namespace {

constexpr std::string_view kFileTitle = "satchel-signer 1";

struct DigestContextFree {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestContextFree>;

DigestContext make_context() {
  DigestContext context{EVP_MD_CTX_new()};
  SATCHEL_ASSERT(context != nullptr);
  return context;
}

Result<Key32> read_seed(const std::string& path) {
  auto lines = read_key_file(path, kFileTitle);
  if (!lines) return lines.error();
  if (lines->size() == 1) {
    if (auto seed = key_after((*lines)[0].bytes(), "seed ")) return *seed;
  }
  return Error{Errc::kKeyMalformed, path + ": expected one line \"seed HEX\""};
}

}  // namespace

void PrivateKeyFree::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

SigningKey::SigningKey(const Key32& seed, PrivateKey key, Bytes public_key)
    : seed_(seed), key_(std::move(key)), public_key_(std::move(public_key)) {}

Result<SigningKey> SigningKey::generate(Entropy& entropy) {
  const auto seed = random_secret<32>(entropy);
  if (!seed) return seed.error();
  return from_seed(*seed);
}

SigningKey SigningKey::from_seed(const Key32& seed) {
  PrivateKey key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.octets().data(),
                                              seed.octets().size())};
  SATCHEL_ASSERT(key != nullptr);
  std::array<unsigned char, kPublicKeyBytes> public_key;
  std::size_t size = public_key.size();
  SATCHEL_ASSERT(EVP_PKEY_get_raw_public_key(key.get(), public_key.data(), &size) == 1);
  return SigningKey{seed, std::move(key), Bytes{as_view(public_key)}};
}

Bytes SigningKey::sign(ByteView message) const {
  const DigestContext context = make_context();
  Bytes signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  SATCHEL_ASSERT(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  SATCHEL_ASSERT(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                                &size, as_octets(message).data(), message.size()) == 1);
  SATCHEL_ASSERT(size == kSignatureBytes);
  return signature;
}

Status verify(ByteView public_key, ByteView message, ByteView signature) {
  if (public_key.size() != kPublicKeyBytes || signature.size() != kSignatureBytes) {
    return Error{Errc::kSignatureInvalid, "a key or signature of another length"};
  }
  const PrivateKey key{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                   as_octets(public_key).data(), kPublicKeyBytes)};
  SATCHEL_ASSERT(key != nullptr);
  const DigestContext context = make_context();
  SATCHEL_ASSERT(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  if (EVP_DigestVerify(context.get(), as_octets(signature).data(), signature.size(),
                       as_octets(message).data(), message.size()) != 1) {
    return Error{Errc::kSignatureInvalid, "Ed25519"};
  }
  return {};
}

Result<std::unique_ptr<FileSigner>> FileSigner::open(const std::string& path, Entropy& entropy) {
  auto seed = read_seed(path);
  if (!seed && seed.error().code == Errc::kKeyLost) {
    seed = random_secret<32>(entropy);
    if (!seed) return seed.error();
    SATCHEL_TRY(write_key_file(path, kFileTitle, {key_line("seed ", *seed)}));
  }
  if (!seed) return seed.error();
  return std::unique_ptr<FileSigner>{new FileSigner{SigningKey::from_seed(*seed)}};
}

}  // namespace satchel::crypto
