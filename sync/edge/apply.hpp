// What the server says, put into base: one transaction per message.
#pragma once

#include <unordered_map>
#include <vector>

#include "sync/edge/rows.hpp"
#include "sync/page/page.hpp"

namespace satchel::sync {

// Base as one transaction changes it. Lives for one message. Thread-bound.
class EdgeApply {
 public:
  EdgeApply(Edge& edge, WriteTxn& txn) : edge_(edge), txn_(txn) {}

  // The server's word on whole registers: replaces base where its seq is not lower.
  Status page(ByteView body);
  // An answered commit of our own becomes part of base at the sequence of its acknowledgement.
  Status fold(const PendingCommit& commit, const wire::CommitResult& result);
  // Everything held is dropped: a new incarnation, or the start of a bootstrap.
  Status drop_base();
  // Writes what changed. Then changes() tells what is shown differently.
  Status flush();
  [[nodiscard]] std::vector<RecordChange>& changes() { return changes_; }

 private:
  struct Held {
    Record record;
    RecordNumber number = 0;
    bool existed = false;
    bool gone = false;
    Sequence seq = 0;
    std::vector<FieldId> fields;
  };
  // Loads the records that are not in hand yet, in one batch.
  Status load(std::span<const RecordId> ids);
  Status take(const PageItem& item);

  Edge& edge_;
  WriteTxn& txn_;
  std::unordered_map<RecordId, Held> held_;
  std::vector<RecordId> order_;  // Of first mention: stored in the order in which they came.
  std::vector<RecordChange> changes_;
};

}  // namespace satchel::sync
