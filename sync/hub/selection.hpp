// What one reader may see of one record, for a page or an answer: door two of policy.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "sync/hub/hub.hpp"
#include "sync/page/page.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {

// Which part of the sequence a page tells of.
struct Reach {
  Sequence after = 0;
  Sequence upto = UINT64_MAX;
  const std::unordered_set<Sequence>* own = nullptr;  // Commits whose registers are left out.
  // Told whole: they could not be read for a while.
  const std::unordered_set<RecordNumber>* repaired = nullptr;
  bool as_whole = false;  // Whether a record that is sent whole may say so.
  // Whether a record that left the reader's scopes is told of. A bootstrap's reader holds nothing.
  bool evicts = true;
  bool narrowed = true;  // Whether the reader's days of history count.
};

// Reads `numbers` in one batch; one by one where damage hides them from each other. What cannot be
// read goes to `damaged`.
Status read_batch(ReadTxn& txn, std::span<const RecordNumber> numbers,
                  std::vector<StoredRecord>& batch, std::vector<RecordNumber>& damaged);

// Thread-bound; all that it is given outlives it.
class Selection {
 public:
  Selection(Hub& hub, ReadTxn& txn, const schema::Catalog& catalog, const Entitlement& entitlement,
            const std::string& purpose);
  // Adds the record to the page, unless there is nothing to send.
  Status select(const StoredRecord& stored, const Reach& reach, PageWriter& writer);
  // Tells the reader to let go of those of the records that he may not hold any more.
  Status let_go(std::span<const RecordNumber> numbers, PageWriter& writer);

 private:
  // When a record is of, as history, and when that was last said.
  struct Dated {
    std::optional<std::int64_t> at_us;  // Nothing: it is no history.
    Sequence said = 0;
  };
  Result<Dated> dated(const StoredRecord& stored, const schema::CollectionDef& collection);
  Result<Dated> own_time(const StoredRecord& stored, const schema::CollectionDef& collection,
                         FieldId at) const;
  // Leaves the record's plain segments in segments_.
  Status open_permitted(const StoredRecord& stored, const RecordHeader& header);

  Hub& hub_;
  ReadTxn& txn_;
  const schema::Catalog& catalog_;
  const Entitlement& entitlement_;
  const std::string& purpose_;
  std::array<bool, kPrivacyClassCount> permitted_{};
  std::vector<Bytes> plain_;
  PageSegments segments_;            // Into plain_.
  std::map<RecordId, Dated> times_;  // Of records by which others are dated.
};

}  // namespace satchel::sync
