#include "sync/edge/edge.hpp"

#include <algorithm>

#include "sync/edge/rows.hpp"
#include "sync/record/header.hpp"
#include "sync/store/schema_row.hpp"

namespace satchel::sync {
namespace {

constexpr std::size_t kDecodedCommitsKept = 64;

}  // namespace

Result<RecordId> make_record_id(std::int64_t now_us, crypto::Entropy& entropy) {
  RecordId id;
  SATCHEL_TRY(entropy.fill(id.octets));
  const auto ms = static_cast<std::uint64_t>(now_us / 1000);
  for (std::size_t i = 0; i < 6; ++i) id.octets[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  id.octets[6] = static_cast<std::uint8_t>(0x70 | (id.octets[6] & 0x0F));
  id.octets[8] = static_cast<std::uint8_t>(0x80 | (id.octets[8] & 0x3F));
  return id;
}

const RecordWrite* Edge::Decoded::find(const RecordId& id) const {
  const auto at = places.find(id);
  return at == places.end() ? nullptr : &commit.body.records[at->second];
}

Result<std::unique_ptr<Edge>> Edge::create(Parts parts, const EdgeIdentity& identity,
                                           std::shared_ptr<const schema::Catalog> catalog) {
  auto replica = crypto::random_id<ReplicaId>(parts.entropy);
  if (!replica) return replica.error();
  EdgeState state;
  state.replica = *replica;
  auto txn = parts.store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY((*txn)->put(Table::kMeta, kIdentityKey, encode_identity(identity)));
  SATCHEL_TRY((*txn)->put(Table::kMeta, kEdgeStateKey, encode_edge_state(state)));
  SATCHEL_TRY(put_schema_row(**txn, kEdgeSchemaKey, *catalog));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  return open(std::move(parts));
}

Result<std::unique_ptr<Edge>> Edge::open(Parts parts) {
  std::unique_ptr<Edge> edge{new Edge(std::move(parts))};
  SATCHEL_TRY(edge->load());
  return edge;
}

Status Edge::load() {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto identity = (*txn)->find(Table::kMeta, kIdentityKey);
  if (!identity) return identity.error();
  auto state = (*txn)->find(Table::kMeta, kEdgeStateKey);
  if (!state) return state.error();
  auto hash = (*txn)->find(Table::kMeta, kEdgeSchemaKey);
  if (!hash) return hash.error();
  if (!*identity || !*state || !*hash)
    return Error{Errc::kStoreMissing, "the store holds no replica: enrol first"};
  auto catalog = find_schema(**txn, **hash);
  if (!catalog) return catalog.error();
  auto decoded_identity = decode_identity(**identity);
  if (!decoded_identity) return decoded_identity.error();
  auto decoded_state = decode_edge_state(**state);
  if (!decoded_state) return decoded_state.error();
  identity_ = std::move(*decoded_identity);
  state_ = std::move(*decoded_state);
  catalog_ = std::move(*catalog);
  auto places = commit_places(**txn, Table::kOutbox);
  if (!places) return places.error();
  SATCHEL_TRY(load_reoffered(**txn));
  for (const std::uint64_t place : *places) {
    // Answered; kept until the server has it in a backup.
    if (is_answered(place)) continue;
    auto commit = decoded_commit(**txn, place);
    if (!commit && is_damage(commit.error().code)) {
      SATCHEL_TRY(note_damaged(**txn, place));
      continue;
    }
    if (!commit) return commit.error();
    note_pending(place, (*commit)->commit.body);
  }
  return load_lost(**txn);
}

Status Edge::reload() {
  outbox_.clear();
  overlay_.clear();
  decoded_.clear();
  damaged_.clear();
  reoffered_.clear();
  return load();
}

bool Edge::is_answered(std::uint64_t place) const {
  if (place > state_.before) return place <= state_.before + state_.watermark;
  for (const Numbering& each : state_.former) {
    if (place > each.before && place <= each.last_place())
      return place <= each.before + each.watermark;
  }
  return true;  // Of an id that was settled and has been forgotten.
}

Status Edge::save_state(WriteTxn& txn, const EdgeState& state) const {
  return txn.put(Table::kMeta, kEdgeStateKey, encode_edge_state(state));
}

Status Edge::adopt_schema(std::shared_ptr<const schema::Catalog> catalog) {
  SATCHEL_TRY(catalog->accepts_successor_of(*catalog_));
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY(put_schema_row(**txn, kEdgeSchemaKey, *catalog));
  SATCHEL_TRY(drop_other_schemas(**txn, catalog->hash()));
  SATCHEL_TRY((*txn)->commit());
  catalog_ = std::move(catalog);
  return {};
}

std::int64_t Edge::trusted_now_us() {
  // The server's word plus a clock that nobody sets; before the first word, the wall clock, never
  // behind the mark.
  const std::int64_t boot = parts_.clock.boot_us();
  if (state_.server_time_us != 0 && boot >= state_.server_time_boot_us) {
    return state_.server_time_us + (boot - state_.server_time_boot_us);
  }
  return std::max({state_.high_water_us, state_.server_time_us, parts_.clock.wall_us()});
}

void Edge::note_pending(std::uint64_t place, const CommitBody& body) {
  std::vector<RecordId>& ids = outbox_[place];
  ids.clear();
  for (const RecordWrite& write : body.records) {
    ids.push_back(write.id);
    auto& places = overlay_[write.id];
    places.insert(std::lower_bound(places.begin(), places.end(), place), place);
  }
}

void Edge::forget_pending(std::uint64_t place) {
  damaged_.erase(place);
  reoffered_.erase(place);
  const auto at = outbox_.find(place);
  if (at == outbox_.end()) return;
  for (const RecordId& id : at->second) {
    const auto overlay = overlay_.find(id);
    if (overlay == overlay_.end()) continue;
    std::erase(overlay->second, place);
    if (overlay->second.empty()) overlay_.erase(overlay);
  }
  outbox_.erase(at);
  decoded_.erase(place);
}

Result<std::shared_ptr<const Edge::Decoded>> Edge::decoded_commit(ReadTxn& txn,
                                                                  std::uint64_t place) {
  if (const auto at = decoded_.find(place); at != decoded_.end()) return at->second;
  auto commit = find_commit(txn, Table::kOutbox, place);
  if (!commit) return commit.error();
  if (!*commit)
    return Error{Errc::kStoreCorrupt,
                 "pending commit " + std::to_string(place) + " is not in the outbox"};
  auto body = decode_body((*commit)->sections);
  if (!body && body.error().code == Errc::kRecordNewer) return body.error();  // No damage.
  if (!body) return Error{Errc::kStoreCorrupt, "pending commit " + std::to_string(place)};
  auto decoded = std::make_shared<Decoded>();
  decoded->commit = {std::move((*commit)->header), std::move(*body), place};
  const auto& records = decoded->commit.body.records;
  for (std::size_t i = 0; i < records.size(); ++i) decoded->places.emplace(records[i].id, i);
  if (decoded_.size() >= kDecodedCommitsKept) decoded_.clear();
  decoded_.emplace(place, decoded);
  return std::shared_ptr<const Decoded>{std::move(decoded)};
}

Edge::InBase Edge::in_base(RecordNumber number) const {
  if (number == 0) return InBase::kNothing;
  return number <= state_.stale_through ? InBase::kStale : InBase::kCurrent;
}

Result<bool> Edge::overlay_pending(ReadTxn& txn, Record& record, InBase base) {
  bool held = base != InBase::kNothing;
  const auto at = overlay_.find(record.id);
  if (at == overlay_.end()) return held;
  const std::vector<std::uint64_t> places = at->second;
  for (const std::uint64_t place : places) {
    // Its effect, if it had one, is in the base of the life that answered it.
    const bool of_former_id = place <= state_.before;
    if (reoffered_.contains(place) && (base != InBase::kCurrent || of_former_id)) continue;
    auto commit = decoded_commit(txn, place);
    if (!commit) return commit.error();
    const RecordWrite* write = (*commit)->find(record.id);
    if (write == nullptr) continue;
    held = held || write->creates;
    record.collection = write->collection;
    const wire::CommitHeader& header = (*commit)->commit.header;
    const Dot dot{header.replica, header.number};
    for (const RegisterWrite& each : write->writes) {
      // An answer may bring a state that has later commits in it: what it counts is not counted
      // again.
      const Entry* counted = each.op == WriteOp::kIncrement
                                 ? record.find(each.field, completed_key(each, dot))
                                 : nullptr;
      if (counted != nullptr && counted->state.context.covers(dot)) continue;
      apply_write(record, each, dot, Stamp{header.stamp});
    }
  }
  return held;
}

Result<std::optional<Record>> Edge::load_base(ReadTxn& txn, const RecordId& id, InBase& base) {
  base = InBase::kNothing;
  auto numbers = txn.find_numbers(std::span{&id, 1});
  if (!numbers) return numbers.error();
  if (numbers->front() == 0) return std::optional<Record>{};
  std::vector<StoredRecord> found;
  const auto unreadable = [&](const Error& error) {
    auto name = is_damage(error.code) ? name_unreadable(txn, id) : error;
    return name ? unreadable_error({&*name, 1}) : name.error();
  };
  if (Status read = txn.find_many(*numbers, found); !read) return unreadable(read.error());
  base = in_base(found.front().number);
  if (base == InBase::kNothing) return std::optional<Record>{};
  auto record = open_record(txn, found.front(), parts_.store.numbers());
  if (!record) return unreadable(record.error());
  return std::optional<Record>{std::move(*record)};
}

Result<std::optional<Record>> Edge::load_shown(ReadTxn& txn, const RecordId& id) {
  InBase in_base{};
  auto base = load_base(txn, id, in_base);
  if (!base) return base.error();
  Record record = *base ? std::move(**base) : Record{0, id, {}};
  auto held = overlay_pending(txn, record, in_base);
  if (!held) return held.error();
  if (!*held) return std::optional<Record>{};
  return std::optional<Record>{std::move(record)};
}

Edge::Permitted Edge::permitted_classes(std::string_view purpose) const {
  Permitted permitted{};
  for (std::size_t i = 0; i < kPrivacyClassCount; ++i) {
    AccessRequest request;
    request.actor = identity_.user;
    request.role = identity_.role;
    request.in_scope = true;
    request.privacy = static_cast<PrivacyClass>(i);
    request.action = Action::kRead;
    request.purpose = purpose;
    permitted[i] = i == 0 || decide(builtin_bundle(), request).permitted();
  }
  return permitted;
}

void Edge::withhold_denied(Record& record, const Permitted& permitted) {
  for (Entry& entry : record.entries) {
    if (permitted[static_cast<std::size_t>(entry.privacy)]) continue;
    entry.withheld = true;
    entry.state = Register{};
  }
}

std::vector<RecordId> Edge::pending_ids() const {
  std::vector<RecordId> ids;
  ids.reserve(overlay_.size());
  for (const auto& [id, numbers] : overlay_) ids.push_back(id);
  return ids;
}

Result<std::vector<PendingCommit>> Edge::pending() {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  std::vector<PendingCommit> commits;
  for (const auto& [place, ids] : outbox_) {
    auto commit = decoded_commit(**txn, place);
    if (!commit) return commit.error();
    commits.push_back((*commit)->commit);
  }
  return commits;
}

Result<std::optional<PendingCommit>> Edge::find_pending(std::uint64_t place) {
  if (damaged_.contains(place)) {
    return Error{Errc::kStoreCorrupt, "pending commit " + std::to_string(place)};
  }
  if (!outbox_.contains(place)) return std::optional<PendingCommit>{};
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto commit = decoded_commit(**txn, place);
  if (!commit) return commit.error();
  return std::optional<PendingCommit>{(*commit)->commit};
}

void Edge::tell(std::span<const RecordChange> changes) const {
  if (listener_ && !changes.empty()) listener_(changes);
}

}  // namespace satchel::sync
