#include "sync/hub/hub.hpp"

#include <algorithm>
#include <array>

#include "crypto/hash.hpp"
#include "sync/hub/rows.hpp"
#include "sync/hub/scoping.hpp"
#include "sync/record/header.hpp"
#include "sync/store/schema_row.hpp"

namespace satchel::sync {
namespace {

Result<std::shared_ptr<const schema::Catalog>> load_schema(ReadTxn& txn) {
  auto hash = txn.find(Table::kMeta, kHubSchemaKey);
  if (!hash) return hash.error();
  if (!*hash) return Error{Errc::kStoreMissing, "the store has no schema: run init first"};
  return find_schema(txn, **hash);
}

template <class Row, class Decode>
Result<std::optional<Row>> find_row(ReadTxn& txn, Table table, ByteView key, Decode decode) {
  auto bytes = txn.find(table, key);
  if (!bytes) return bytes.error();
  if (!*bytes) return std::optional<Row>{};
  auto row = decode(**bytes);
  if (!row) return row.error();
  return std::optional<Row>{std::move(*row)};
}

template <class Row, class Decode>
Result<std::vector<Row>> all_rows(ReadTxn& txn, Table table, Decode decode) {
  std::vector<Row> rows;
  Status decoded;
  const auto visit = [&](ByteView, ByteView value) {
    auto row = decode(value);
    if (!row) {
      decoded = row.error();
      return false;
    }
    rows.push_back(std::move(*row));
    return true;
  };
  SATCHEL_TRY(txn.scan(table, {}, visit));
  SATCHEL_TRY(decoded);
  return rows;
}

}  // namespace

Result<std::unique_ptr<Hub>> Hub::create(Parts parts, const WorkspaceId& workspace,
                                         std::shared_ptr<const schema::Catalog> catalog) {
  auto incarnation = crypto::random_id<IncarnationId>(parts.entropy);
  if (!incarnation) return incarnation.error();
  HubState state;
  state.workspace = workspace;
  state.incarnation = *incarnation;
  auto txn = parts.store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY((*txn)->put(Table::kMeta, kStateKey, encode_hub_state(state)));
  SATCHEL_TRY(put_schema_row(**txn, kHubSchemaKey, *catalog));
  SATCHEL_TRY((*txn)->put(Table::kMeta, kScopesKey, scopes_digest(*catalog)));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  return open(std::move(parts));
}

Result<HubState> Hub::read_state(Store& store) {
  auto txn = store.begin_read();
  if (!txn) return txn.error();
  auto bytes = (*txn)->find(Table::kMeta, kStateKey);
  if (!bytes) return bytes.error();
  if (!*bytes) return Error{Errc::kStoreMissing, "the store holds no workspace: run init first"};
  return decode_hub_state(**bytes);
}

Result<std::unique_ptr<Hub>> Hub::open(Parts parts) {
  std::unique_ptr<Hub> hub{new Hub(std::move(parts))};
  auto txn = hub->parts_.store.begin_write();
  if (!txn) return txn.error();
  auto bytes = (*txn)->find(Table::kMeta, kStateKey);
  if (!bytes) return bytes.error();
  if (!*bytes) return Error{Errc::kStoreMissing, "the store holds no workspace: run init first"};
  auto state = decode_hub_state(**bytes);
  if (!state) return state.error();
  auto catalog = load_schema(**txn);
  if (!catalog) return catalog.error();
  // A new replica id after every start: an older copy of this store can never repeat our dots.
  auto self = crypto::random_id<ReplicaId>(hub->parts_.entropy);
  if (!self) return self.error();
  state->self = *self;
  state->self_next = 1;
  SATCHEL_TRY((*txn)->put(Table::kMeta, kStateKey, encode_hub_state(*state)));
  SATCHEL_TRY((*txn)->commit());
  hub->state_ = std::move(*state);
  hub->catalog_ = std::move(*catalog);
  txn->reset();
  SATCHEL_TRY(hub->settle_damaged());
  SATCHEL_TRY(hub->settle_scopes());
  return hub;
}

HubState Hub::state() const {
  const std::lock_guard lock{mutex_};
  return state_;
}

std::shared_ptr<const schema::Catalog> Hub::catalog() const {
  const std::lock_guard lock{mutex_};
  return catalog_;
}

Result<std::unique_ptr<HubTxn>> Hub::begin() {
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  return std::make_unique<HubTxn>(*this, std::move(*txn));
}

Result<std::optional<User>> Hub::find_user(const std::string& name) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  return find_row<User>(**txn, Table::kUsers, user_key(parts_.receipt_key, name), decode_user);
}

Result<std::vector<User>> Hub::users() {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto users = all_rows<User>(**txn, Table::kUsers, decode_user);
  if (users)
    std::sort(users->begin(), users->end(),
              [](const User& a, const User& b) { return a.name < b.name; });
  return users;
}

