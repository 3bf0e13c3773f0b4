// The bytes of rows, without keys and without LMDB (docs/STORAGE.md). Numbers are little-endian.
#pragma once

#include <array>
#include <span>

#include "crypto/aead.hpp"
#include "crypto/keyring.hpp"
#include "schema/model/result.hpp"
#include "schema/model/varint.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

inline constexpr std::uint16_t kStoreFormat = 1;
inline constexpr std::uint8_t kRowFormat = 1;
// AAD table numbers: of the state row, and of the code that vouches for a number row.
inline constexpr std::uint8_t kStateTable = 0;
inline constexpr std::uint8_t kNumberCodeTable = 0x80 | static_cast<std::uint8_t>(Table::kNumbers);

// A plaintext is padded to a multiple of 32 bytes: bytes | zeros | length (u32).
inline constexpr std::size_t kPadBytes = 32;
inline std::size_t padded_size(std::size_t size) {
  return (size + 4 + kPadBytes - 1) / kPadBytes * kPadBytes;
}
void pad(Bytes& plain);
// False where these are not padded bytes.
bool unpad(Bytes& plain);

// The row that is read before anything else; plain.
//   0 "SATCHSTO" | 8 format u16 | 10 store id (16) | 26 SHA-256 of all bytes above (32)
Bytes make_format_row(const StoreId& store);
// kStoreCorrupt; kStoreNewer: a later version made it. In every later version too the sum is last.
Result<StoreId> read_format_row(ByteView row);

// The first octet of every row is its format. The store's format row says which one it has, every
// seal and every code is made under that one, and so a row whose octet says another is read as
// those vouch for: the octet alone is damaged. A program that writes rows of another format gives
// the store another format first.
inline bool has_row_format(ByteView row) {
  return !row.empty() && static_cast<std::uint8_t>(row.front()) == kRowFormat;
}

// A row of a small table:
//   0 format u8 | 1 class u8 | 2 generation u32 | 6 revision u64 | 14 nonce (12)
//   | ciphertext | tag (16)
struct SideRow {
  PrivacyClass privacy = PrivacyClass::kStructure;
  std::uint32_t generation = 0;
  std::uint64_t revision = 0;
  ByteView sealed;
};
inline constexpr std::size_t kSideRowHead = 14;
void append_side_row_head(const SideRow& row, Bytes& out);
// kStoreCorrupt; the context is for the caller to give.
Result<SideRow> read_side_row(ByteView row);

// A row of table kNumbers: 0 format u8 | 1 number u64 | 9 code (16).
struct NumberRow {
  RecordNumber number = 0;
  crypto::RowDigest::Value code{};
};
inline constexpr std::size_t kNumberRowBytes = 25;
std::array<char, kNumberRowBytes> make_number_row(const NumberRow& row);
Result<NumberRow> read_number_row(ByteView row);

// A record:
//   0 format u8 | 1 generation u32 | 5 revision u64 | 13 header size u32 | 17 header, sealed |
//   each segment, sealed, in the order of the header's list
struct RecordRow {
  std::uint32_t generation = 0;  // Of the structure class, which seals the header.
  std::uint64_t revision = 0;
  ByteView header;  // nonce | ciphertext | tag
  ByteView segments;
};
inline constexpr std::size_t kRecordRowHead = 17;
void append_record_row_head(const RecordRow& row, std::size_t header_size, Bytes& out);
Result<RecordRow> read_record_row(ByteView row);

// The header's plaintext before padding:
//   caller's header: length varint, bytes | segment count varint | each segment:
//   class u8 | generation varint | subject count u8 | subjects (16 each) | revision varint |
//   sealed length varint | tag (16)
// Opened segments name their sealed length by their plaintext.
struct SegmentEntry {
  const Segment* segment = nullptr;
  ByteView sealed;
};
void encode_header(ByteView header, std::span<const SegmentEntry> segments, Bytes& plain);
// Fills header and segments (all sealed) of `record`, reusing what it holds; the sealed segments
// are told from each other by length, and each must end in the tag that the header names.
// kStoreCorrupt without context.
Status decode_header(ByteView plain, ByteView segments, StoredRecord& record);

// What a row's digest is made over besides its key: the first 8 bytes of its seal's tag.
inline std::uint64_t tag_of(ByteView sealed) {
  std::uint64_t tag = 0;
  std::memcpy(&tag, sealed.data() + sealed.size() - crypto::kTagBytes, sizeof(tag));
  return tag;
}

// The bookkeeping of a store, one sealed row, written by every commit.
struct TableState {
  std::uint64_t count = 0;
  crypto::RowDigest::Value digest{};
  friend bool operator==(const TableState&, const TableState&) = default;
};
struct StoreState {
  std::array<TableState, kTableCount> tables{};
  std::uint64_t revision = 0;  // Of the last put.
  RecordNumber next_number = 1;
  std::uint64_t transaction = 0;  // LMDB's number of the commit that wrote this.
  std::array<std::uint64_t, kPrivacyClassCount> seals{};  // Under each class's newest generation.
};
//   0 table count u8 | each: count u64, digest (16) | revision u64 | next number u64
//   | transaction u64 | class count u8 | each: seals u64
void encode_state(const StoreState& state, Bytes& plain);
Result<StoreState> decode_state(ByteView plain);

}  // namespace satchel::sync
