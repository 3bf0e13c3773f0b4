// A device's first pass, or one that it makes anew: today's work first, then everything from the
// newest record to the oldest. It reads the records and not the log, whose old end may be gone.
#include <algorithm>

#include "sync/hub/agenda.hpp"
#include "sync/hub/selection.hpp"

namespace satchel::sync {
namespace {

constexpr RecordNumber kFromTheTop = UINT64_MAX;
constexpr Reach kEverything{.evicts = false};

// Adds records until the page is full; gives how many of `numbers` it looked at. What cannot be
// read goes to `damaged`.
Result<std::size_t> add_records(ReadTxn& txn, Selection& selection,
                                std::span<const RecordNumber> numbers, std::size_t bytes_target,
                                PageWriter& writer, std::vector<RecordNumber>& damaged) {
  std::vector<StoredRecord> found;
  SATCHEL_TRY(read_batch(txn, numbers, found, damaged));
  for (const StoredRecord& stored : found) {
    if (stored.number == 0) continue;
    const Status selected = selection.select(stored, kEverything, writer);
    if (!selected && !is_damage(selected.error().code)) return selected.error();
    if (!selected) damaged.push_back(stored.number);
    if (writer.size() < bytes_target) continue;
    const auto at = std::find(numbers.begin(), numbers.end(), stored.number);
    return static_cast<std::size_t>(at - numbers.begin()) + 1;
  }
  return numbers.size();
}

}  // namespace

Result<Bytes> Hub::priority_slice(const PageRequest& request) {
  const auto catalog_now = catalog();
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto numbers = agenda_of(*this, **txn, parts_.receipt_key, *catalog_now, request.entitlement.user,
                           parts_.clock.wall_us());
  if (!numbers) return numbers.error();
  Selection selection{*this, **txn, *catalog_now, request.entitlement, request.purpose};
  PageWriter writer{store().numbers()};
  std::vector<RecordNumber> damaged;  // Noted with the page that comes to them.
  auto added = add_records(**txn, selection, *numbers, request.bytes_target, writer, damaged);
  if (!added) return added.error();
  return writer.empty() ? Bytes{} : writer.finish();
}

Result<Hub::Page> Hub::begin_bootstrap(const PageRequest& request) {
  // The place in the sequence first: whatever is read later holds at least what was there then.
  const HubState now = state();
  auto slice = priority_slice(request);
  if (!slice) return slice.error();
  Page page;
  page.body = std::move(*slice);
  page.cursor = wire::Cursor{now.incarnation, now.seq, now.tag, kFromTheTop};
  return page;
}

Result<Hub::Page> Hub::bootstrap_page(const PageRequest& request) {
  const auto catalog_now = catalog();
  const HubState now = state();
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto last = (*txn)->last_record();
  if (!last) return last.error();
  RecordNumber below = std::min(request.from.below, *last + 1);
  Selection selection{*this, **txn, *catalog_now, request.entitlement, request.purpose};
  PageWriter writer{store().numbers()};
  std::vector<RecordNumber> numbers;
  std::vector<RecordNumber> damaged;
  constexpr std::size_t kBatch = 64;
  while (below > 1 && writer.size() < request.bytes_target) {
    numbers.clear();
    for (RecordNumber next = below; next > 1 && numbers.size() < kBatch;) numbers.push_back(--next);
    auto looked = add_records(**txn, selection, numbers, request.bytes_target, writer, damaged);
    if (!looked) return looked.error();
    below -= *looked;
  }
  Page page;
  SATCHEL_TRY(name_damaged(**txn, damaged, page.damaged));
  page.records = writer.count();
  page.body = writer.empty() ? Bytes{} : writer.finish();
  page.cursor = request.from;
  page.cursor.incarnation = now.incarnation;
  page.cursor.below = below > 1 ? below : 0;
  page.caught_up = page.cursor.below == 0 && page.cursor.seq == now.seq;
  return page;
}

}  // namespace satchel::sync
