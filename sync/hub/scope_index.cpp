#include "sync/hub/scope_index.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "crypto/hash.hpp"
#include "sync/hub/rows.hpp"

namespace satchel::sync {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kBlindBytes = kScopeMarkBytes;
constexpr RecordNumber kBlock = kMembersOfRow;
constexpr std::size_t kBitmapBytes = kBlock / 8;

Bytes blinded(ByteView key, std::string_view domain, ByteView text) {
  return crypto::hmac_sha256(key, Bytes{domain} + Bytes{text}).substr(0, kBlindBytes);
}

Bytes reference_prefix(ByteView key, const RecordId& id) {
  return blinded(key, "satchel reference v1 ", id.bytes());
}

Result<Bytes> bitmap_at(ReadTxn& txn, ByteView row_key) {
  auto row = txn.find(Table::kScopeMembers, row_key);
  if (!row && !is_damage(row.error().code)) return row.error();
  if (row && !*row) return Bytes(kBitmapBytes, '\0');
  const bool whole = row && (*row)->size() == kBitmapBytes + 1 && (*row)->front() == kFormat;
  return whole ? (*row)->substr(1) : Bytes(kBitmapBytes, '\xff');
}

}  // namespace

Bytes scope_mark(ByteView key, const std::string& scope) {
  return blinded(key, "satchel scope v1 ", scope);
}

Bytes members_row(ByteView key, const std::string& scope, RecordNumber number) {
  Bytes row_key = scope_mark(key, scope);
  append_u64_big(row_key, number / kBlock);
  return row_key;
}

Result<std::optional<MemberBits>> members_of_row(ReadTxn& txn, ByteView row_key) {
  auto row = txn.find(Table::kScopeMembers, row_key);
  if (!row && !is_damage(row.error().code)) return row.error();
  if (row && !*row) return std::optional{MemberBits{}};
  if (!row || (*row)->size() != kBitmapBytes + 1 || (*row)->front() != kFormat)
    return std::optional<MemberBits>{};
  MemberBits bits;
  for (std::size_t bit = 0; bit < kBlock; ++bit)
    bits[bit] = ((static_cast<std::uint8_t>((**row)[1 + bit / 8]) >> (bit % 8)) & 1U) != 0;
  return std::optional{bits};
}

Bytes reference_row(ByteView key, const RecordId& id, RecordNumber from, FieldId field) {
  Bytes row_key = reference_prefix(key, id);
  append_u64_big(row_key, from);
  row_key += static_cast<char>(field >> 8);
  row_key += static_cast<char>(field & 0xFF);
  return row_key;
}

ReferenceFrom reference_from(ByteView row_key) {
  ByteReader in{row_key.substr(std::min(kBlindBytes, row_key.size()))};
  ReferenceFrom from;
  from.number = in.u64_big();
  const unsigned high = in.u8();
  from.field = static_cast<FieldId>(high << 8U | in.u8());
  return from;
}

void MemberChanges::note(const std::string& scope, RecordNumber number, bool in) {
  changes_[{scope, number / kBlock}][number % kBlock] = in;
  ++count_;
}

Status MemberChanges::write(WriteTxn& txn, ByteView key) {
  for (const auto& [place, bits] : changes_) {
    const Bytes row_key = members_row(key, place.first, place.second * kBlock);
    auto before = bitmap_at(txn, row_key);
    if (!before) return before.error();
    Bytes after = *before;
    for (const auto& [bit, in] : bits) {
      const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
      const auto octet = static_cast<std::uint8_t>(after[bit / 8]);
      after[bit / 8] = static_cast<char>(in ? octet | mask : octet & ~mask);
    }
    if (after == *before) continue;
    const bool empty = after.find_first_not_of('\0') == Bytes::npos;
    SATCHEL_TRY(empty ? txn.erase(Table::kScopeMembers, row_key)
                      : txn.put(Table::kScopeMembers, row_key, Bytes{kFormat} + after));
  }
  changes_.clear();
  count_ = 0;
  return {};
}

Result<std::vector<RecordNumber>> members_below(ReadTxn& txn, ByteView key,
                                                std::span<const std::string> scopes,
                                                RecordNumber below, std::size_t count) {
  std::vector<RecordNumber> numbers;
  if (below == 0) return numbers;
  std::map<RecordNumber, std::vector<Bytes>, std::greater<>> blocks;  // Block -> rows' keys.
  for (const std::string& scope : scopes) {
    const Bytes prefix = scope_mark(key, scope);
    SATCHEL_TRY(txn.scan_keys(Table::kScopeMembers, prefix, [&](ByteView row_key) {
      if (!row_key.starts_with(prefix)) return false;
      const RecordNumber block = ByteReader{row_key.substr(prefix.size())}.u64_big();
      if (block > (below - 1) / kBlock) return false;
      blocks[block].emplace_back(row_key);
      return true;
    }));
  }
  for (const auto& [block, row_keys] : blocks) {
    Bytes bits(kBitmapBytes, '\0');
    for (const Bytes& row_key : row_keys) {
      auto bitmap = bitmap_at(txn, row_key);
      if (!bitmap) return bitmap.error();
      for (std::size_t i = 0; i < kBitmapBytes; ++i) bits[i] |= (*bitmap)[i];
    }
    for (RecordNumber bit = kBlock; bit-- > 0;) {
      const RecordNumber number = block * kBlock + bit;
      const bool in = ((static_cast<std::uint8_t>(bits[bit / 8]) >> (bit % 8)) & 1U) != 0;
      if (!in || number >= below) continue;
      numbers.push_back(number);
      if (numbers.size() == count) return numbers;
    }
  }
  return numbers;
}

Status put_reference(WriteTxn& txn, ByteView key, const RecordId& id, RecordNumber from,
                     FieldId field) {
  return txn.put(Table::kReferences, reference_row(key, id, from, field), Bytes{kFormat});
}

Status erase_reference(WriteTxn& txn, ByteView key, const RecordId& id, RecordNumber from,
                       FieldId field) {
  return txn.erase(Table::kReferences, reference_row(key, id, from, field));
}

Result<std::vector<RecordNumber>> referring_to(ReadTxn& txn, ByteView key, const RecordId& id,
                                               std::size_t most) {
  const Bytes prefix = reference_prefix(key, id);
  std::vector<RecordNumber> numbers;
  SATCHEL_TRY(txn.scan_keys(Table::kReferences, prefix, [&](ByteView row_key) {
    if (!row_key.starts_with(prefix) || numbers.size() >= most) return false;
    const RecordNumber from = ByteReader{row_key.substr(prefix.size())}.u64_big();
    if (numbers.empty() || numbers.back() != from) numbers.push_back(from);
    return true;
  }));
  return numbers;
}

}  // namespace satchel::sync
