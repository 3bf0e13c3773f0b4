// What the server says, put into base: one transaction per message.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "sync/edge/rows.hpp"
#include "sync/page/page.hpp"

namespace satchel::sync {

// Whether the answer says that a register of the commit did not take effect.
bool is_taken_out(const wire::CommitResult& result, const RecordId& id, FieldId field);

// Base as one transaction changes it. Lives for one message. Thread-bound.
class EdgeApply {
 public:
  EdgeApply(Edge& edge, WriteTxn& txn)
      : edge_(edge), txn_(txn), stale_through_(edge.state_.stale_through) {}

  // The server's word on whole registers: replaces base where its seq is not lower.
  Status page(ByteView body);
  // An answered commit of our own becomes part of base at the sequence of its acknowledgement.
  struct Folding {
    bool told = false;       // Pages have told of it already.
    bool reoffered = false;  // An earlier life of the server had answered it.
  };
  Status fold(const PendingCommit& commit, const wire::CommitResult& result, Folding folding);
  // From here on records up to this number are of an earlier reading: a page that tells of one
  // takes its place whole, under a number of its own.
  void hold_stale(RecordNumber through) { stale_through_ = through; }
  // Whether a restored server takes something away: noted from here on (Edge::missing_states).
  Status seek_missing();
  // Drops the records up to `through`: they can be damaged.
  Status drop(RecordNumber through);
  Status drop(std::span<const RecordNumber> numbers);
  // Writes what changed. Then changes() tells what is shown differently.
  Status flush();
  [[nodiscard]] std::vector<RecordChange>& changes() { return changes_; }
  // Something that the message is about does not open here.
  [[nodiscard]] bool met_damage() const { return met_damage_; }

 private:
  struct Held {
    Record record;
    // Of a record that was not held before, as the page brought it, in our numbering: taken in
    // without being read. Then `record` has no entries.
    std::optional<StoredRecord> fresh;
    RecordNumber number = 0;
    RecordNumber stale = 0;  // Its number in an earlier reading, until its place is taken.
    bool existed = false;
    bool unreadable = false;  // It is there, and does not open.
    bool gone = false;
    Sequence seq = 0;
    std::vector<FieldId> fields;
  };
  // Loads the records that are not in hand yet, in one batch.
  Status load(std::span<const RecordId> ids);
  Status read_known(std::span<const RecordNumber> known, std::vector<StoredRecord>& found);
  Status take(const PageReader& page, const PageItem& item);
  Status replace(const PageItem& item, std::vector<Entry> entries);
  // Where nothing of the record is held: false where its registers must be read all the same.
  Result<bool> take_fresh(const PageItem& item, Held& held);
  Status read_fresh(Held& held);
  [[nodiscard]] static bool only_stale(const Held& held);
  Status fold_stale(RecordNumber number, const RecordWrite& write, const PendingCommit& commit,
                    const wire::CommitResult& result);
  Status erase_one(RecordNumber number);
  Status note_missing(const Record& before, const Record* now);
  Status note_replaced(const Held& held);  // By what the page brought.
  Status note_dropped(const StoredRecord& stored);

  Edge& edge_;
  WriteTxn& txn_;
  RecordNumber stale_through_;
  bool met_damage_ = false;
  bool seeking_ = false;
  std::size_t missing_count_ = 0;
  std::unordered_map<RecordId, Held> held_;
  std::vector<RecordId> order_;  // Of first mention: stored in the order in which they came.
  std::vector<RecordChange> changes_;
  std::vector<ReplicaNumber> to_store_;  // By the number of the page in hand.
};

}  // namespace satchel::sync
