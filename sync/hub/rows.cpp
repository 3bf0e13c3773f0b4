#include "sync/hub/rows.hpp"

#include "crypto/hash.hpp"

namespace satchel::sync {
namespace {

constexpr char kFormat = 1;
// Of a commit row.
constexpr std::uint8_t kExact = 1;
constexpr std::uint8_t kRepaired = 2;

Error malformed(std::string_view what) {
  return Error{Errc::kStoreCorrupt, "a " + std::string{what} + " row does not follow its format"};
}

template <class Id>
Id read_id(ByteReader& in) {
  const ByteView bytes = in.take(16);
  if (bytes.empty()) return Id{};
  return *Id::from_bytes(bytes);
}

}  // namespace

Bytes encode_hub_state(const HubState& state) {
  Bytes out{kFormat};
  out += state.workspace.bytes();
  out += state.incarnation.bytes();
  out += state.self.bytes();
  append_varint(out, state.self_next);
  append_varint(out, state.seq);
  append_u64(out, state.tag);
  append_varint(out, state.backed_up_through);
  append_varint(out, state.log_floor);
  append_varint(out, state.scope_epoch);
  out += static_cast<char>(state.recovering ? 1 : 0);
  append_u64(out, state.last_stamp.bits);
  append_varint(out, state.compaction_floor);
  append_varint(out, state.rescoping);
  return out;
}

Result<HubState> decode_hub_state(ByteView bytes) {
  ByteReader in{bytes};
  if (in.u8() != static_cast<std::uint8_t>(kFormat)) return malformed("state");
  HubState state;
  state.workspace = read_id<WorkspaceId>(in);
  state.incarnation = read_id<IncarnationId>(in);
  state.self = read_id<ReplicaId>(in);
  state.self_next = in.varint();
  state.seq = in.varint();
  state.tag = in.u64();
  state.backed_up_through = in.varint();
  state.log_floor = in.varint();
  state.scope_epoch = in.varint();
  state.recovering = in.u8() != 0;
  state.last_stamp = Stamp{in.u64()};
  if (in.left() > 0) state.compaction_floor = in.varint();  // Older rows end here.
  if (in.finished()) return state;                          // Written before records waited.
  state.rescoping = in.varint();
  if (!in.finished()) return malformed("state");
  return state;
}

Bytes encode_commit_row(const CommitRow& row) {
  Bytes out{kFormat};
  append_u64(out, row.tag);
  out += row.author.bytes();
  append_varint(out, row.number);
  out += static_cast<char>((row.exact ? kExact : 0) | (row.repaired ? kRepaired : 0));
  append_varint(out, row.records.size());
  for (const RecordNumber number : row.records) append_varint(out, number);
  append_sized(out, row.rule);
  append_sized(out, row.taken_out);
  append_sized(out, row.header);
  return out;
}

Result<CommitRow> decode_commit_row(ByteView bytes) {
  ByteReader in{bytes};
  if (in.u8() != static_cast<std::uint8_t>(kFormat)) return malformed("commit");
  CommitRow row;
  row.tag = in.u64();
  row.author = read_id<ReplicaId>(in);
  row.number = in.varint();
  const std::uint8_t flags = in.u8();
  row.exact = (flags & kExact) != 0;
  row.repaired = (flags & kRepaired) != 0;
  const std::uint64_t count = in.varint();
  if (count > in.left()) return malformed("commit");
  row.records.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) row.records.push_back(in.varint());
  row.rule = in.sized();
  row.taken_out = in.sized();
  row.header = in.sized();
  if (!in.finished()) return malformed("commit");
  return row;
}

Bytes user_key(ByteView key, const std::string& name) {
  return crypto::hmac_sha256(key, "satchel user v1 " + name);
}

Bytes damaged_key(RecordNumber number) {
  Bytes key{kDamagedKey};
  append_u64_big(key, number);
  return key;
}

Bytes encode_damaged(const DamagedRecord& damaged) {
  Bytes out{kFormat};
  append_u64(out, damaged.collection);
  out += damaged.id.bytes();
  return out;
}

Result<DamagedRecord> decode_damaged(ByteView key, ByteView bytes) {
  DamagedRecord damaged;
  ByteReader number{key.substr(kDamagedKey.size())};
  damaged.number = number.u64_big();
  ByteReader in{bytes};
  if (in.u8() != static_cast<std::uint8_t>(kFormat)) return malformed("damage");
  damaged.collection = in.u64();
  damaged.id = read_id<RecordId>(in);
  if (!in.finished() || !number.finished()) return malformed("damage");
  return damaged;
}

Bytes encode_taken_out(const wire::CommitResult& result) {
  Bytes out;
  if (result.outcome != wire::Outcome::kReduced) return out;
  for (const auto& [id, field] : result.fields) {
    out += id.bytes();
    append_u16(out, field);
  }
  return out;
}

std::vector<std::pair<RecordId, FieldId>> decode_taken_out(ByteView bytes) {
  std::vector<std::pair<RecordId, FieldId>> fields;
  ByteReader in{bytes};
  while (in.left() > 0) {
    const auto id = RecordId::from_bytes(in.take(16));
    const FieldId field = in.u16();
    if (id && !in.failed()) fields.emplace_back(*id, field);
  }
  return fields;
}

Bytes encode_answer(const AnswerRow& row) {
  Bytes out{kFormat};
  append_sized(out, row.content_hash);
  append_sized(out, wire::encode_result(row.result));
  return out;
}

Result<AnswerRow> decode_answer(ByteView bytes) {
  ByteReader in{bytes};
  if (in.u8() != static_cast<std::uint8_t>(kFormat)) return malformed("answer");
  AnswerRow row;
  row.content_hash = in.sized();
  const ByteView result = in.sized();
  if (!in.finished()) return malformed("answer");
  auto decoded = wire::decode_result(result);
  if (!decoded) return malformed("answer");
  row.result = std::move(*decoded);
  return row;
}

Bytes answer_key(const ReplicaId& replica, CommitNumber number) {
  Bytes key{replica.bytes()};
  append_u64_big(key, number);
  return key;
}

Bytes encode_memberships(const std::vector<Membership>& rows) {
  Bytes out{kFormat};
  append_varint(out, rows.size());
  for (const Membership& row : rows) {
    append_sized(out, row.scope);
    append_varint(out, row.entered);
    append_varint(out, row.left);
  }
  return out;
}

Result<std::vector<Membership>> decode_memberships(ByteView bytes) {
  ByteReader in{bytes};
  if (in.u8() != static_cast<std::uint8_t>(kFormat)) return malformed("scopes");
  std::vector<Membership> rows;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    Membership row;
    row.scope = in.sized();
    row.entered = in.varint();
    row.left = in.varint();
    rows.push_back(std::move(row));
  }
  if (!in.finished()) return malformed("scopes");
  return rows;
}

}  // namespace satchel::sync
