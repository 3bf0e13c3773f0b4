// The body of a Changes frame and of the states in an Ack: whole registers of records.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/container/small_vector.hpp>

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
struct PageSegment {
  PrivacyClass privacy = PrivacyClass::kCompany;
  ByteView bytes;
};
using PageSegments = boost::container::small_vector<PageSegment, 4>;

struct PageItem {
  CollectionId collection = 0;
  RecordId id;
  bool evict = false;
  bool whole = false;
  std::string scope;      // Of an evict.
  PageSegments segments;  // By rising class; life in class kStructure. In the page's numbering.
};

// Thread-bound.
class PageWriter {
 public:
  // Segments will come in the numbering of `source`, which outlives the writer.
  explicit PageWriter(const ReplicaNumbers& source) : source_(source) {}

  void add_evict(CollectionId collection, const RecordId& id, std::string_view scope);
  // Adds of each segment what `keep` accepts, null for all; false where that is nothing, and no
  // item is added. Errors: those of transcode_segment.
  Result<bool> add(CollectionId collection, const RecordId& id, bool whole,
                   std::span<const PageSegment> segments, const KeepEntry* keep);
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  Bytes finish();

 private:
  void begin_item(std::uint8_t flags, CollectionId collection, const RecordId& id);
  Result<Bytes> transcode(ByteView segment, const KeepEntry* keep);

  const ReplicaNumbers& source_;
  ReplicaNumbers replicas_;
  std::vector<ReplicaNumber> to_page_;  // By the source's number.
  std::vector<CollectionId> collections_;
  Bytes items_;
  std::size_t count_ = 0;
};

// Reads item by item, so that a page of any size costs one item's memory. Thread-bound; the page
// must outlive it and the items' segments.
class PageReader {
 public:
  // kFrameMalformed, kRecordNewer.
  static Result<PageReader> open(ByteView page);
  // The next item, false at the end. What its segments hold is not looked at. kFrameMalformed.
  Result<bool> next(PageItem& item);
  // The item's registers, sorted by (class, field, key). Errors: those of decode_segment.
  Status decode(const PageItem& item, std::vector<Entry>& entries) const;
  // The page's own table: what its segments' numbers stand for.
  [[nodiscard]] const ReplicaNumbers& replicas() const { return *replicas_; }

 private:
  explicit PageReader(ByteView items) : in_(items) {}
  std::unique_ptr<ReplicaNumbers> replicas_;
  std::vector<CollectionId> collections_;
  ByteReader in_;
  std::uint64_t left_ = 0;
};

}  // namespace satchel::sync
