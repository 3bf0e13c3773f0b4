#include "tests/sim/rot.hpp"

namespace satchel::sim {
namespace {

constexpr std::string_view kRotten = "\1garbage";  // Opens as nothing.

Result<sync::StoredRecord> find_stored(sync::ReadTxn& txn, RecordNumber number) {
  std::vector<sync::StoredRecord> found;
  SATCHEL_TRY(txn.find_many(std::span{&number, 1}, found));
  return std::move(found.front());
}

}  // namespace

Result<std::optional<Rot>> Rot::begin(sync::Store& store, const RecordId& id, bool nameless) {
  auto txn = store.begin_write();
  if (!txn) return txn.error();
  auto numbers = (*txn)->find_numbers(std::span{&id, 1});
  if (!numbers) return numbers.error();
  if (numbers->front() == 0) return std::optional<Rot>{};
  auto whole = find_stored(**txn, numbers->front());
  if (!whole) return whole.error();
  if (whole->number == 0 || (whole->segments.empty() && !nameless)) return std::optional<Rot>{};
  Rot rot;
  rot.id_ = id;
  rot.nameless_ = nameless;
  rot.whole_ = *whole;
  for (sync::Segment& segment : whole->segments) segment.bytes = kRotten;
  if (nameless) whole->header = kRotten;
  SATCHEL_TRY((*txn)->put_many(std::span{&*whole, 1}));
  SATCHEL_TRY((*txn)->commit());
  return std::optional{std::move(rot)};
}

Status Rot::repair(sync::Store& store) const {
  auto txn = store.begin_write();
  if (!txn) return txn.error();
  auto now = find_stored(**txn, number());
  if (!now) return now.error();
  if (now->header == kRotten) now->header = whole_.header;
  sync::StoredRecord whole = whole_;
  for (sync::Segment& segment : now->segments) {
    const sync::Segment* before = whole.find(segment.privacy);
    if (segment.bytes == kRotten && before != nullptr) segment.bytes = before->bytes;
  }
  SATCHEL_TRY((*txn)->put_many(std::span{&*now, 1}));
  return (*txn)->commit();
}

}  // namespace satchel::sim
