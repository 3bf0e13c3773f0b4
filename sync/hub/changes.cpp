// Reading the sequence: pages for devices, and whole-store visits for dumps.
#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "schema/model/limits.hpp"
#include "sync/hub/rows.hpp"
#include "sync/hub/scopes.hpp"
#include "sync/hub/selection.hpp"
#include "sync/page/page.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

// Commit rows of one page, and the records that they name, each once, in order of first mention.
struct Window {
  std::vector<RecordNumber> records;
  std::unordered_set<Sequence> own;  // Commits of the reader that left exactly what it wrote.
  std::unordered_set<RecordNumber> repaired;  // Told whole: they could not be read for a while.
  Sequence upto = 0;
  std::uint64_t tag = 0;
  bool reached_end = true;
};

// Rows after `from`, until they name enough records for a page. A page never ends inside a commit.
Result<Window> window_after(ReadTxn& txn, const Hub::PageRequest& request,
                            std::size_t records_target) {
  Window window;
  window.upto = request.from.seq;
  window.tag = request.from.tag;
  std::unordered_set<RecordNumber> seen;
  Status decoded;
  const auto visit = [&](ByteView key, ByteView value) {
    if (window.records.size() >= records_target) {
      window.reached_end = false;
      return false;
    }
    auto row = decode_commit_row(value);
    if (!row) {
      decoded = row.error();
      return false;
    }
    const Sequence seq = ByteReader{key}.u64_big();
    if (seq != window.upto + 1) {  // Rows have no holes: the log was trimmed meanwhile.
      decoded = Error{Errc::kConnectionCut, "the log no longer reaches back so far: connect again"};
      return false;
    }
    window.upto = seq;
    window.tag = row->tag;
    const bool answered = row->number <= request.reader_answered;
    if (row->exact && answered && row->author == request.reader) window.own.insert(window.upto);
    for (const RecordNumber number : row->records) {
      if (seen.insert(number).second) window.records.push_back(number);
      if (row->repaired) window.repaired.insert(number);
    }
    return true;
  };
  SATCHEL_TRY(txn.scan(Table::kCommits, big_key(request.from.seq + 1), visit));
  SATCHEL_TRY(decoded);
  return window;
}

constexpr std::size_t kPageBytesMax = limits::kFrameBytesMax / 2;

// Puts what the window names into the page; false where that is more than `bytes_max`.
Result<bool> write_page(Selection& selection, ReadTxn& txn, Sequence after, const Window& window,
                        std::size_t bytes_max, PageWriter& writer,
                        std::vector<RecordNumber>& damaged) {
  const Reach reach{after, window.upto, &window.own, &window.repaired, true};
  std::vector<StoredRecord> batch;
  constexpr std::size_t kBatch = 64;
  for (std::size_t begin = 0; begin < window.records.size(); begin += kBatch) {
    const std::size_t count = std::min(kBatch, window.records.size() - begin);
    SATCHEL_TRY(read_batch(txn, std::span{window.records}.subspan(begin, count), batch, damaged));
    for (const StoredRecord& stored : batch) {
      if (stored.number == 0) continue;
      const Status selected = selection.select(stored, reach, writer);
      if (!selected && !is_damage(selected.error().code)) return selected.error();
      if (!selected) damaged.push_back(stored.number);
      if (writer.size() > bytes_max) return false;
    }
  }
  return true;
}

}  // namespace

Result<Hub::Page> Hub::changes_after(const PageRequest& request) {
  if (request.from.below != 0) return bootstrap_page(request);
  // Catalog and state first: a snapshot opened later is at least as new, so no record's collection
  // is unknown.
  const auto catalog_now = catalog();
  const IncarnationId incarnation = state().incarnation;
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  Selection selection{*this, **txn, *catalog_now, request.entitlement, request.purpose};
  // How many records fill a page is known once they are read: where they are large, it is read
  // again with fewer commits, so that it fits a frame. Nothing is smaller than one commit.
  constexpr std::size_t kBytesPerRecordAtLeast = 256;
  std::size_t records = std::max<std::size_t>(1, request.bytes_target / kBytesPerRecordAtLeast);
  for (;; records = std::max<std::size_t>(1, records / 8)) {
    auto window = window_after(**txn, request, records);
    if (!window) return window.error();
    PageWriter writer{store().numbers()};
    const std::size_t bytes_max = records > 1 ? kPageBytesMax : SIZE_MAX;
    std::vector<RecordNumber> damaged;
    auto whole =
        write_page(selection, **txn, request.from.seq, *window, bytes_max, writer, damaged);
    if (!whole) return whole.error();
    if (!*whole) continue;
    Page page;
    SATCHEL_TRY(name_damaged(**txn, damaged, page.damaged));
    page.records = writer.count();
    page.body = writer.empty() ? Bytes{} : writer.finish();
    page.cursor = wire::Cursor{incarnation, window->upto, window->tag};
    page.caught_up = window->reached_end;
    return page;
  }
}

Result<Bytes> Hub::states_of(std::span<const RecordId> ids, const Entitlement& entitlement,
                             const std::string& purpose) {
  const auto catalog_now = catalog();
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto numbers = (*txn)->find_numbers(ids);
  if (!numbers) return numbers.error();
  std::vector<StoredRecord> found;
  std::vector<RecordNumber> damaged;  // Noted with the page that comes to them.
  SATCHEL_TRY(read_batch(**txn, *numbers, found, damaged));
  Selection selection{*this, **txn, *catalog_now, entitlement, purpose};
  PageWriter writer{store().numbers()};
  std::unordered_set<RecordNumber> seen;
  for (const StoredRecord& stored : found) {
    if (stored.number == 0 || !seen.insert(stored.number).second) continue;
    const Status selected = selection.select(stored, {.narrowed = false}, writer);
    if (!selected && !is_damage(selected.error().code)) return selected.error();
  }
  return writer.empty() ? Bytes{} : writer.finish();
}

Status Hub::visit_records(const Entitlement* entitlement,
                          const std::function<bool(const Record&)>& visit) {
  const auto catalog_now = catalog();
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  // Ids first, so that a sorted visit holds ids and not records.
  std::vector<std::tuple<std::string_view, RecordId, RecordNumber>> order;
  Status decoded;
  const auto note = [&](StoredRecord& stored) {
    auto header = decode_header(stored.header, parts_.store.numbers());
    if (!header) {
      decoded = header.error();
      return false;
    }
    const schema::CollectionDef* collection = catalog_now->find(header->collection);
    if (collection != nullptr) order.emplace_back(collection->name, header->id, stored.number);
    return true;
  };
  SATCHEL_TRY((*txn)->scan_records(1, note));
  SATCHEL_TRY(decoded);
  std::sort(order.begin(), order.end());
  std::vector<StoredRecord> found;
  for (const auto& [name, id, number] : order) {
    if (entitlement != nullptr) {
      const schema::CollectionDef* collection = catalog_now->find(name);
      auto memberships = memberships_of(**txn, *collection, number);
      if (!memberships) return memberships.error();
      if (!grants(*entitlement, *collection, *memberships)) continue;
    }
    found.clear();
    SATCHEL_TRY((*txn)->find_many(std::span{&number, 1}, found));
    auto record = open_record(**txn, found.front(), parts_.store.numbers());
    if (!record) {
      return Error{record.error().code,
                   std::string{name} + ' ' + to_text(id) + ": " + record.error().context};
    }
    if (!visit(*record)) break;
  }
  return {};
}

}  // namespace satchel::sync
