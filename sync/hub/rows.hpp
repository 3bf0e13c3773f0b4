// The hub's rows in the small tables: its own state, the commit log, first answers, and scopes of
// records.
#pragma once

#include <string>
#include <vector>

#include "schema/model/varint.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::sync {

inline constexpr std::string_view kStateKey = "hub.state";

// A row for each life of the store that is over: key = this, incarnation.
inline Bytes life_key(const IncarnationId& incarnation) {
  Bytes key{"hub.life."};
  key += incarnation.bytes();
  return key;
}

// A key of a table is not sealed, and a user's name is personal: it is looked up by a keyed hash.
Bytes user_key(ByteView key, const std::string& name);

// A row for each record that was found damaged: key = this, record number (big-endian).
inline constexpr std::string_view kDamagedKey = "hub.damaged.";
Bytes damaged_key(RecordNumber number);
Bytes encode_damaged(const DamagedRecord& damaged);
Result<DamagedRecord> decode_damaged(ByteView key, ByteView bytes);

// What of a record cannot be read, nothing where all of it can. Only the store's own failures are
// an Error.
Result<std::optional<DamagedRecord>> find_damage(ReadTxn& txn, const ReplicaNumbers& numbers,
                                                 RecordNumber number);

// Nothing where the number is 0 or names no record. An error names the record by `id`.
Result<std::optional<Record>> open_by_number(ReadTxn& txn, const ReplicaNumbers& numbers,
                                             const RecordId& id, RecordNumber number);

Bytes encode_hub_state(const HubState& state);
Result<HubState> decode_hub_state(ByteView bytes);

// One row per commit that took effect: key = seq (big-endian).
struct CommitRow {
  std::uint64_t tag = 0;
  ReplicaId author;
  CommitNumber number = 0;
  // Every register's state became just what the author wrote: he need not be told.
  bool exact = false;
  // Nothing was written: the records could not be read for a while, and are told whole.
  bool repaired = false;
  std::vector<RecordNumber> records;
  // Where the result was `reduced`: by which rule, and as KnownCommit::taken_out.
  std::string rule;
  Bytes taken_out;
  Bytes header;  // wire::encode_commit_header as it came, header fields of newer versions included.
};
Bytes encode_commit_row(const CommitRow& row);
Result<CommitRow> decode_commit_row(ByteView bytes);

// The registers that a `reduced` result names, as KnownCommit::taken_out; empty for other results.
Bytes encode_taken_out(const wire::CommitResult& result);
std::vector<std::pair<RecordId, FieldId>> decode_taken_out(ByteView bytes);

// The first answer to a commit: key = replica id, number (big-endian).
struct AnswerRow {
  Bytes content_hash;
  wire::CommitResult result;
};
// The log remembers the first bytes of a hash, answers all of it.
inline bool same_content(const AnswerRow& answer, ByteView content_hash) {
  return answer.content_hash.size() >= kKnownHashBytes &&
         content_hash.starts_with(answer.content_hash);
}
Bytes encode_answer(const AnswerRow& row);
Result<AnswerRow> decode_answer(ByteView bytes);
Bytes answer_key(const ReplicaId& replica, CommitNumber number);

// Where a record of a collection with other scopes than "all" belongs, and belonged: key = record
// number.
struct Membership {
  std::string scope;
  Sequence entered = 0;
  Sequence left = 0;  // 0 while it is in.
};
Bytes encode_memberships(const std::vector<Membership>& rows);
Result<std::vector<Membership>> decode_memberships(ByteView bytes);

inline Bytes big_key(std::uint64_t number) {
  Bytes key;
  append_u64_big(key, number);
  return key;
}

}  // namespace satchel::sync
