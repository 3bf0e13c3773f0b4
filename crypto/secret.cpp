#include "crypto/secret.hpp"

#include <openssl/crypto.h>

namespace satchel::crypto {

void secure_zero(void* at, std::size_t size) noexcept {
  if (size > 0) OPENSSL_cleanse(at, size);
}

void secure_zero(Bytes& bytes) noexcept {
  // Up to the capacity: what an earlier, longer content left behind goes too. It cannot throw.
  bytes.resize(bytes.capacity());
  secure_zero(bytes.data(), bytes.size());
  bytes.clear();
}

bool constant_time_equal(ByteView a, ByteView b) noexcept {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace satchel::crypto
