// A record as the core handles it: a sorted list of registers.
#pragma once

#include <span>
#include <vector>

#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"
#include "sync/merge/register.hpp"

namespace satchel::sync {

// One register of a record: a plain field has an empty key, a map's entries one each. Keys are
// opaque bytes:
//   set, accessSet     encode_value(element)
//   map                encode_value(key)
//   counter, max, min  the author's 16-byte replica id
//   log                replica id (16), commit (u64 big-endian), place (u16 big-endian)
struct Entry {
  FieldId field = 0;
  Bytes key;
  PrivacyClass privacy = PrivacyClass::kCompany;
  bool withheld = false;  // Policy keeps the value from this replica: no siblings, no context.
  // The server's sequence at which the register last changed; 0 before it was ever there.
  Sequence seq = 0;
  Register state;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// Value type. Invariant: entries sorted by (field, key), no pair twice. The life register is the
// entry of field kLifeField and class kStructure.
struct Record {
  CollectionId collection = 0;
  RecordId id;
  std::vector<Entry> entries;
  // Of the stored header: what a later version put there, kept byte for byte by whoever rewrites
  // the record. Not part of what replicas agree on.
  Bytes extras{};
  friend bool operator==(const Record&, const Record&) = default;

  [[nodiscard]] const Entry* find(FieldId field, ByteView key = {}) const;
  // The entry of this name, made where it is missing.
  Entry& at(FieldId field, ByteView key, PrivacyClass privacy);
  // All entries of one field.
  [[nodiscard]] std::span<const Entry> of_field(FieldId field) const;
};

// The order of a record's entries: by field, then by key as bytes.
bool precedes(const Entry& entry, FieldId field, ByteView key);

// Joins register by register; seq becomes the greater. A withheld mark stands until a state is
// there to take its place. Precondition: same collection and id.
Record join(const Record& a, const Record& b);
static_assert(JoinSemilattice<Record>);

// The record's vector clock: the join of its registers' contexts.
Context clock_of(const Record& record);

// kLimitExceeded where the record holds more entries, siblings, context entries or bytes than
// limits.hpp lets it.
Status within_limits(const Record& record);

}  // namespace satchel::sync
