// Who may hold which scopes, and what follows when that changes, or when the schema says otherwise
// where records belong.
#include <algorithm>

#include "schema/model/limits.hpp"
#include "sync/hub/rows.hpp"
#include "sync/hub/scoping.hpp"

namespace satchel::sync {

Entitlement Hub::entitlement_of(const User& user, const schema::Catalog& catalog) {
  Entitlement entitlement;
  entitlement.user = user.name;
  entitlement.role = user.role;
  std::vector<std::string>& scopes = entitlement.scopes;
  if (user.role != Role::kRep) {
    scopes = {"*"};
    return entitlement;
  }
  scopes = {"all", "owner:" + user.name};
  for (const std::string& territory : user.territories)
    scopes.push_back(std::string{schema::kTerritoryKind} + ':' + territory);
  for (const schema::CollectionDef& collection : catalog.collections()) {
    for (const schema::ScopePath& path : collection.scope_paths) {
      if (path.kind != schema::kTerritoryKind) scopes.push_back(path.kind + ':' + user.name);
    }
  }
  std::sort(scopes.begin(), scopes.end());
  scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
  return entitlement;
}

Status HubTxn::put_user(const User& user) {
  if (user.territories.size() > limits::kTerritoriesMax) {
    return Error{Errc::kLimitExceeded,
                 "a user has at most " + std::to_string(limits::kTerritoriesMax) + " territories"};
  }
  const Bytes key = user_key(hub_.parts_.receipt_key, user.name);
  User kept = user;
  auto before = find_user(user.name);
  if (!before) return before.error();
  if (!user.active && (!*before || (*before)->active))
    ledger_due_.push_back({LedgerKind::kUserDisabled, 0, hub_.clock().wall_us(), key});
  if (*before) {
    kept.former = std::move((*before)->former);
    const auto now = Hub::entitlement_of(user, *catalog_).scopes;
    for (std::string& scope : without(Hub::entitlement_of(**before, *catalog_).scopes, now)) {
      std::erase_if(kept.former, [&](const auto& former) { return former.scope == scope; });
      kept.former.push_back({std::move(scope), state_.seq + 1});
    }
    const std::size_t over = kept.former.size() - std::min(kept.former.size(), kFormerScopesMax);
    kept.former.erase(kept.former.begin(), kept.former.begin() + static_cast<std::ptrdiff_t>(over));
  }
  authors_.erase(user.name);
  ++state_.directory;
  return txn_->put(Table::kUsers, key, encode_user(kept));
}

Result<const HubTxn::Author*> HubTxn::author(const std::string& name, Role role) {
  const auto known = authors_.find(name);
  if (known != authors_.end()) return &known->second;
  auto user = find_user(name);
  if (!user) return user.error();
  Author author;
  author.user = *user ? std::move(**user) : User{name, role, {}, true, {}};
  author.now = Hub::entitlement_of(author.user, *catalog_);
  return &authors_.emplace(name, std::move(author)).first->second;
}

Status HubTxn::rescope_next() {
  RecordNumber number = 0;
  Bytes row;
  SATCHEL_TRY(txn_->scan_keys(Table::kMeta, kWaitingKey, [&](ByteView key) {
    if (!key.starts_with(kWaitingKey)) return false;
    row = Bytes{key};
    number = ByteReader{key.substr(kWaitingKey.size())}.u64_big();
    return false;
  }));
  state_changed_ = true;
  if (row.empty()) {
    state_.rescoping = 0;
    return {};
  }
  SATCHEL_TRY(txn_->erase(Table::kMeta, row));
  state_.rescoping -= std::min<std::uint64_t>(state_.rescoping, 1);
  Scoping scoping{*this, state_.seq + 1};
  SATCHEL_TRY(scoping.place_with_dependents(number));
  SATCHEL_TRY(scoping.finish());
  return scoping.moved().empty() ? Status{} : put_telling_row(scoping.moved(), false);
}

Status HubTxn::rescope_everything() {
  for (const Table table : {Table::kScopeMembers, Table::kReferences}) {
    std::vector<Bytes> keys;
    SATCHEL_TRY(txn_->scan_keys(table, {}, [&](ByteView key) {
      keys.emplace_back(key);
      return true;
    }));
    for (const Bytes& key : keys) SATCHEL_TRY(txn_->erase(table, key));
  }
  std::vector<RecordNumber> numbers;
  SATCHEL_TRY(txn_->scan_keys(Table::kRecords, {}, [&](ByteView key) {
    numbers.push_back(ByteReader{key}.u64_big());
    return true;
  }));
  std::vector<Bytes> orphans;
  SATCHEL_TRY(txn_->scan_keys(Table::kScopes, {}, [&](ByteView key) {
    const RecordNumber number = ByteReader{key}.u64_big();
    if (!std::binary_search(numbers.begin(), numbers.end(), number)) orphans.emplace_back(key);
    return true;
  }));
  for (const Bytes& key : orphans) SATCHEL_TRY(txn_->erase(Table::kScopes, key));
  constexpr std::size_t kBatch = 1'024;  // What is remembered of records on the way is let go of.
  for (std::size_t begin = 0; begin < numbers.size(); begin += kBatch) {
    Scoping scoping{*this, state_.seq};
    const std::size_t end = std::min(numbers.size(), begin + kBatch);
    for (std::size_t i = begin; i < end; ++i) SATCHEL_TRY(scoping.place_anew(numbers[i]));
    SATCHEL_TRY(scoping.finish());
  }
  ++state_.scope_epoch;  // Every device takes what it may hold anew.
  state_changed_ = true;
  return txn_->put(Table::kMeta, kScopesKey, scopes_digest(*catalog_));
}

Status Hub::settle_scopes() {
  {
    auto txn = parts_.store.begin_read();
    if (!txn) return txn.error();
    auto digest = (*txn)->find(Table::kMeta, kScopesKey);
    if (!digest) return digest.error();
    if (*digest && **digest == scopes_digest(*catalog())) return {};
  }
  auto txn = begin();
  if (!txn) return txn.error();
  SATCHEL_TRY((*txn)->rescope_everything());
  return (*txn)->commit();
}

}  // namespace satchel::sync
