// One row of an import as a record: under which id, and with which values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/admin/assignment.hpp"
#include "server/admin/import_batch.hpp"

namespace satchel::server {

// Keys of one collection's living records.
using KeyIndex = std::unordered_map<std::string, RecordId>;
// By "collection key".
using KeyIndexes = std::map<std::string, KeyIndex, std::less<>>;

// The key by which rows name the records of their own.
inline constexpr std::string_view kIdKey = "id";

// Reads the rows of one batch. Thread-bound; several may share indexes that nobody writes to.
class RowReader {
 public:
  // Where a row's own trouble goes, by field.
  using Complain = std::function<void(const std::string& field, const Error& error)>;

  // `indexes` hold every key that the batch looks up. `fresh`: keys of the batch's own collection
  // that came since; may be null.
  RowReader(const ImportBatch& batch, const schema::CollectionDef& collection,
            const KeyIndexes& indexes, const KeyIndex* fresh);

  // Nothing after a complaint.
  std::optional<RecordId> id_of(const ImportRow& row, const WorkspaceId& workspace,
                                const Complain& complain) const;
  // Puts the row's values onto the record, which is `shown` so; false after a complaint.
  bool assign(sync::CommitBuilder& builder, const sync::Record& shown, const ImportRow& row,
              const Complain& complain);

 private:
  // What goes into the field: the text as given, or the id of the record that it refers to.
  Result<const Assignment*> resolved(const ImportValue& value);
  [[nodiscard]] const RecordId* find_fresh(const std::string& key) const;

  const ImportBatch& batch_;
  const schema::CollectionDef& collection_;
  const KeyIndex* own_ = nullptr;
  const KeyIndex* fresh_ = nullptr;
  std::vector<Assignment> assignments_;      // By field; the text is the row's at hand.
  std::vector<const KeyIndex*> references_;  // The same; null where nothing is looked up.
};

}  // namespace satchel::server
