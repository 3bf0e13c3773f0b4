#include "sync/store/lmdb/sealer.hpp"

#include <algorithm>

namespace satchel::sync {
namespace {

constexpr auto kRecords = static_cast<std::uint8_t>(Table::kRecords);
constexpr auto kNumbers = static_cast<std::uint8_t>(Table::kNumbers);

std::uint64_t key_number(crypto::RowDigest& digest, std::uint8_t table, ByteView key) {
  return digest.of(table, key, 0)[0];
}

// The keys of data subjects are not kept yet: a segment that names one cannot be sealed or opened.
Result<crypto::SubjectSet> subjects_of(const Segment& segment) {
  if (!segment.subjects.empty()) return Error{Errc::kUnsupported, "segments of data subjects"};
  return crypto::SubjectSet{};
}

// A seal that does not open is damage, in a store; so is a generation of the structure class that
// there never was, since its keys are not destroyed.
Error as_damage(PrivacyClass privacy, const Error& error) {
  if (error.code == Errc::kSealBroken) return Error{Errc::kStoreCorrupt, "the seal is broken"};
  if (error.code == Errc::kClassLocked && privacy == PrivacyClass::kStructure) {
    return Error{Errc::kStoreCorrupt, "an unknown generation"};
  }
  return error;
}

}  // namespace

Result<crypto::ClassGeneration> Sealer::generation(PrivacyClass privacy) {
  const std::uint64_t epoch = keyring_.epoch();
  if (epoch != epoch_) {
    generations_.fill(0);
    epoch_ = epoch;
  }
  crypto::ClassGeneration& known = generations_[static_cast<std::size_t>(privacy)];
  if (known == 0) {
    const auto current = keyring_.current_generation(privacy);
    if (!current) return current.error();
    known = *current;
  }
  return known;
}

crypto::SealedPlace Sealer::place_of_row(const RowPlace& place, std::uint32_t generation) {
  return {.store = keyring_.store(),
          .table = place.table,
          .number = key_number(digest_, place.table, place.key),
          .privacy_class = place.privacy,
          .generation = generation,
          .revision = place.revision,
          .format = kRowFormat,
          .subjects = {}};
}

Status Sealer::seal_plain(const crypto::SealedPlace& place, Bytes& out) {
  const auto key = keys_.aead(place.privacy_class, place.generation, place.subjects);
  if (!key) return key.error();
  pad(plain_);
  if (trace_ != nullptr) trace_->note_size(StoreTrace::Kind::kSeal, plain_.size());
  ++seal_counts_[static_cast<std::size_t>(place.privacy_class)];
  return (*key)->seal_with(nonces_, crypto::AssociatedData{place}.bytes(), plain_, out);
}

Status Sealer::open_sealed(const crypto::SealedPlace& place, ByteView sealed, Bytes& plain) {
  plain.clear();
  const auto key = keys_.aead(place.privacy_class, place.generation, place.subjects);
  if (!key) return as_damage(place.privacy_class, key.error());
  if (trace_ != nullptr) {
    trace_->note_size(StoreTrace::Kind::kOpen, sealed.size() - crypto::kSealOverheadBytes);
  }
  const crypto::AssociatedData bound{place};
  const Status opened = (*key)->open_with_nonce(bound.bytes(), sealed, plain);
  if (!opened) return as_damage(place.privacy_class, opened.error());
  if (!unpad(plain)) return Error{Errc::kStoreCorrupt, "padding"};
  return {};
}

Status Sealer::seal_row(const RowPlace& place, ByteView value, Bytes& out) {
  const auto current = generation(place.privacy);
  if (!current) return current.error();
  out.clear();
  append_side_row_head({place.privacy, *current, place.revision, {}}, out);
  plain_.assign(value);
  return seal_plain(place_of_row(place, *current), out);
}

Status Sealer::open_row(std::uint8_t table, ByteView key, ByteView row, Bytes& value) {
  const auto read = read_side_row(row);
  if (!read) return read.error();
  const auto place = place_of_row({table, key, read->privacy, read->revision}, read->generation);
  return open_sealed(place, read->sealed, value);
}

// Leaves the sealed segments in segments_ and what the header says of them in entries_.
Status Sealer::seal_segments(StoredRecord& record) {
  segments_.clear();
  entries_.clear();
  for (Segment& segment : record.segments) {
    const std::size_t start = segments_.size();
    if (segment.sealed) {
      if (segment.bytes.size() < crypto::kSealOverheadBytes + kPadBytes) {
        return Error{Errc::kInvalidArgument, "a sealed segment without a seal"};
      }
      segments_ += segment.bytes;
    } else {
      const auto current = generation(segment.privacy);
      if (!current) return current.error();
      const auto subjects = subjects_of(segment);
      if (!subjects) return subjects.error();
      segment.generation = *current;
      segment.revision = record.revision;
      plain_.assign(segment.bytes);
      SATCHEL_TRY(seal_plain({.store = keyring_.store(),
                              .table = kRecords,
                              .number = record.number,
                              .privacy_class = segment.privacy,
                              .generation = segment.generation,
                              .revision = segment.revision,
                              .format = kRowFormat,
                              .subjects = *subjects},
                             segments_));
    }
    // The buffer may still move: offsets first, views when all are there.
    entries_.push_back({&segment, ByteView{nullptr, segments_.size() - start}});
  }
  const char* at = segments_.data();
  for (SegmentEntry& entry : entries_) {
    entry.sealed = ByteView{at, entry.sealed.size()};
    at += entry.sealed.size();
  }
  return {};
}

Status Sealer::seal_record(StoredRecord& record, Bytes& out) {
  const auto current = generation(PrivacyClass::kStructure);
  if (!current) return current.error();
  SATCHEL_TRY(seal_segments(record));
  plain_.clear();
  encode_header(record.header, entries_, plain_);
  const std::size_t header_size = padded_size(plain_.size()) + crypto::kSealOverheadBytes;
  if (header_size + segments_.size() > limits::kRecordBytesMax) {
    return Error{Errc::kLimitExceeded, "bytes of a record"};
  }
  out.clear();
  append_record_row_head({*current, record.revision, {}, {}}, header_size, out);
  SATCHEL_TRY(seal_plain({.store = keyring_.store(),
                          .table = kRecords,
                          .number = record.number,
                          .privacy_class = PrivacyClass::kStructure,
                          .generation = *current,
                          .revision = record.revision,
                          .format = kRowFormat,
                          .subjects = {}},
                         out));
  out += segments_;
  return {};
}

Status Sealer::open_record(ByteView row, StoredRecord& record) {
  const auto read = read_record_row(row);
  if (!read) return read.error();
  SATCHEL_TRY(open_sealed({.store = keyring_.store(),
                           .table = kRecords,
                           .number = record.number,
                           .privacy_class = PrivacyClass::kStructure,
                           .generation = read->generation,
                           .revision = read->revision,
                           .format = kRowFormat,
                           .subjects = {}},
                          read->header, plain_));
  record.revision = read->revision;
  return decode_header(plain_, read->segments, record);
}

Status Sealer::open_segment(RecordNumber number, const Segment& segment, Bytes& plain) {
  if (segment.bytes.size() < crypto::kSealOverheadBytes) {
    return Error{Errc::kStoreCorrupt, "a segment without a seal"};
  }
  const auto subjects = subjects_of(segment);
  if (!subjects) return subjects.error();
  return open_sealed({.store = keyring_.store(),
                      .table = kRecords,
                      .number = number,
                      .privacy_class = segment.privacy,
                      .generation = segment.generation,
                      .revision = segment.revision,
                      .format = kRowFormat,
                      .subjects = *subjects},
                     segment.bytes, plain);
}

std::array<char, kNumberRowBytes> Sealer::number_row(ByteView blinded, RecordNumber number) {
  return make_number_row({number, digest_.of(kNumberCodeTable, blinded, number)});
}

Result<RecordNumber> Sealer::open_number_row(ByteView blinded, ByteView row) {
  const auto read = read_number_row(row);
  if (!read) return read.error();
  if (read->code != digest_.of(kNumberCodeTable, blinded, read->number)) {
    return Error{Errc::kStoreCorrupt, "the code is wrong"};
  }
  return read->number;
}

Result<crypto::RowDigest::Value> Sealer::share_of(std::uint8_t table, ByteView key, ByteView row) {
  if (table == kNumbers) {
    const auto read = read_number_row(row);
    if (!read) return read.error();
    return digest_.of(table, key, read->number);
  }
  if (table == kRecords) {
    const auto read = read_record_row(row);
    if (!read) return read.error();
    return digest_.of(table, key, tag_of(read->header));
  }
  const auto read = read_side_row(row);
  if (!read) return read.error();
  // With the head, or a damaged generation would look like a key that was destroyed.
  share_key_.assign(key);
  share_key_ += static_cast<char>(kRowFormat);
  share_key_ += row.substr(1, kSideRowHead - 1);
  return digest_.of(table, share_key_, tag_of(read->sealed));
}

}  // namespace satchel::sync