Result<std::optional<Device>> Hub::find_device(const DeviceId& id) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  return find_row<Device>(**txn, Table::kDevices, id.bytes(), decode_device);
}

Result<std::vector<Device>> Hub::devices() {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  return all_rows<Device>(**txn, Table::kDevices, decode_device);
}

Result<std::optional<ReplicaState>> Hub::find_replica(const ReplicaId& id) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  return find_row<ReplicaState>(**txn, Table::kWatermarks, id.bytes(), decode_replica_state);
}

Result<Bytes> Hub::hash_of(const Dot& commit) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto row = (*txn)->find(Table::kResults, answer_key(commit.replica, commit.commit));
  if (!row) return row.error();
  if (!*row) return Bytes{};
  auto answer = decode_answer(**row);
  if (!answer) return answer.error();
  return std::move(answer->content_hash);
}

Result<std::vector<std::pair<ReplicaId, ReplicaState>>> Hub::replicas() {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  std::vector<std::pair<ReplicaId, ReplicaState>> found;
  Status decoded;
  const auto visit = [&](ByteView key, ByteView value) {
    auto state = decode_replica_state(value);
    const auto id = ReplicaId::from_bytes(key);
    if (!state || !id) {
      decoded = state ? Status{Error{Errc::kStoreCorrupt, "a replica's key"}} : state.error();
      return false;
    }
    found.emplace_back(*id, std::move(*state));
    return true;
  };
  SATCHEL_TRY((*txn)->scan(Table::kWatermarks, {}, visit));
  SATCHEL_TRY(decoded);
  return found;
}

Result<std::string> Hub::author_of(const ReplicaId& replica) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto state =
      find_row<ReplicaState>(**txn, Table::kWatermarks, replica.bytes(), decode_replica_state);
  if (!state) return state.error();
  if (!*state) return std::string{};
  auto device = find_row<Device>(**txn, Table::kDevices, (*state)->device.bytes(), decode_device);
  if (!device) return device.error();
  return *device ? std::move((*device)->user) : std::string{};
}

Result<Bytes> Hub::schema_nodes(ByteView hash) {
  // Not from the store, where it may have rotted since.
  if (const auto in_force = catalog(); in_force->hash() == hash) return in_force->serialized();
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto nodes = (*txn)->find(Table::kSchemas, hash);
  if (!nodes) return nodes.error();
  if (!*nodes) return Error{Errc::kSchemaUnknown, to_hex(hash)};
  return std::move(**nodes);
}

Entitlement Hub::entitlement_of(const User& user) const { return entitlement_of(user, *catalog()); }

Result<std::optional<Record>> Hub::find_record(const RecordId& id) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto numbers = (*txn)->find_numbers(std::span{&id, 1});
  if (!numbers) return numbers.error();
  return open_by_number(**txn, parts_.store.numbers(), id, numbers->front());
}

Result<bool> Hub::knows_life(const IncarnationId& incarnation) {
  if (incarnation.is_zero() || incarnation == state().incarnation) return true;
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto row = (*txn)->find(Table::kMeta, life_key(incarnation));
  if (!row) return row.error();
  return row->has_value();
}

namespace {

constexpr std::string_view kFenceDomain = "satchel fence v1";
constexpr std::size_t kFenceBodyBytes = 16;

Bytes with_mac(ByteView key, const ReplicaId& replica, ByteView body) {
  Bytes message{kFenceDomain};
  message += replica.bytes();
  message += body;
  return Bytes{body} + crypto::hmac_sha256(key, message).substr(0, 8);
}

}  // namespace

std::uint64_t Hub::fence_number(const ReplicaId& replica, ByteView token) const {
  if (token.size() < kFenceBodyBytes) return 0;
  const Bytes ours = with_mac(parts_.receipt_key, replica, token.substr(0, kFenceBodyBytes));
  if (!crypto::constant_time_equal(ours, token)) return 0;
  return ByteReader{token}.u64_big();
}

Result<Bytes> Hub::next_fence(const ReplicaId& replica, ByteView last_issued) {
  std::array<std::uint8_t, 8> random{};
  SATCHEL_TRY(parts_.entropy.fill(random));
  Bytes body;
  append_u64_big(body, fence_number(replica, last_issued) + 1);
  body += as_view(random);
  return with_mac(parts_.receipt_key, replica, body);
}

// -- HubTxn --

HubTxn::HubTxn(Hub& hub, std::unique_ptr<WriteTxn> txn)
    : hub_(hub), txn_(std::move(txn)), state_(hub.state()), catalog_(hub.catalog()) {}

