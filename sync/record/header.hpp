// A record's header, and the way between a Record and what a store holds.
#pragma once

#include <optional>

#include "sync/record/segment.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

// The structure-class part of a stored record.
//
//   header  format (u8 = 1) | collection (u64 LE) | id (16) | life length, life
//           | extras length, extras
//   life    a segment of class kStructure with the one entry kLifeField, empty where there is none
//   extras  kept byte for byte for later versions
struct RecordHeader {
  CollectionId collection = 0;
  RecordId id;
  std::optional<Entry> life;
  Bytes extras;
  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

Bytes encode_header(const RecordHeader& header, ReplicaNumbers& numbers);
// The same of a life that is a segment already, under the store's numbering; empty for none.
Bytes encode_fresh_header(CollectionId collection, const RecordId& id, ByteView life);
// kRecordNewer for another format, kRecordMalformed for what encode_header would not write.
Result<RecordHeader> decode_header(ByteView bytes, const ReplicaNumbers& numbers);

// Whose record it is, without its life. Errors: those of decode_header.
struct RecordName {
  CollectionId collection = 0;
  RecordId id;
};
Result<RecordName> decode_name(ByteView bytes);

// The whole record, life among its entries; segments of locked classes are left out. Errors: those
// of ReadTxn::open_segment but kClassLocked, and of decode_segment.
Result<Record> open_record(ReadTxn& txn, const StoredRecord& stored, const ReplicaNumbers& numbers);
// The entries of one class alone, without the record's name.
Result<Record> open_class(ReadTxn& txn, const StoredRecord& stored, PrivacyClass privacy,
                          const ReplicaNumbers& numbers);

// The record as plain segments, one per class, for put_many. `number` comes from
// WriteTxn::number_for.
StoredRecord to_stored(const Record& record, RecordNumber number, ReplicaNumbers& numbers);

}  // namespace satchel::sync
