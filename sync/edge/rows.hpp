// The edge's rows in the small tables.
#pragma once

#include "schema/model/varint.hpp"
#include "sync/edge/edge.hpp"
#include "sync/store/way_out.hpp"

namespace satchel::sync {

inline constexpr std::string_view kIdentityKey = "edge.identity";
inline constexpr std::string_view kEdgeStateKey = "edge.state";
inline constexpr std::string_view kAuthorKey = "edge.who.";  // And the replica id: a user's name.

Bytes encode_identity(const EdgeIdentity& identity);
Result<EdgeIdentity> decode_identity(ByteView bytes);
Bytes encode_edge_state(const EdgeState& state);
Result<EdgeState> decode_edge_state(ByteView bytes);

// A commit lies in several rows, so that each privacy class is sealed by itself: key = place
// (big-endian), part.
//   part 0        header and the structure section
//   part 1 + c    the section of class c
//   part 0xFF     the copy sealed to the server's key
Bytes part_key(std::uint64_t place, std::uint8_t part);
Status put_commit(WriteTxn& txn, Table table, std::uint64_t place, const wire::Commit& commit);
// Nothing where there is no part 0. `sealed` holds the copy where `with_sealed` and it can be read.
Result<std::optional<wire::Commit>> find_commit(ReadTxn& txn, Table table, std::uint64_t place,
                                                bool with_sealed = false);
// Of a record of base that does not open: with the way out.
inline Error at_base(Error error) {
  return with_way_out(std::move(error), ": satchel heal pulls it again");
}

// The copy sealed to the server; empty where there is none or it cannot be read.
Result<Bytes> find_sealed_copy(ReadTxn& txn, Table table, std::uint64_t place);
// The records that part 0 names; none where it cannot be read.
Result<std::vector<std::pair<CollectionId, RecordId>>> find_record_names(ReadTxn& txn, Table table,
                                                                         std::uint64_t place);
Status erase_commit(WriteTxn& txn, Table table, std::uint64_t place);
// Of a commit in the outbox all but the sealed copy.
Status erase_parts(WriteTxn& txn, std::uint64_t place);
inline constexpr std::uint8_t kSealedPart = 0xFF;
// The keys of a table that begin with `prefix`, rising; their values stay unopened.
Status keys_with(ReadTxn& txn, Table table, ByteView prefix, std::vector<Bytes>& keys);
// Places of the commits that have a part 0, rising.
Result<std::vector<std::uint64_t>> commit_places(ReadTxn& txn, Table table);

// What became of an answered commit that is still kept (Table::kCommits, key = place).
struct AnsweredRow {
  wire::Outcome outcome = wire::Outcome::kApplied;
  Sequence seq = 0;
  Bytes receipt;
};
Bytes encode_answered(const AnsweredRow& row);
Result<AnsweredRow> decode_answered(ByteView bytes);
// One that does not open says that there was an answer, and no more.
Result<std::optional<AnsweredRow>> find_answered(ReadTxn& txn, std::uint64_t place);

// Of a commit that was lost or refused without being readable: key = kLostKey, place (big-endian).
inline constexpr std::string_view kLostKey = "edge.lost.";
Bytes lost_key(std::uint64_t place);
Bytes encode_lost(const DamagedCommit& damaged);
Result<DamagedCommit> decode_lost(ByteView key, ByteView bytes);

// What the inbox adds to the commit (key = place, part 0xFE).
inline constexpr std::uint8_t kInboxPart = 0xFE;
Bytes encode_inbox(const wire::CommitResult& result, std::int64_t at_us);
Status decode_inbox(ByteView bytes, wire::CommitResult& result, std::int64_t& at_us);

inline Bytes number_key(std::uint64_t number) {
  Bytes key;
  append_u64_big(key, number);
  return key;
}

}  // namespace satchel::sync
