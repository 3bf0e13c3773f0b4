// Subject keys, 224 to a block: random, and destroyed by giving the block a fresh key without them.
//
// Plaintext (numbers little-endian):
//   offset  size  field
//        0     1  format, 1
//        1     4  block id
//        5    28  which slots are taken: bit (slot % 8) of byte (slot / 8)
//       33  7168  224 keys of 32 bytes; zeros where not taken
// Sealed: tag (16) and ciphertext of AES-256-SIV under HKDF(block key, "satchel subject block"),
// with the associated data "satchel subject block" | store id | block id | format.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>

#include "crypto/entropy.hpp"
#include "crypto/root_blob.hpp"
#include "crypto/secret.hpp"

namespace satchel::crypto {

// Value type. Invariant: a slot that is not taken holds zeros.
class SubjectBlock {
 public:
  static constexpr std::size_t kSlots = 224;
  using Slot = std::uint8_t;

  explicit SubjectBlock(BlockId id) : id_(id) {}

  [[nodiscard]] BlockId id() const { return id_; }
  [[nodiscard]] std::optional<Slot> find_free() const;
  // A new random key in a free slot. kLimitExceeded: the block is full; kEntropy.
  Result<Slot> add(Entropy& entropy);
  // kKeyShredded: no key in that slot.
  [[nodiscard]] Result<Key32> get(Slot slot) const;
  void remove(Slot slot);

  [[nodiscard]] Result<Bytes> seal(const Key32& block_key, const StoreId& store) const;
  // kSealBroken: not the bytes that were sealed under this key for this store and block.
  static Result<SubjectBlock> open(const Key32& block_key, const StoreId& store, BlockId id,
                                   ByteView sealed);

  friend bool operator==(const SubjectBlock&, const SubjectBlock&) = default;

 private:
  BlockId id_;
  std::bitset<kSlots> taken_;
  std::array<Key32, kSlots> keys_{};
};

}  // namespace satchel::crypto
