// The body of a Changes frame and of the states in an Ack: whole registers of records.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "schema/model/varint.hpp"
#include "sync/record/segment.hpp"

namespace satchel::sync {

// Format 1. The page numbers the replicas and collections that it mentions by itself.
//
//   page     format (u8 = 1) | replica count | ids (16 each) | collection count | ids (u64 LE each)
//            | item count | items
//   item     flags (u8) | collection index | id (16) | [scope: length, text]  (evict only)
//            | segment count | segments                                      (others)
//   flags    bit 0  evict: the receiver no longer holds the record for this scope
//            bit 1  whole: what the receiver holds of the record is replaced by this
//   segment  class (u8) | subject count (u8) | subject refs (16 each) | length
//            | segment (sync/record/segment.hpp)
struct PageItem {
  CollectionId collection = 0;
  RecordId id;
  bool evict = false;
  bool whole = false;
  std::string scope;           // Of an evict.
  std::vector<Entry> entries;  // Sorted by (class, field, key); life in class kStructure.
};

// Thread-bound.
class PageWriter {
 public:
  void add(const PageItem& item);
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  Bytes finish();

 private:
  ReplicaNumbers replicas_;
  std::vector<CollectionId> collections_;
  Bytes items_;
  std::size_t count_ = 0;
};

// Reads item by item, so that a page of any size costs one item's memory. Thread-bound; the page
// must outlive it.
class PageReader {
 public:
  // kFrameMalformed, kRecordNewer.
  static Result<PageReader> open(ByteView page);
  // The next item, false at the end. kFrameMalformed, kRecordMalformed, kRecordNewer.
  Result<bool> next(PageItem& item);

 private:
  explicit PageReader(ByteView items) : in_(items) {}
  std::unique_ptr<ReplicaNumbers> replicas_;
  std::vector<CollectionId> collections_;
  ByteReader in_;
  std::uint64_t left_ = 0;
};

}  // namespace satchel::sync
