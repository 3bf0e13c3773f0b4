#include "sync/page/page.hpp"

#include <algorithm>

namespace satchel::sync {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kEvict = 1;
constexpr std::uint8_t kWhole = 2;

Error malformed() {
  return Error{Errc::kFrameMalformed, "a page's bytes do not follow the page format"};
}

std::size_t index_of(std::vector<CollectionId>& collections, CollectionId id) {
  const auto at = std::find(collections.begin(), collections.end(), id);
  if (at != collections.end()) return static_cast<std::size_t>(at - collections.begin());
  collections.push_back(id);
  return collections.size() - 1;
}

}  // namespace

void PageWriter::begin_item(std::uint8_t flags, CollectionId collection, const RecordId& id) {
  ++count_;
  items_ += static_cast<char>(flags);
  append_varint(items_, index_of(collections_, collection));
  items_ += id.bytes();
}

void PageWriter::add_evict(CollectionId collection, const RecordId& id, std::string_view scope) {
  begin_item(kEvict, collection, id);
  append_sized(items_, scope);
}

Result<Bytes> PageWriter::transcode(ByteView segment, const KeepEntry* keep) {
  auto bytes = transcode_segment(segment, to_page_, keep);
  if (bytes || bytes.error().code != Errc::kRecordMalformed) return bytes;
  // Most likely it names a replica that the page does not know yet.
  std::vector<ReplicaNumber> named;
  SATCHEL_TRY(numbers_in_segment(segment, named));
  for (const ReplicaNumber number : named) {
    ReplicaId id;
    if (!source_.id_of(number, id)) return bytes;
    if (number >= to_page_.size()) to_page_.resize(number + std::size_t{1}, kNoNumber);
    to_page_[number] = replicas_.number_of(id);
  }
  return transcode_segment(segment, to_page_, keep);
}

Result<bool> PageWriter::add(CollectionId collection, const RecordId& id, bool whole,
                             std::span<const PageSegment> segments, const KeepEntry* keep) {
  boost::container::small_vector<std::pair<PrivacyClass, Bytes>, 4> kept;
  for (const PageSegment& segment : segments) {
    auto bytes = transcode(segment.bytes, keep);
    if (!bytes) return bytes.error();
    if (!bytes->empty()) kept.emplace_back(segment.privacy, std::move(*bytes));
  }
  if (kept.empty()) return false;
  begin_item(whole ? kWhole : 0, collection, id);
  append_varint(items_, kept.size());
  for (const auto& [privacy, bytes] : kept) {
    items_ += static_cast<char>(privacy);
    items_ += '\0';  // No subjects today.
    append_sized(items_, bytes);
  }
  return true;
}

Bytes PageWriter::finish() {
  Bytes page;
  page.reserve(items_.size() + 64 + replicas_.size() * 16);
  page += static_cast<char>(kFormat);
  append_varint(page, replicas_.size());
  for (ReplicaNumber number = 0; number < replicas_.size(); ++number) {
    ReplicaId id;
    SATCHEL_ASSERT(replicas_.id_of(number, id));
    page += id.bytes();
  }
  append_varint(page, collections_.size());
  for (const CollectionId id : collections_) append_u64(page, id);
  append_varint(page, count_);
  page += items_;
  return page;
}

Result<PageReader> PageReader::open(ByteView page) {
  ByteReader in{page};
  if (in.u8() != kFormat) return Error{Errc::kRecordNewer, "the page is of another format than 1"};
  PageReader reader{page};
  reader.replicas_ = std::make_unique<ReplicaNumbers>();
  const std::uint64_t replicas = in.varint();
  if (replicas > in.left() / 16) return malformed();
  for (std::uint64_t i = 0; i < replicas; ++i) {
    const auto id = ReplicaId::from_bytes(in.take(16));
    if (!id || reader.replicas_->number_of(*id) != i) return malformed();
  }
  const std::uint64_t collections = in.varint();
  if (collections > in.left() / 8) return malformed();
  for (std::uint64_t i = 0; i < collections; ++i) reader.collections_.push_back(in.u64());
  reader.left_ = in.varint();
  if (in.failed() || reader.left_ > in.left()) return malformed();
  reader.in_ = in;
  return reader;
}

Result<bool> PageReader::next(PageItem& item) {
  if (left_ == 0) {
    if (!in_.finished()) return malformed();
    return false;
  }
  --left_;
  const std::uint8_t flags = in_.u8();
  const std::uint64_t collection = in_.varint();
  const auto id = RecordId::from_bytes(in_.take(16));
  if (in_.failed() || flags > 3 || collection >= collections_.size() || !id) return malformed();
  item.collection = collections_[collection];
  item.id = *id;
  item.evict = (flags & kEvict) != 0;
  item.whole = (flags & kWhole) != 0;
  item.segments.clear();
  item.scope.clear();
  if (item.evict) {
    item.scope = in_.sized();
    if (in_.failed()) return malformed();
    return true;
  }
  const std::uint64_t segments = in_.varint();
  if (segments > kPrivacyClassCount) return malformed();
  int previous = -1;
  for (std::uint64_t i = 0; i < segments; ++i) {
    const std::uint8_t privacy = in_.u8();
    const std::uint8_t subjects = in_.u8();
    in_.take(std::uint64_t{subjects} * 16);
    const ByteView segment = in_.sized();
    if (in_.failed() || privacy >= kPrivacyClassCount || privacy <= previous) return malformed();
    previous = privacy;
    item.segments.push_back({static_cast<PrivacyClass>(privacy), segment});
  }
  return true;
}

Status PageReader::decode(const PageItem& item, std::vector<Entry>& entries) const {
  for (const PageSegment& segment : item.segments) {
    SATCHEL_TRY(decode_segment(segment.bytes, segment.privacy, *replicas_, entries));
  }
  return {};
}

}  // namespace satchel::sync
