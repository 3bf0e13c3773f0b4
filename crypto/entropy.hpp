// Where randomness comes from.
#pragma once

#include <cstdint>
#include <span>

#include "crypto/secret.hpp"
#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

// The port. Implementations say whether they are thread-safe; SystemEntropy is.
class Entropy {
 public:
  virtual ~Entropy() = default;
  // Overwrites all of `out`. kEntropy: nothing of `out` may be used.
  virtual Status fill(std::span<std::uint8_t> out) = 0;
};

// The operating system's, through OpenSSL's generator, which notices a fork. Thread-safe.
class SystemEntropy final : public Entropy {
 public:
  Status fill(std::span<std::uint8_t> out) override;
};

// kEntropy.
template <std::size_t N>
Result<Secret<N>> random_secret(Entropy& entropy) {
  Secret<N> secret;
  SATCHEL_TRY(entropy.fill(secret.octets()));
  return secret;
}

// For the ids that are 128 random bits: stores, replicas, incarnations. kEntropy.
template <class Id>
Result<Id> random_id(Entropy& entropy) {
  Id id;
  SATCHEL_TRY(entropy.fill(id.octets));
  return id;
}

}  // namespace satchel::crypto
