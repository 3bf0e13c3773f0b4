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

void PageWriter::add(const PageItem& item) {
  ++count_;
  items_ += static_cast<char>((item.evict ? kEvict : 0) | (item.whole ? kWhole : 0));
  append_varint(items_, index_of(collections_, item.collection));
  items_ += item.id.bytes();
  if (item.evict) {
    append_sized(items_, item.scope);
    return;
  }
  const std::span<const Entry> entries{item.entries};
  std::size_t classes = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i == 0 || entries[i].privacy != entries[i - 1].privacy) ++classes;
  }
  append_varint(items_, classes);
  for (std::size_t begin = 0; begin < entries.size();) {
    std::size_t end = begin + 1;
    while (end < entries.size() && entries[end].privacy == entries[begin].privacy) ++end;
    items_ += static_cast<char>(entries[begin].privacy);
    items_ += '\0';  // No subjects today.
    append_sized(items_, encode_segment(entries.subspan(begin, end - begin), replicas_));
    begin = end;
  }
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
  item.entries.clear();
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
    SATCHEL_TRY(
        decode_segment(segment, static_cast<PrivacyClass>(privacy), *replicas_, item.entries));
  }
  return true;
}

}  // namespace satchel::sync
