// Seals and opens rows: places, keys, nonces and padding in one hand.
#pragma once

#include "crypto/keyring.hpp"
#include "sync/store/lmdb/row_format.hpp"
#include "sync/store/lmdb/trace.hpp"

namespace satchel::sync {

// Keeps scheduled keys and buffers from row to row. Thread-bound: a reader or the writer has its
// own. Errors of opening: kStoreCorrupt, kClassLocked, kKeyShredded, without saying where.
class Sealer {
 public:
  Sealer(const crypto::Keyring& keyring, crypto::Entropy& entropy, StoreTrace* trace)
      : keyring_{keyring},
        keys_{keyring},
        nonces_{entropy},
        digest_{keyring.row_digest()},
        trace_{trace} {}
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  // What new seals of the class go under. kClassLocked.
  Result<crypto::ClassGeneration> generation(PrivacyClass privacy);

  // Replaces `out` by the row.
  struct RowPlace {
    std::uint8_t table = 0;
    ByteView key;
    PrivacyClass privacy = PrivacyClass::kStructure;
    std::uint64_t revision = 0;
  };
  Status seal_row(const RowPlace& place, ByteView value, Bytes& out);
  Status open_row(std::uint8_t table, ByteView key, ByteView row, Bytes& value);

  // Replaces `out` by the record's row. Fills revision and generation of segments sealed now.
  Status seal_record(StoredRecord& record, Bytes& out);
  // Fills everything but `number`, which must be there already.
  Status open_record(ByteView row, StoredRecord& record);
  Status open_segment(RecordNumber number, const Segment& segment, Bytes& plain);

  // kNumbers: the row that vouches for a number, and the number that a row vouches for.
  std::array<char, kNumberRowBytes> number_row(ByteView blinded, RecordNumber number);
  Result<RecordNumber> open_number_row(ByteView blinded, ByteView row);

  // The share of a stored row in its table's digest. kStoreCorrupt where it has no tag.
  Result<crypto::RowDigest::Value> share_of(std::uint8_t table, ByteView key, ByteView row);
  [[nodiscard]] crypto::Blinded blind(const RecordId& id) const {
    return keyring_.blind(static_cast<std::uint8_t>(Table::kNumbers), id.bytes());
  }

  // Seals made so far, by class; the writer adds them to the store's counts.
  [[nodiscard]] const std::array<std::uint64_t, kPrivacyClassCount>& seal_counts() const {
    return seal_counts_;
  }
  void drop_nonces() { nonces_.drop(); }

 private:
  crypto::SealedPlace place_of_row(const RowPlace& place, std::uint32_t generation);
  // Pads and seals what `plain_` holds; appends to `out`.
  Status seal_plain(const crypto::SealedPlace& place, Bytes& out);
  Status open_sealed(const crypto::SealedPlace& place, ByteView sealed, Bytes& plain);
  Status seal_segments(StoredRecord& record);

  const crypto::Keyring& keyring_;
  crypto::SegmentKeys keys_;
  crypto::NonceSource nonces_;
  crypto::RowDigest digest_;
  StoreTrace* trace_;
  std::array<std::uint64_t, kPrivacyClassCount> seal_counts_{};
  std::uint64_t epoch_ = 0;  // Of the generations below.
  std::array<crypto::ClassGeneration, kPrivacyClassCount> generations_{};  // 0: not asked yet.
  Bytes plain_;
  Bytes share_key_;
  Bytes segments_;
  std::vector<SegmentEntry> entries_;
};

}  // namespace satchel::sync
