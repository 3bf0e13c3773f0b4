// Local commits: numbers, data and outbox entry in one transaction.
#include <algorithm>
#include <array>

#include "schema/model/limits.hpp"
#include "sync/edge/rows.hpp"

namespace satchel::sync {

Result<std::unique_ptr<EdgeWrite>> Edge::begin_write(std::string_view purpose) {
  if (!is_known_purpose(purpose)) return Error{Errc::kPolicyDenied, "unknown purpose"};
  if (outbox_.size() >= limits::kOutboxCommitsMax) {
    return Error{Errc::kLimitExceeded, "the outbox holds " +
                                           std::to_string(limits::kOutboxCommitsMax) +
                                           " commits: sync before writing more"};
  }
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  HybridClock clock{state_.last_stamp};
  const Stamp stamp = clock.tick(static_cast<std::uint64_t>(trusted_now_us() / 1000));
  return std::make_unique<EdgeWrite>(
      *this, std::string{purpose}, Dot{state_.replica, state_.next_commit}, stamp, std::move(*txn));
}

EdgeWrite::EdgeWrite(Edge& edge, std::string purpose, Dot dot, Stamp stamp,
                     std::unique_ptr<WriteTxn> txn)
    : edge_(edge), purpose_(std::move(purpose)), dot_(dot), stamp_(stamp), txn_(std::move(txn)) {
  const auto shown = [this](const schema::CollectionDef&, const RecordId& id) {
    return edge_.load_shown(*txn_, id);
  };
  const auto guard = [this](const schema::CollectionDef& collection, PrivacyClass privacy,
                            FieldId field, bool creating) {
    AccessRequest request;
    request.actor = edge_.identity_.user;
    request.role = edge_.identity_.role;
    request.in_scope = true;  // A device holds only what is in its scopes.
    request.privacy = privacy;
    request.field = field;
    request.action = creating ? Action::kCreate : Action::kWrite;
    request.purpose = purpose_;
    request.trusted_time_us = edge_.trusted_now_us();
    const Decision decision = decide(builtin_bundle(), request);
    if (decision.permitted()) return Status{};
    return Status{
        Error{Errc::kPolicyDenied, collection.name + ": rule " + std::string{decision.rule}}};
  };
  builder_ = std::make_unique<CommitBuilder>(*edge_.catalog_, shown, CommitBuilder::Author::kDevice,
                                             dot_, stamp_, guard);
}

Result<RecordId> EdgeWrite::create(std::string_view collection) {
  auto id = make_record_id(edge_.trusted_now_us(), edge_.entropy());
  if (!id) return id.error();
  SATCHEL_TRY(create(collection, *id));
  return *id;
}

Status EdgeWrite::create(std::string_view collection, const RecordId& id) {
  SATCHEL_TRY(builder_->create(collection, id));
  const schema::CollectionDef* def = edge_.catalog_->find(collection);
  const EdgeIdentity& me = edge_.identity_;
  const auto fill = [&](std::string_view field, const Value& value) -> Status {
    const schema::FieldDef* known = def->find(field);
    if (known == nullptr || known->server_only) return {};
    return builder_->set(collection, id, field, value);
  };
  SATCHEL_TRY(fill("createdAt", Value{edge_.trusted_now_us()}));
  SATCHEL_TRY(fill("createdBy", Value{me.user}));
  SATCHEL_TRY(fill("createdOn", Value{to_text(me.device)}));
  SATCHEL_TRY(fill("owner", Value{me.user}));
  if (const auto territory = edge_.first_territory())
    SATCHEL_TRY(fill("territory", Value{*territory}));
  return {};
}

// The first of those with which the device was enrolled that its user has still, else the first
// that he has now.
std::optional<std::string> Edge::first_territory() const {
  const std::string prefix = std::string{schema::kTerritoryKind} + ':';
  const auto& granted = state_.joining.empty() ? state_.scopes : state_.joining;
  std::optional<std::string> first;
  for (const wire::ScopeState& scope : granted) {
    if (scope.name.starts_with(prefix) && !first) first = scope.name.substr(prefix.size());
  }
  for (const std::string& known : identity_.territories) {
    const bool has = std::any_of(granted.begin(), granted.end(),
                                 [&](const auto& scope) { return scope.name == prefix + known; });
    if (has || granted.empty()) return known;
  }
  // One who holds everything has none among his scopes.
  const bool everything = granted.size() == 1 && granted.front().name == "*";
  if (everything && !identity_.territories.empty()) return identity_.territories.front();
  return first;
}

Result<wire::Commit> EdgeWrite::make_commit(const CommitBody& body) {
  wire::Commit commit;
  commit.sections = encode_body(body);
  std::size_t size = 0;
  for (const wire::Section& section : commit.sections) size += section.bytes.size();
  if (size > limits::kCommitBytesMax) {
    return Error{Errc::kLimitExceeded,
                 "a commit has at most " + std::to_string(limits::kCommitBytesMax) + " bytes"};
  }
  std::array<std::uint8_t, 8> nonce{};
  SATCHEL_TRY(edge_.entropy().fill(nonce));
  wire::CommitHeader& header = commit.header;
  header.replica = dot_.replica;
  header.number = dot_.commit;
  header.stamp = stamp_.bits;
  header.actor = edge_.identity_.user;
  header.purpose = purpose_;
  header.bundle_version = builtin_bundle().version;
  header.schema_hash = edge_.catalog_->hash();
  // What stands from an earlier life is not what this life's server would say.
  if (edge_.state_.stale_through == 0) header.based_on.incarnation = edge_.state_.incarnation;
  header.based_on.seq = edge_.state_.cursor.seq;
  for (const wire::ScopeState& scope : edge_.state_.scopes)
    header.based_on.epochs.emplace_back(scope.name, scope.epoch);
  header.extras.emplace_back(wire::kCommitNonceExtra, Bytes{as_view(nonce)});
  header.content_hash = content_hash(header, commit.sections);
  if (edge_.parts_.seal_to_server) {
    auto sealed = edge_.parts_.seal_to_server(wire::encode_commit(commit));
    if (!sealed) return sealed.error();
    commit.sealed = std::move(*sealed);
  }
  return commit;
}

Result<std::uint64_t> EdgeWrite::commit() {
  if (builder_->empty()) return std::uint64_t{0};
  auto body = builder_->finish();
  if (!body) return body.error();
  if (body->records.empty()) return std::uint64_t{0};
  auto commit = make_commit(*body);
  if (!commit) return commit.error();
  EdgeState state = edge_.state_;
  const std::uint64_t place = state.before + dot_.commit;
  state.next_commit = dot_.commit + 1;
  state.last_stamp = stamp_;
  state.high_water_us = std::max(state.high_water_us, edge_.trusted_now_us());
  SATCHEL_TRY(put_commit(*txn_, Table::kOutbox, place, *commit));
  SATCHEL_TRY(edge_.save_state(*txn_, state));
  SATCHEL_TRY(txn_->commit());
  txn_.reset();
  edge_.state_ = std::move(state);
  edge_.note_pending(place, *body);
  std::vector<RecordChange> changes;
  for (const RecordWrite& write : body->records) {
    RecordChange change{write.collection, write.id, 0, 0, false, {}};
    for (const RegisterWrite& each : write.writes) change.fields.push_back(each.field);
    changes.push_back(std::move(change));
  }
  edge_.tell(changes);
  return place;
}

}  // namespace satchel::sync
