// Turns what a caller wants into a commit's body: the one set of checks for devices, admins and
// imports.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string_view>

#include "schema/catalog/catalog.hpp"
#include "sync/commit/body.hpp"

namespace satchel::sync {

// Gives the record as its author is shown it (base and own pending), or nothing where he holds
// none.
using ShownRecord =
    std::function<Result<std::optional<Record>>(const schema::CollectionDef&, const RecordId&)>;

// Collects writes on top of what is shown, each checked at the call: kCollectionUnknown,
// kFieldUnknown, kTypeMismatch, kRuleMismatch (an operation that the field's rule does not have, a
// stage move that its table does not allow, a write of a server field by a device), kFieldFrozen (a
// device's write past a $frozenFrom), kRecordRetained (a delete past a $retentionFrom),
// kRecordUnknown, kRecordDeleted, kAlreadyExists, kLimitExceeded, kReferenceCycle. A failed call
// changes nothing. Later calls see earlier ones. Thread-bound.
class CommitBuilder {
 public:
  enum class Author : std::uint8_t { kDevice, kServer };

  // Asked before each write: policy's door. An Error is given to the caller and nothing is written.
  using Guard =
      std::function<Status(const schema::CollectionDef&, PrivacyClass, FieldId, bool creating)>;

  CommitBuilder(const schema::Catalog& catalog, ShownRecord shown, Author author, Dot dot,
                Stamp stamp, Guard guard = {});

  // A new record, life written. The caller makes the id (UUIDv7).
  Status create(std::string_view collection, const RecordId& id);
  // A plain field; a null value clears. For max and min a candidate. For stage fields the move is
  // checked.
  Status set(std::string_view collection, const RecordId& id, std::string_view field,
             const Value& value);
  // The same after `accept` has let the reader of a conflict choose: no move check, observes all
  // siblings.
  Status resolve(std::string_view collection, const RecordId& id, std::string_view field,
                 const Value& value);
  // One entry of a map; null removes it.
  Status set_entry(std::string_view collection, const RecordId& id, std::string_view field,
                   const Value& key, const Value& value);
  Status add(std::string_view collection, const RecordId& id, std::string_view field,
             std::int64_t increment);
  Status set_add(std::string_view collection, const RecordId& id, std::string_view field,
                 const Value& element);
  Status set_remove(std::string_view collection, const RecordId& id, std::string_view field,
                    const Value& element);
  Status log_append(std::string_view collection, const RecordId& id, std::string_view field,
                    const Value& value);
  // A delete; kRecordUnknown where life was not shown.
  Status erase(std::string_view collection, const RecordId& id);
  Status restore(std::string_view collection, const RecordId& id);  // Brings a deleted record back.

  // The record as it would be shown with the writes so far.
  Result<std::optional<Record>> shown(const schema::CollectionDef& collection, const RecordId& id);
  [[nodiscard]] bool empty() const { return records_.empty(); }
  [[nodiscard]] const CommitBody& peek() const { return body_; }
  // Required fields of created records are checked here: kRequiredMissing; and once more, now that
  // all references are known, what is frozen. Entries that reopen a record say so here. The builder
  // is empty afterwards.
  Result<CommitBody> finish();

 private:
  struct Work {
    std::size_t index = 0;  // into body_.records
    Record original;        // as shown before this commit
    Record current;         // with this commit's writes
    bool held = false;      // whether it was shown before this commit
  };
  struct Target {
    const schema::CollectionDef* collection = nullptr;
    const schema::FieldDef* field = nullptr;
    Work* work = nullptr;
  };

  Result<Work*> work_on(const schema::CollectionDef& collection, const RecordId& id,
                        bool may_create);
  Result<Target> target(std::string_view collection, const RecordId& id, std::string_view field);
  Status write(const Target& target, WriteOp op, Bytes key, const Value& value);
  // The record as it was before this commit.
  Result<std::optional<Record>> before(const schema::CollectionDef& collection, const RecordId& id);
  Status check_frozen(const schema::CollectionDef& collection, const schema::FieldDef& field,
                      const RecordWrite& record);
  // A stage, moved or chosen; with it goes what it takes notice of (docs/MERGE_RULES.md,
  // Reopening).
  Status write_stage(const Target& target, const Value& value);
  Status check_move(const Target& target, const Value& value) const;
  Status mark_reopened(Work& work);
  Status write_life(Work& work, const Bytes& life);
  const schema::Catalog& catalog_;
  ShownRecord shown_;
  Author author_;
  Guard guard_;
  Dot dot_;
  Stamp stamp_;
  CommitBody body_;
  std::map<RecordId, Work> records_;
  std::uint16_t next_place_ = 0;
};

}  // namespace satchel::sync
