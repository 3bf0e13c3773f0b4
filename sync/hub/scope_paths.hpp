// What the paths of $scopes come to for one record, as the store stands.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sync/hub/hub.hpp"

namespace satchel::sync {

// A row for each root that waits: key = this, record number (big-endian); no value to speak of.
inline constexpr std::string_view kWaitingKey = "hub.rescope.";
Bytes waiting_key(RecordNumber number);

// Thread-bound; all that it is given outlives it, and is of one snapshot or transaction.
class ScopePaths {
 public:
  using Texts = std::vector<std::string>;
  // What one field of the record in hand says.
  using OwnTexts = std::function<Result<Texts>(const schema::FieldDef& field)>;
  // Told of a record on the way that cannot be read, and so says nothing.
  using OnDamage = std::function<Status(const DamagedRecord& damaged)>;
  ScopePaths(ReadTxn& txn, const schema::Catalog& catalog, const ReplicaNumbers& numbers,
             const HubState& state, OnDamage on_damage);

  // Sorted, each once. Nothing where a record on the way waits; empty where no path says anything:
  // then the record is its maker's.
  Result<std::optional<Texts>> scopes_of(const schema::CollectionDef& collection,
                                         const OwnTexts& own);
  // Of another record; remembered for as long as this lives.
  Result<Texts> texts_of(const RecordId& id, const schema::FieldDef& field,
                         CollectionId collection);
  // Whether the record and all that hangs on it is still to be moved.
  [[nodiscard]] Result<bool> is_waiting(RecordNumber number) const;

 private:
  Result<std::optional<Texts>> path_ends(const schema::ScopePath& path, const OwnTexts& own);

  ReadTxn& txn_;
  const schema::Catalog& catalog_;
  const ReplicaNumbers& numbers_;
  const HubState& state_;
  OnDamage on_damage_;
  std::map<std::pair<RecordId, FieldId>, Texts> texts_;  // Of records that paths ran through.
};

}  // namespace satchel::sync
