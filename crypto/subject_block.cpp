#include "crypto/subject_block.hpp"

#include "crypto/aead.hpp"
#include "schema/model/varint.hpp"

namespace satchel::crypto {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr ByteView kLabel = "satchel subject block";
constexpr std::size_t kTakenBytes = SubjectBlock::kSlots / 8;

Bytes block_place(const StoreId& store, BlockId block) {
  Bytes aad{kLabel};
  aad += store.bytes();
  append_u32(aad, block);
  aad += static_cast<char>(kFormat);
  return aad;
}

}  // namespace

std::optional<SubjectBlock::Slot> SubjectBlock::find_free() const {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (!taken_[slot]) return static_cast<Slot>(slot);
  }
  return std::nullopt;
}

Result<SubjectBlock::Slot> SubjectBlock::add(Entropy& entropy) {
  const auto slot = find_free();
  if (!slot) return Error{Errc::kLimitExceeded, "the block of subject keys is full"};
  auto key = random_secret<32>(entropy);
  if (!key) return key.error();
  keys_[*slot] = std::move(*key);
  taken_.set(*slot);
  return *slot;
}

Result<Key32> SubjectBlock::get(Slot slot) const {
  if (slot >= kSlots || !taken_[slot]) return Error{Errc::kKeyShredded, "an empty slot"};
  return keys_[slot];
}

void SubjectBlock::remove(Slot slot) {
  if (slot >= kSlots) return;
  taken_.reset(slot);
  keys_[slot].wipe();
}

Result<Bytes> SubjectBlock::seal(const Key32& block_key, const StoreId& store) const {
  Bytes head;
  head += static_cast<char>(kFormat);
  append_u32(head, id_);
  for (std::size_t i = 0; i < kTakenBytes; ++i) {
    unsigned octet = 0;
    for (std::size_t bit = 0; bit < 8; ++bit) octet |= unsigned{taken_[8 * i + bit]} << bit;
    head += static_cast<char>(octet);
  }
  SecretBytes plain{head};
  for (const Key32& key : keys_) plain.append(key.bytes());
  Bytes sealed;
  SATCHEL_TRY(
      SivKey::derive(block_key, kLabel).seal(block_place(store, id_), plain.bytes(), sealed));
  return sealed;
}

Result<SubjectBlock> SubjectBlock::open(const Key32& block_key, const StoreId& store, BlockId id,
                                        ByteView sealed) {
  const auto plain = SivKey::derive(block_key, kLabel).open(block_place(store, id), sealed);
  if (!plain) return plain.error();
  ByteReader reader{plain->bytes()};
  SubjectBlock block{id};
  if (reader.u8() != kFormat || reader.u32() != id) reader.fail();
  const ByteView taken = reader.take(kTakenBytes);
  const ByteView keys = reader.take(kSlots * Key32::size());
  if (!reader.finished()) return Error{Errc::kSealBroken, "a block of another layout"};
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const auto octet = static_cast<unsigned char>(taken[slot / 8]);
    if ((octet >> (slot % 8) & 1) == 0) continue;
    block.taken_.set(slot);
    std::memcpy(block.keys_[slot].octets().data(), keys.data() + slot * Key32::size(),
                Key32::size());
  }
  return block;
}

}  // namespace satchel::crypto
