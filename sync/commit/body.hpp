// What one commit writes, and its byte form.
#pragma once

#include <span>
#include <vector>

#include "schema/wire/frames.hpp"
#include "sync/merge/record.hpp"

namespace satchel::sync {

// How a register write takes effect where the commit is applied.
enum class WriteOp : std::uint8_t {
  kState = 0,  // The value replaces what its author was shown.
  // Added to the author's own register of a counter; the key is completed with the author's id.
  kIncrement = 1,
  kMaximum = 2,  // A candidate: the author's own register takes the greater.
  kMinimum = 3,
  // A log entry; the key is completed with the commit's dot and the place in the commit.
  kAppend = 4,
};

struct RegisterWrite {
  FieldId field = 0;
  WriteOp op = WriteOp::kState;
  Bytes key;  // Of sets and maps; of kAppend the place (u16 big-endian); else empty.
  PrivacyClass privacy = PrivacyClass::kCompany;
  Bytes value;    // encode_value's form.
  Context shown;  // What the author was shown of this register, without this commit's own dot.
  friend bool operator==(const RegisterWrite&, const RegisterWrite&) = default;
};

struct RecordWrite {
  CollectionId collection = 0;
  RecordId id;
  bool creates = false;
  std::vector<RegisterWrite> writes;  // Sorted by (field, key); a register at most once.
  friend bool operator==(const RecordWrite&, const RecordWrite&) = default;
};

struct CommitBody {
  std::vector<RecordWrite> records;  // A record at most once.
  friend bool operator==(const CommitBody&, const CommitBody&) = default;
};

// One section per privacy class (structure first, always there), so that a class can be sealed or
// locked alone.
//
//   structure  format (u8 = 1) | replica count | ids (16 each)
//              | collection count | ids (u64 LE each) | record count | records
//   record     collection index | id (16) | flags (u8: bit 0 creates)
//              | write count of the structure class | writes
//   class      format (u8 = 1) | run count | runs        (runs sorted by record index)
//   run        record index | write count | writes
//   write      field (u16 LE) | flags (u8) | [key length, key] | value length, value
//              | [shown count, count x (replica index, commit)]
//   flags      bits 0-2 op | bit 3 has key | bit 4 shown equals the previous write's
std::vector<wire::Section> encode_body(const CommitBody& body);

// kCommitInvalid for anything that encode_body would not write, kLimitExceeded, kRecordNewer for a
// newer format.
Result<CommitBody> decode_body(std::span<const wire::Section> sections);
// Which records a commit names, and its writes of the structure class, where no other section can
// be read. The same errors.
Result<CommitBody> decode_structure(ByteView section);

// SHA-256 over the header's stable fields and the sections. Replica, number, stamp, receipt and
// signature stay out, so that clamping and re-identification break nothing; the origin is in, where
// there is one.
Bytes content_hash(const wire::CommitHeader& header, std::span<const wire::Section> sections);

// Makes `write` take effect on `record` as part of the commit `dot`: the one place where
// increments, candidates and appends become register states. Unknown fields are handled by `op`
// alone. Returns the entry that changed.
Entry& apply_write(Record& record, const RegisterWrite& write, const Dot& dot, Stamp stamp);

// The register name that `write` touches once it is applied.
Bytes completed_key(const RegisterWrite& write, const Dot& dot);

}  // namespace satchel::sync
