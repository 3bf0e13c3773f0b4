// A device's first pass, or one that it makes anew: today's work first, then everything from the
// newest record to the oldest. It reads the records and not the log, whose old end may be gone.
#include <algorithm>

#include "sync/hub/agenda.hpp"
#include "sync/hub/scope_index.hpp"
#include "sync/hub/selection.hpp"

namespace satchel::sync {
namespace {

// `below` of a cursor under way: from here on, less this much, it tells of what has to be let go
// of; below it, of what is granted.
constexpr RecordNumber kEvicts = 1ULL << 63;
constexpr RecordNumber kFromTheTop = UINT64_MAX;
constexpr Reach kEverything{.evicts = false};
// To a reader that keeps what it holds.
constexpr Reach kJoined{.as_whole = true, .evicts = false};
constexpr std::size_t kBatch = 64;
// Records that are looked up in the index at once: about as many as fill a page.
constexpr std::size_t kAhead = 4'096;

// Adds records until the page is full; gives how many of `numbers` it looked at. What cannot be
// read goes to `damaged`.
Result<std::size_t> add_records(ReadTxn& txn, Selection& selection,
                                std::span<const RecordNumber> numbers, const Reach& reach,
                                std::size_t bytes_target, PageWriter& writer,
                                std::vector<RecordNumber>& damaged) {
  std::vector<StoredRecord> found;
  SATCHEL_TRY(read_batch(txn, numbers, found, damaged));
  for (const StoredRecord& stored : found) {
    if (stored.number == 0) continue;
    const Status selected = selection.select(stored, reach, writer);
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
  auto added =
      add_records(**txn, selection, *numbers, kEverything, request.bytes_target, writer, damaged);
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

wire::Cursor Hub::pass_from(wire::Cursor place) {
  place.below = kFromTheTop;
  return place;
}

// The next records of a pass, falling from `below`, at most kAhead.
Result<std::vector<RecordNumber>> Hub::pass_records(ReadTxn& txn,
                                                    const std::vector<std::string>& scopes,
                                                    RecordNumber below) {
  const bool everything = std::binary_search(scopes.begin(), scopes.end(), "*");
  if (!everything) return members_below(txn, parts_.receipt_key, scopes, below, kAhead);
  auto last = txn.last_record();
  if (!last) return last.error();
  std::vector<RecordNumber> numbers;
  for (RecordNumber next = std::min(below, *last + 1); next > 1 && numbers.size() < kAhead;)
    numbers.push_back(--next);
  return numbers;
}

Result<Hub::Page> Hub::bootstrap_page(const PageRequest& request) {
  const auto catalog_now = catalog();
  const HubState now = state();
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  Selection selection{*this, **txn, *catalog_now, request.entitlement, request.purpose};
  PageWriter writer{store().numbers()};
  std::vector<RecordNumber> damaged;
  RecordNumber below = request.from.below;
  while (below >= kEvicts && writer.size() < request.bytes_target) {
    auto numbers = pass_records(**txn, request.entitlement.former, below - kEvicts);
    if (!numbers) return numbers.error();
    SATCHEL_TRY(selection.let_go(*numbers, writer));
    // What is granted comes in pages of its own: the reader says first that the rest is gone.
    below = numbers->empty() ? kEvicts - 1 : kEvicts + numbers->back();
    if (numbers->empty() && !writer.empty()) break;
  }
  const auto& scopes = request.joined ? *request.joined : request.entitlement.scopes;
  const Reach& reach = request.joined ? kJoined : kEverything;
  while (below > 1 && below < kEvicts && writer.size() < request.bytes_target) {
    if (request.from.below >= kEvicts && !writer.empty()) break;
    auto numbers = pass_records(**txn, scopes, below);
    if (!numbers) return numbers.error();
    std::size_t looked = 0;
    while (looked < numbers->size() && writer.size() < request.bytes_target) {
      const auto batch =
          std::span{*numbers}.subspan(looked).first(std::min(kBatch, numbers->size() - looked));
      auto more =
          add_records(**txn, selection, batch, reach, request.bytes_target, writer, damaged);
      if (!more) return more.error();
      looked += *more;
    }
    below = numbers->empty() ? 0 : (*numbers)[looked - 1];
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
