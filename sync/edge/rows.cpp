#include "sync/edge/rows.hpp"

namespace satchel::sync {
namespace {

constexpr char kFormat = 1;

Error malformed(std::string_view what) {
  return Error{Errc::kStoreCorrupt, "a " + std::string{what} + " row does not follow its format"};
}

ByteReader open_row(ByteView bytes) {
  ByteReader in{bytes};
  if (in.u8() != static_cast<std::uint8_t>(kFormat)) in.fail();
  return in;
}

template <class Id>
Id read_id(ByteReader& in) {
  const ByteView bytes = in.take(16);
  if (bytes.empty()) return Id{};
  return *Id::from_bytes(bytes);
}

void append_cursor(Bytes& out, const wire::Cursor& cursor) {
  out += cursor.incarnation.bytes();
  append_varint(out, cursor.seq);
  append_u64(out, cursor.tag);
  append_varint(out, cursor.below);
}

wire::Cursor read_cursor(ByteReader& in) {
  wire::Cursor cursor;
  cursor.incarnation = read_id<IncarnationId>(in);
  cursor.seq = in.varint();
  cursor.tag = in.u64();
  cursor.below = in.varint();
  return cursor;
}

void append_time(Bytes& out, std::int64_t us) { append_varint(out, zigzag(us)); }
std::int64_t read_time(ByteReader& in) { return unzigzag(in.varint()); }

}  // namespace

Bytes encode_identity(const EdgeIdentity& identity) {
  Bytes out{kFormat};
  out += identity.workspace.bytes();
  out += identity.device.bytes();
  append_sized(out, identity.user);
  out += static_cast<char>(identity.role);
  append_varint(out, identity.territories.size());
  for (const std::string& territory : identity.territories) append_sized(out, territory);
  append_sized(out, identity.server_box_key);
  return out;
}

Result<EdgeIdentity> decode_identity(ByteView bytes) {
  ByteReader in = open_row(bytes);
  EdgeIdentity identity;
  identity.workspace = read_id<WorkspaceId>(in);
  identity.device = read_id<DeviceId>(in);
  identity.user = in.sized();
  identity.role = static_cast<Role>(in.u8());
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i)
    identity.territories.emplace_back(in.sized());
  identity.server_box_key = in.sized();
  if (!in.finished()) return malformed("identity");
  return identity;
}

namespace {

void append_scopes(Bytes& out, const std::vector<wire::ScopeState>& scopes) {
  append_varint(out, scopes.size());
  for (const wire::ScopeState& scope : scopes) {
    append_sized(out, scope.name);
    append_varint(out, scope.epoch);
    append_cursor(out, scope.cursor);
  }
}

std::vector<wire::ScopeState> read_scopes(ByteReader& in) {
  std::vector<wire::ScopeState> scopes;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    wire::ScopeState scope;
    scope.name = in.sized();
    scope.epoch = in.varint();
    scope.cursor = read_cursor(in);
    scopes.push_back(std::move(scope));
  }
  return scopes;
}

}  // namespace

constexpr std::uint8_t kLostScopes = 1;
constexpr std::uint8_t kRepull = 2;
constexpr std::uint8_t kNarrowed = 4;

Bytes encode_edge_state(const EdgeState& state) {
  Bytes out{kFormat};
  out += state.replica.bytes();
  append_varint(out, state.next_commit);
  append_varint(out, state.watermark);
  append_varint(out, state.results_confirmed);
  out += state.incarnation.bytes();
  append_cursor(out, state.cursor);
  append_scopes(out, state.scopes);
  append_sized(out, state.fence_token);
  append_varint(out, state.backed_up_through);
  append_time(out, state.server_time_us);
  append_time(out, state.server_time_boot_us);
  append_time(out, state.high_water_us);
  append_time(out, state.last_sync_us);
  out += static_cast<char>(state.bootstrapped ? 1 : 0);
  append_u64(out, state.last_stamp.bits);
  append_varint(out, state.before);
  append_varint(out, state.former.size());
  for (const Numbering& each : state.former) {
    out += each.replica.bytes();
    append_varint(out, each.before);
    append_varint(out, each.next_commit);
    append_varint(out, each.watermark);
    out += each.incarnation.bytes();
    out += static_cast<char>(each.settled ? 1 : 0);
  }
  const bool joining = !state.joining.empty();
  const bool narrowed = state.history_days != 0 || state.history_from != 0;
  const bool plain = state.stale_through == 0 && !state.lost_scopes && !state.repull;
  if (plain && !joining && !narrowed) return out;
  append_varint(out, state.stale_through);
  out += static_cast<char>((state.lost_scopes ? kLostScopes : 0) | (state.repull ? kRepull : 0) |
                           (narrowed ? kNarrowed : 0));
  if (narrowed) {
    append_varint(out, state.history_days);
    append_time(out, state.history_from);
  }
  if (joining) append_scopes(out, state.joining);
  return out;
}

