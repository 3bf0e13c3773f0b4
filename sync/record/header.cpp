#include "sync/record/header.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "schema/model/varint.hpp"

namespace satchel::sync {
namespace {

constexpr std::uint8_t kFormat = 1;

Error malformed() {
  return Error{Errc::kRecordMalformed, "a record's header does not follow its format"};
}

Bytes header_of(CollectionId collection, const RecordId& id, ByteView life, ByteView extras) {
  Bytes out{static_cast<char>(kFormat)};
  append_u64(out, collection);
  out += id.bytes();
  append_sized(out, life);
  append_sized(out, extras);
  return out;
}

}  // namespace

Bytes encode_header(const RecordHeader& header, ReplicaNumbers& numbers) {
  const Bytes life = header.life ? encode_segment(std::span{&*header.life, 1}, numbers) : Bytes{};
  return header_of(header.collection, header.id, life, header.extras);
}

Bytes encode_fresh_header(CollectionId collection, const RecordId& id, ByteView life) {
  return header_of(collection, id, life, {});
}

Result<RecordHeader> decode_header(ByteView bytes, const ReplicaNumbers& numbers) {
  ByteReader in{bytes};
  const std::uint8_t format = in.u8();
  if (in.failed()) return malformed();
  if (format != kFormat) {
    return Error{Errc::kRecordNewer, "record header format " + std::to_string(format)};
  }
  RecordHeader header;
  header.collection = in.u64();
  const auto id = RecordId::from_bytes(in.take(16));
  const ByteView life = in.sized();
  header.extras = in.sized();
  if (!in.finished() || !id) return malformed();
  header.id = *id;
  if (!life.empty()) {
    std::vector<Entry> entries;
    SATCHEL_TRY(decode_segment(life, PrivacyClass::kStructure, numbers, entries));
    if (entries.size() != 1 || entries.front().field != kLifeField) return malformed();
    header.life = std::move(entries.front());
  }
  return header;
}

Result<RecordName> decode_name(ByteView bytes) {
  ByteReader in{bytes};
  const std::uint8_t format = in.u8();
  if (in.failed()) return malformed();
  if (format != kFormat) {
    return Error{Errc::kRecordNewer, "record header format " + std::to_string(format)};
  }
  const CollectionId collection = in.u64();
  const auto id = RecordId::from_bytes(in.take(16));
  if (in.failed() || !id) return malformed();
  return RecordName{collection, *id};
}

Result<Record> open_record(ReadTxn& txn, const StoredRecord& stored,
                           const ReplicaNumbers& numbers) {
  auto header = decode_header(stored.header, numbers);
  if (!header) return header.error();
  Record record{header->collection, header->id, {}, std::move(header->extras)};
  for (const Segment& segment : stored.segments) {
    if (!segment.sealed) {
      SATCHEL_TRY(decode_segment(segment.bytes, segment.privacy, numbers, record.entries));
      continue;
    }
    auto plain = txn.open_segment(stored, segment);
    if (!plain && plain.error().code == Errc::kClassLocked) continue;
    if (!plain) return plain.error();
    SATCHEL_TRY(decode_segment(*plain, segment.privacy, numbers, record.entries));
  }
  if (header->life) record.entries.push_back(std::move(*header->life));
  std::sort(record.entries.begin(), record.entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.field, a.key) < std::tie(b.field, b.key);
  });
  return record;
}

Result<Record> open_class(ReadTxn& txn, const StoredRecord& stored, PrivacyClass privacy,
                          const ReplicaNumbers& numbers) {
  Record record;
  for (const Segment& segment : stored.segments) {
    if (segment.privacy != privacy) continue;
    auto plain = txn.open_segment(stored, segment);
    if (!plain) return plain.error();
    SATCHEL_TRY(decode_segment(*plain, segment.privacy, numbers, record.entries));
  }
  return record;
}

StoredRecord to_stored(const Record& record, RecordNumber number, ReplicaNumbers& numbers) {
  StoredRecord stored;
  stored.number = number;
  RecordHeader header{record.collection, record.id, std::nullopt, record.extras};
  std::array<std::vector<Entry>, kPrivacyClassCount> classes;
  for (const Entry& entry : record.entries) {
    if (entry.field == kLifeField) {
      header.life = entry;
    } else {
      classes[static_cast<std::size_t>(entry.privacy)].push_back(entry);
    }
  }
  stored.header = encode_header(header, numbers);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i].empty()) continue;
    Segment segment;
    segment.privacy = static_cast<PrivacyClass>(i);
    segment.bytes = encode_segment(classes[i], numbers);
    stored.segments.push_back(std::move(segment));
  }
  return stored;
}

}  // namespace satchel::sync