Status HubTxn::put_device(const Device& device) {
  if (device.revoked) {
    auto known = find_device(device.id);
    if (!known) return known.error();
    const bool news = !*known || !(*known)->revoked || (device.wipe && !(*known)->wipe);
    if (news) {
      const std::uint8_t flags = device.wipe ? kLedgerWipe : 0;
      ledger_due_.push_back(
          {LedgerKind::kRevocation, flags, hub_.clock().wall_us(), Bytes{device.id.bytes()}});
    }
  }
  return txn_->put(Table::kDevices, device.id.bytes(), encode_device(device));
}

Result<std::optional<User>> HubTxn::find_user(const std::string& name) {
  return find_row<User>(*txn_, Table::kUsers, user_key(hub_.parts_.receipt_key, name), decode_user);
}

Result<std::optional<Device>> HubTxn::find_device(const DeviceId& id) {
  return find_row<Device>(*txn_, Table::kDevices, id.bytes(), decode_device);
}

Status HubTxn::put_code(const EnrolmentCode& code) {
  return txn_->put(Table::kCodes, code.secret_hash, encode_code(code));
}

Result<EnrolmentCode> HubTxn::redeem(ByteView secret_hash, std::int64_t now_us) {
  auto code = find_row<EnrolmentCode>(*txn_, Table::kCodes, secret_hash, decode_code);
  if (!code) return code.error();
  if (!*code) return Error{Errc::kEnrolmentInvalid};
  if ((*code)->used) return Error{Errc::kEnrolmentUsed};
  if (now_us >= (*code)->expires_us) return Error{Errc::kEnrolmentExpired};
  (*code)->used = true;
  SATCHEL_TRY(put_code(**code));
  return std::move(**code);
}

Result<ReplicaState> HubTxn::replica_state(const ReplicaId& id) {
  auto row = find_row<ReplicaState>(*txn_, Table::kWatermarks, id.bytes(), decode_replica_state);
  if (!row) return row.error();
  return *row ? std::move(**row) : ReplicaState{};
}

Status HubTxn::put_replica_state(const ReplicaId& id, const ReplicaState& state) {
  return txn_->put(Table::kWatermarks, id.bytes(), encode_replica_state(state));
}

Status HubTxn::trim_results(const ReplicaId& id, CommitNumber confirmed, ReplicaState& state) {
  constexpr CommitNumber kTrimmedAtOnce = 4'096;
  const CommitNumber end = std::min(confirmed + 1, state.results_kept_from + kTrimmedAtOnce);
  for (; state.results_kept_from < end; ++state.results_kept_from) {
    SATCHEL_TRY(txn_->erase(Table::kResults, answer_key(id, state.results_kept_from)));
  }
  return {};
}

Status HubTxn::put_schema(std::shared_ptr<const schema::Catalog> catalog) {
  SATCHEL_TRY(catalog->accepts_successor_of(*catalog_));
  SATCHEL_TRY(put_schema_row(*txn_, kHubSchemaKey, *catalog));
  const bool moved = scopes_digest(*catalog) != scopes_digest(*catalog_);
  catalog_ = std::move(catalog);
  return moved ? rescope_everything() : Status{};
}

Status HubTxn::begin_incarnation() {
  auto incarnation = crypto::random_id<IncarnationId>(hub_.parts_.entropy);
  if (!incarnation) return incarnation.error();
  SATCHEL_TRY(note_life(state_.incarnation));
  state_.incarnation = *incarnation;
  state_.recovering = true;
  state_changed_ = true;
  return {};
}

Status HubTxn::note_life(const IncarnationId& incarnation) {
  return txn_->put(Table::kMeta, life_key(incarnation), "over");
}

Status HubTxn::end_recovery() {
  state_.recovering = false;
  state_changed_ = true;
  return {};
}

Status HubTxn::set_backed_up_through(Sequence seq) {
  state_.backed_up_through = std::max(state_.backed_up_through, seq);
  state_changed_ = true;
  return {};
}

Status HubTxn::commit() {
  SATCHEL_TRY(tell_ledger());
  SATCHEL_TRY(members_.write(*txn_, hub_.parts_.receipt_key));
  if (state_changed_) SATCHEL_TRY(txn_->put(Table::kMeta, kStateKey, encode_hub_state(state_)));
  SATCHEL_TRY(txn_->commit());
  {
    const std::lock_guard lock{hub_.mutex_};
    hub_.state_ = state_;
    hub_.catalog_ = catalog_;
    for (const DamagedRecord& each : found_damaged_) hub_.damaged_[each.number] = each;
    for (const RecordNumber each : repaired_) hub_.damaged_.erase(each);
  }
  if (!hub_.parts_.on_damaged) return {};
  for (const DamagedRecord& each : found_damaged_) hub_.parts_.on_damaged(each);
  return {};
}

}  // namespace satchel::sync