Result<EdgeState> decode_edge_state(ByteView bytes) {
  ByteReader in = open_row(bytes);
  EdgeState state;
  state.replica = read_id<ReplicaId>(in);
  state.next_commit = in.varint();
  state.watermark = in.varint();
  state.results_confirmed = in.varint();
  state.incarnation = read_id<IncarnationId>(in);
  state.cursor = read_cursor(in);
  state.scopes = read_scopes(in);
  state.fence_token = in.sized();
  state.backed_up_through = in.varint();
  state.server_time_us = read_time(in);
  state.server_time_boot_us = read_time(in);
  state.high_water_us = read_time(in);
  state.last_sync_us = read_time(in);
  state.bootstrapped = in.u8() != 0;
  state.last_stamp = Stamp{in.u64()};
  if (in.finished()) return state;  // Written before ids could change.
  state.before = in.varint();
  const std::uint64_t former = in.varint();
  for (std::uint64_t i = 0; i < former && !in.failed(); ++i) {
    Numbering each;
    each.replica = read_id<ReplicaId>(in);
    each.before = in.varint();
    each.next_commit = in.varint();
    each.watermark = in.varint();
    each.incarnation = read_id<IncarnationId>(in);
    each.settled = in.u8() != 0;
    state.former.push_back(each);
  }
  if (in.finished()) return state;
  state.stale_through = in.varint();
  const std::uint8_t flags = in.u8();
  state.lost_scopes = (flags & kLostScopes) != 0;
  state.repull = (flags & kRepull) != 0;
  if ((flags & kNarrowed) != 0) {
    state.history_days = static_cast<std::uint32_t>(in.varint());
    state.history_from = read_time(in);
  }
  if (in.finished()) return state;
  state.joining = read_scopes(in);
  if (!in.finished()) return malformed("state");
  return state;
}

Bytes part_key(std::uint64_t place, std::uint8_t part) {
  Bytes key = number_key(place);
  key += static_cast<char>(part);
  return key;
}

Status put_commit(WriteTxn& txn, Table table, std::uint64_t place, const wire::Commit& commit) {
  for (const wire::Section& section : commit.sections) {
    Bytes row{kFormat};
    const bool first = section.privacy == PrivacyClass::kStructure;
    append_sized(row, first ? wire::encode_commit_header(commit.header) : Bytes{});
    append_sized(row, section.bytes);
    const auto part =
        static_cast<std::uint8_t>(first ? 0 : 1 + static_cast<std::uint8_t>(section.privacy));
    SATCHEL_TRY(txn.put(table, part_key(place, part), row, section.privacy));
  }
  if (!commit.sealed.empty())
    SATCHEL_TRY(txn.put(table, part_key(place, kSealedPart), commit.sealed));
  return {};
}

Status keys_with(ReadTxn& txn, Table table, ByteView prefix, std::vector<Bytes>& keys) {
  return txn.scan_keys(table, prefix, [&](ByteView key) {
    if (!key.starts_with(prefix)) return false;
    keys.emplace_back(key);
    return true;
  });
}

namespace {

Status keys_of(ReadTxn& txn, Table table, std::uint64_t place, std::vector<Bytes>& keys) {
  return keys_with(txn, table, number_key(place), keys);
}

// Of part 0 the header too.
Status read_part(ByteView row, std::uint8_t part, wire::Commit& commit) {
  if (!row.empty() && row.front() > kFormat) return Error{Errc::kRecordNewer, "outbox"};
  ByteReader in = open_row(row);
  const ByteView header = in.sized();
  wire::Section section;
  section.bytes = in.sized();
  if (!in.finished()) return malformed("outbox");
  if (part == 0) {
    auto read = wire::decode_commit_header(header);
    if (!read) return malformed("outbox");
    commit.header = std::move(*read);
  } else {
    section.privacy = static_cast<PrivacyClass>(part - 1);
  }
  commit.sections.push_back(std::move(section));
  return {};
}

}  // namespace

Result<std::optional<wire::Commit>> find_commit(ReadTxn& txn, Table table, std::uint64_t place,
                                                bool with_sealed) {
  // Key by key: the copy sealed to the server may be damaged where the rest is whole.
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_of(txn, table, place, keys));
  wire::Commit commit;
  bool found = false;
  for (const Bytes& key : keys) {
    const auto part = static_cast<std::uint8_t>(key.back());
    if (part == kInboxPart || part == kSealedPart) continue;
    auto row = txn.find(table, key);
    if (!row) return row.error();
    if (!*row) continue;
    SATCHEL_TRY(read_part(**row, part, commit));
    found = found || part == 0;
  }
  if (!found) return std::optional<wire::Commit>{};
  if (with_sealed) {
    auto sealed = find_sealed_copy(txn, table, place);
    if (!sealed) return sealed.error();
    commit.sealed = std::move(*sealed);
  }
  return std::optional<wire::Commit>{std::move(commit)};
}

