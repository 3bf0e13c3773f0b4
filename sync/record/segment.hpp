// The byte form of one privacy class's registers: what is sealed in stores and what travels in
// pages.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "schema/model/result.hpp"
#include "sync/clock/replica_numbers.hpp"
#include "sync/merge/record.hpp"

namespace satchel::sync {

// Format 1. All numbers varints unless said otherwise; entries sorted by (field, key).
//
//   segment   format (u8 = 1) | seq base | shared context | entry count | entries
//   context   count | count x (replica number, commit), sorted by number
//   entry     field (u16 LE) | flags (u8) | [key length, key] | seq - seq base | [sibling count]
//             | siblings | [context]
//   flags     bits 0-1  context: 0 only the one sibling's dot, 1 the shared context, 2 explicit,
//                       3 withheld (no siblings)
//             bit 2     has a key
//             bit 3     sibling count is written (it is not 1)
//             bit 4     the first sibling has the dot and stamp of the previous entry's first
//                       sibling
//             bits 5-7  must be 0
//   sibling   [replica number | commit | stamp (u64 LE)] | value length | value
//
// The shared context is lossless: it is the exact context of each register that names it, never an
// upper bound. A format other than 1 is kRecordNewer; everything else that encode_segment would not
// write is kRecordMalformed.

// `number_of` interns; entries must all be of one class and sorted.
Bytes encode_segment(std::span<const Entry> entries, ReplicaNumbers& numbers);

// Appends the entries (of class `privacy`) to `out`, sorted as they stand. Bounded by
// limits::kEntriesMax, kSiblingsMax, kContextEntriesMax.
Status decode_segment(ByteView bytes, PrivacyClass privacy, const ReplicaNumbers& numbers,
                      std::vector<Entry>& out);

// The same of the named fields alone; `fields` sorted. What is left out is checked for its form.
Status decode_fields(ByteView bytes, PrivacyClass privacy, const ReplicaNumbers& numbers,
                     std::span<const FieldId> fields, std::vector<Entry>& out);

// Rewrites a segment under another numbering, keeping only entries that `keep` accepts (field,
// seq), without building entries. Returns an empty string where none is left. For pages on the
// server and their application on a device. `to_number` is by old number, kNoNumber where there is
// none. `concurrent` becomes true where a register that is kept has several siblings: their order
// is one of ids, and only decode_segment checks it.
inline constexpr ReplicaNumber kNoNumber = UINT32_MAX;
using KeepEntry = std::function<bool(FieldId field, Sequence seq)>;
Result<Bytes> transcode_segment(ByteView bytes, std::span<const ReplicaNumber> to_number,
                                const KeepEntry* keep /* null keeps all */,
                                bool* concurrent = nullptr);

// Adds the numbers that a segment mentions to `out`, sorted and distinct: what a message's own
// table must hold before the segment is rewritten for it.
Status numbers_in_segment(ByteView bytes, std::vector<ReplicaNumber>& out);

// Joins writes into a stored segment: entries that are not named are carried over byte for byte.
// `changed` receives, per write, whether the register's state changed. Written entries get `seq`.
// This is the hot path of the server: no allocation per untouched entry.
Result<Bytes> join_into_segment(ByteView stored, std::span<const Entry> writes, Sequence seq,
                                ReplicaNumbers& numbers, std::vector<bool>* changed);

}  // namespace satchel::sync
