#include "sync/store/lmdb/row_format.hpp"

#include <cstring>

#include "crypto/hash.hpp"

namespace satchel::sync {
namespace {

constexpr ByteView kMagic = "SATCHSTO";
constexpr std::size_t kSumBytes = 32;
constexpr std::size_t kFormatRowBytes = 8 + 2 + 16 + kSumBytes;

Error malformed() { return Error{Errc::kStoreCorrupt, "malformed row"}; }

Status check_size(ByteView row, std::size_t size_min) {
  return row.size() < size_min ? Status{malformed()} : Status{};
}

template <class Number>
void copy_number(char* at, Number number) {
  std::memcpy(at, &number, sizeof(number));
}

}  // namespace

void pad(Bytes& plain) {
  const std::size_t size = plain.size();
  plain.resize(padded_size(size) - 4, '\0');
  append_u32(plain, static_cast<std::uint32_t>(size));
}

bool unpad(Bytes& plain) {
  if (plain.size() < kPadBytes || plain.size() % kPadBytes != 0) return false;
  const std::size_t size = ByteReader{ByteView{plain}.substr(plain.size() - 4)}.u32();
  if (padded_size(size) != plain.size()) return false;
  plain.resize(size);
  return true;
}

Bytes make_format_row(const StoreId& store) {
  Bytes row{kMagic};
  append_u16(row, kStoreFormat);
  row += store.bytes();
  row += crypto::sha256(row);
  return row;
}

Result<StoreId> read_format_row(ByteView row) {
  if (row.size() < kFormatRowBytes || !row.starts_with(kMagic) ||
      crypto::sha256(row.substr(0, row.size() - kSumBytes)) != row.substr(row.size() - kSumBytes)) {
    return Error{Errc::kStoreCorrupt, "format row"};
  }
  ByteReader reader{row.substr(kMagic.size())};
  const std::uint16_t format = reader.u16();
  if (format > kStoreFormat) {
    return Error{Errc::kStoreNewer, "store format " + std::to_string(format)};
  }
  if (format != kStoreFormat || row.size() != kFormatRowBytes) {
    return Error{Errc::kStoreCorrupt, "format row"};
  }
  return StoreId::from_bytes(reader.take(16));
}

void append_side_row_head(const SideRow& row, Bytes& out) {
  out += static_cast<char>(kRowFormat);
  out += static_cast<char>(row.privacy);
  append_u32(out, row.generation);
  append_u64(out, row.revision);
}

Result<SideRow> read_side_row(ByteView row) {
  SATCHEL_TRY(check_size(row, kSideRowHead + crypto::kSealOverheadBytes + kPadBytes));
  ByteReader reader{row.substr(1)};
  SideRow read;
  const std::uint8_t privacy = reader.u8();
  if (privacy >= kPrivacyClassCount) return malformed();
  read.privacy = static_cast<PrivacyClass>(privacy);
  read.generation = reader.u32();
  read.revision = reader.u64();
  read.sealed = row.substr(kSideRowHead);
  return read;
}

std::array<char, kNumberRowBytes> make_number_row(const NumberRow& row) {
  std::array<char, kNumberRowBytes> bytes{};
  bytes[0] = static_cast<char>(kRowFormat);
  copy_number(bytes.data() + 1, row.number);
  copy_number(bytes.data() + 9, row.code[0]);
  copy_number(bytes.data() + 17, row.code[1]);
  return bytes;
}

Result<NumberRow> read_number_row(ByteView row) {
  SATCHEL_TRY(check_size(row, kNumberRowBytes));
  if (row.size() != kNumberRowBytes) return malformed();
  ByteReader reader{row.substr(1)};
  NumberRow read;
  read.number = reader.u64();
  std::memcpy(read.code.data(), reader.position(), 16);
  return read;
}

void append_record_row_head(const RecordRow& row, std::size_t header_size, Bytes& out) {
  out += static_cast<char>(kRowFormat);
  append_u32(out, row.generation);
  append_u64(out, row.revision);
  append_u32(out, static_cast<std::uint32_t>(header_size));
}

Result<RecordRow> read_record_row(ByteView row) {
  SATCHEL_TRY(check_size(row, kRecordRowHead + crypto::kSealOverheadBytes + kPadBytes));
  ByteReader reader{row.substr(1)};
  RecordRow read;
  read.generation = reader.u32();
  read.revision = reader.u64();
  const std::uint32_t header_size = reader.u32();
  read.header = reader.take(header_size);
  if (reader.failed() || header_size < crypto::kSealOverheadBytes + kPadBytes) return malformed();
  read.segments = row.substr(kRecordRowHead + header_size);
  return read;
}

void encode_header(ByteView header, std::span<const SegmentEntry> segments, Bytes& plain) {
  append_sized(plain, header);
  append_varint(plain, segments.size());
  for (const SegmentEntry& entry : segments) {
    const Segment& segment = *entry.segment;
    plain += static_cast<char>(segment.privacy);
    append_varint(plain, segment.generation);
    plain += static_cast<char>(segment.subjects.size());
    for (const SubjectRef& subject : segment.subjects) plain += subject.bytes();
    append_varint(plain, segment.revision);
    append_varint(plain, entry.sealed.size());
    plain += entry.sealed.substr(entry.sealed.size() - crypto::kTagBytes);
  }
}

Status decode_header(ByteView plain, ByteView segments, StoredRecord& record) {
  ByteReader reader{plain};
  record.header.assign(reader.sized());
  const std::uint64_t count = reader.varint();
  if (count > reader.left()) return malformed();
  record.segments.resize(count);
  for (Segment& segment : record.segments) {
    const std::uint8_t privacy = reader.u8();
    segment.privacy = static_cast<PrivacyClass>(privacy);
    segment.generation = static_cast<std::uint32_t>(reader.varint());
    const std::uint8_t subject_count = reader.u8();
    if (privacy >= kPrivacyClassCount || subject_count > limits::kSubjectsMax) return malformed();
    segment.subjects.resize(subject_count);
    for (SubjectRef& subject : segment.subjects) {
      const ByteView octets = reader.take(subject.octets.size());
      if (reader.failed()) return malformed();
      std::memcpy(subject.octets.data(), octets.data(), octets.size());
    }
    segment.revision = reader.varint();
    const std::uint64_t size = reader.varint();
    const ByteView tag = reader.take(crypto::kTagBytes);
    if (reader.failed() || size > segments.size() ||
        size < crypto::kSealOverheadBytes + kPadBytes ||
        segments.substr(size - crypto::kTagBytes, crypto::kTagBytes) != tag) {
      return malformed();
    }
    segment.sealed = true;
    segment.bytes.assign(segments.substr(0, size));
    segments.remove_prefix(size);
  }
  if (!reader.finished() || !segments.empty()) return malformed();
  return {};
}

void encode_state(const StoreState& state, Bytes& plain) {
  plain += static_cast<char>(state.tables.size());
  for (const TableState& table : state.tables) {
    append_u64(plain, table.count);
    append_u64(plain, table.digest[0]);
    append_u64(plain, table.digest[1]);
  }
  append_u64(plain, state.revision);
  append_u64(plain, state.next_number);
  append_u64(plain, state.transaction);
  plain += static_cast<char>(state.seals.size());
  for (const std::uint64_t seals : state.seals) append_u64(plain, seals);
}

Result<StoreState> decode_state(ByteView plain) {
  ByteReader reader{plain};
  StoreState state;
  // A store made when there were fewer tables has none of the others' rows.
  const std::size_t known = reader.u8();
  if (known > state.tables.size()) return malformed();
  for (std::size_t i = 0; i < known; ++i) {
    state.tables[i].count = reader.u64();
    state.tables[i].digest[0] = reader.u64();
    state.tables[i].digest[1] = reader.u64();
  }
  state.revision = reader.u64();
  state.next_number = reader.u64();
  state.transaction = reader.u64();
  if (reader.u8() != state.seals.size()) return malformed();
  for (std::uint64_t& seals : state.seals) seals = reader.u64();
  if (!reader.finished()) return malformed();
  return state;
}

}  // namespace satchel::sync
