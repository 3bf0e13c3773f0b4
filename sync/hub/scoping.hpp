// Where records belong: what the paths of $scopes come to, and who moves along when a field on
// them changes (sync.md, Scope of a record).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sync/hub/scope_index.hpp"
#include "sync/hub/scope_paths.hpp"
#include "sync/hub/scopes.hpp"

namespace satchel::sync {

// Dependents that move in the commit that moves their roots. A root with more waits, itself and all
// of them, for HubTxn::rescope_next.
inline constexpr std::size_t kDependentsInCommitMax = 1'000;

// Places the records of one commit, which is in the store already but for its row of the log.
// Thread-bound; lives for one commit.
//
// A record without a scope belongs to who made it. One whose path runs through a record that is
// not known yet, or that waits, stays where it is, or with who made it, until that one has its
// place.
class Scoping {
 public:
  Scoping(HubTxn& txn, Sequence seq);

  // A record that the commit wrote.
  struct Written {
    const schema::CollectionDef& collection;
    RecordNumber number = 0;
    const Record& record;  // With the classes of all fields that its paths begin with.
    const Record& before;
    bool fresh = false;
    bool by_device = false;
    std::string maker{};            // Who holds it while no path says anything.
    std::vector<FieldId> fields{};  // That were written.
  };
  // `memberships` are the record's, and become what they are now.
  Status place(const Written& written, std::vector<Membership>& memberships);
  // One record as it is in the store, and all that depends on it, however many.
  Status place_with_dependents(RecordNumber number);
  // One record as it is in the store, alone, its references noted anew.
  Status place_anew(RecordNumber number);
  // What is as old as this record is told of with it, where the commit says its time.
  Status tell_dated(const Written& written);
  // The record, whole, goes for good: it is in no scope, and names nothing.
  Status remove(RecordNumber number, const Record& record);
  // Of what was placed or removed, the index is written with the transaction, or now where much
  // has come together.
  Status finish();
  // Under which the rows of both indexes are found.
  [[nodiscard]] static const Bytes& index_key(const Hub& hub) { return hub.parts_.receipt_key; }
  // Whose place changed, but for the written ones: they are told of with the commit.
  [[nodiscard]] const std::vector<RecordNumber>& moved() const { return moved_; }

 private:
  struct Dependent {
    RecordNumber number = 0;
    RecordId id;
    const schema::CollectionDef* collection = nullptr;
  };
  using Texts = ScopePaths::Texts;
  using OwnTexts = ScopePaths::OwnTexts;

  // Where the paths say, or with its maker. Nothing where a record on the way waits.
  Result<std::optional<Texts>> scopes_of(const schema::CollectionDef& collection,
                                         const OwnTexts& own, const std::string& maker);
  // Nothing where there are more than `most`.
  Result<std::optional<std::vector<Dependent>>> dependents_of(const RecordId& root,
                                                              std::size_t most);
  // Those of them that are there and whose name can be read; the others are noted as damaged, and
  // stay where they are until they are told of again.
  Status look_up(std::span<const RecordNumber> numbers, std::vector<Dependent>& into);
  Result<std::optional<Dependent>> look_up(RecordNumber number);
  // One that cannot be read stays where it is, and is named.
  Status move_dependent(const Dependent& dependent);
  Status try_move(const Dependent& dependent);
  Status note_damage(const DamagedRecord& damaged);
  Status move(RecordNumber number, std::vector<Membership>& memberships, const Texts& scopes,
              bool& moved);
  Status note_references(const Written& written);
  Status wait(RecordNumber number);
  [[nodiscard]] const Bytes& key() const;

  HubTxn& txn_;
  Sequence seq_;
  std::size_t dependents_ = 0;  // Moved so far.
  std::set<RecordNumber> seen_;
  std::vector<RecordNumber> moved_;
  ScopePaths paths_;
};

// Whether writing to a field of `collection` may move records.
bool moves_scopes(const schema::CollectionDef& collection, std::span<const FieldId> fields);
// What the schema says of scopes, as one hash: where it changes, everything is placed anew.
Bytes scopes_digest(const schema::Catalog& catalog);
inline constexpr std::string_view kScopesKey = "hub.scopes";

}  // namespace satchel::sync
