#include "crypto/entropy.hpp"

#include <algorithm>
#include <limits>

#include <openssl/rand.h>

namespace satchel::crypto {

Status SystemEntropy::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::size_t size = std::min<std::size_t>(out.size(), std::numeric_limits<int>::max());
    if (RAND_bytes(out.data(), static_cast<int>(size)) != 1) {
      return Error{Errc::kEntropy, "RAND_bytes failed"};
    }
    out = out.subspan(size);
  }
  return {};
}

}  // namespace satchel::crypto