Result<Bytes> find_sealed_copy(ReadTxn& txn, Table table, std::uint64_t place) {
  auto row = txn.find(table, part_key(place, kSealedPart));
  if (!row && !is_damage(row.error().code)) return row.error();
  return row && *row ? std::move(**row) : Bytes{};
}

Result<std::vector<std::pair<CollectionId, RecordId>>> find_record_names(ReadTxn& txn, Table table,
                                                                         std::uint64_t place) {
  std::vector<std::pair<CollectionId, RecordId>> names;
  auto row = txn.find(table, part_key(place, 0));
  if (!row && !is_damage(row.error().code)) return row.error();
  wire::Commit commit;
  if (!row || !*row || !read_part(**row, 0, commit)) return names;
  auto body = decode_structure(commit.sections.front().bytes);
  if (!body) return names;
  for (const RecordWrite& write : body->records) names.emplace_back(write.collection, write.id);
  return names;
}

Status erase_parts(WriteTxn& txn, std::uint64_t place) {
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_of(txn, Table::kOutbox, place, keys));
  for (const Bytes& key : keys) {
    if (static_cast<std::uint8_t>(key.back()) == kSealedPart) continue;
    SATCHEL_TRY(txn.erase(Table::kOutbox, key));
  }
  return {};
}

Status erase_commit(WriteTxn& txn, Table table, std::uint64_t place) {
  std::vector<Bytes> keys;
  SATCHEL_TRY(keys_of(txn, table, place, keys));
  for (const Bytes& key : keys) SATCHEL_TRY(txn.erase(table, key));
  return {};
}

Result<std::vector<std::uint64_t>> commit_places(ReadTxn& txn, Table table) {
  std::vector<std::uint64_t> places;
  const auto visit = [&](ByteView key) {
    if (key.size() == 9 && key.back() == 0) {
      ByteReader in{key};
      places.push_back(in.u64_big());
    }
    return true;
  };
  SATCHEL_TRY(txn.scan_keys(table, {}, visit));
  return places;
}

Bytes lost_key(std::uint64_t place) { return Bytes{kLostKey} + number_key(place); }

Bytes encode_lost(const DamagedCommit& damaged) {
  Bytes out{kFormat};
  append_varint(out, damaged.records.size());
  for (const auto& [collection, id] : damaged.records) {
    append_u64(out, collection);
    out += id.bytes();
  }
  return out;
}

Result<DamagedCommit> decode_lost(ByteView key, ByteView bytes) {
  DamagedCommit damaged;
  damaged.state = DamagedCommit::State::kAnswered;
  ByteReader place{key.substr(kLostKey.size())};
  damaged.place = place.u64_big();
  ByteReader in = open_row(bytes);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    const CollectionId collection = in.u64();
    damaged.records.emplace_back(collection, read_id<RecordId>(in));
  }
  if (!in.finished() || !place.finished()) return malformed("lost commit");
  return damaged;
}

Bytes encode_answered(const AnsweredRow& row) {
  Bytes out{kFormat};
  out += static_cast<char>(row.outcome);
  append_varint(out, row.seq);
  append_sized(out, row.receipt);
  return out;
}

Result<std::optional<AnsweredRow>> find_answered(ReadTxn& txn, std::uint64_t place) {
  auto row = txn.find(Table::kCommits, number_key(place));
  if (!row && !is_damage(row.error().code)) return row.error();
  if (!row) return std::optional<AnsweredRow>{AnsweredRow{}};
  if (!*row) return std::optional<AnsweredRow>{};
  auto answered = decode_answered(**row);
  return std::optional<AnsweredRow>{answered ? std::move(*answered) : AnsweredRow{}};
}

Result<AnsweredRow> decode_answered(ByteView bytes) {
  ByteReader in = open_row(bytes);
  AnsweredRow row;
  row.outcome = static_cast<wire::Outcome>(in.u8());
  row.seq = in.varint();
  row.receipt = in.sized();
  if (!in.finished()) return malformed("answer");
  return row;
}

Bytes encode_inbox(const wire::CommitResult& result, std::int64_t at_us) {
  Bytes out{kFormat};
  append_time(out, at_us);
  append_sized(out, wire::encode_result(result));
  return out;
}

Status decode_inbox(ByteView bytes, wire::CommitResult& result, std::int64_t& at_us) {
  ByteReader in = open_row(bytes);
  at_us = read_time(in);
  const ByteView encoded = in.sized();
  if (!in.finished()) return malformed("inbox");
  auto decoded = wire::decode_result(encoded);
  if (!decoded) return malformed("inbox");
  result = std::move(*decoded);
  return {};
}

}  // namespace satchel::sync
