// Reading the sequence: pages for devices, and whole-store visits for dumps.
#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "schema/model/limits.hpp"
#include "sync/hub/rows.hpp"
#include "sync/hub/scopes.hpp"
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
    ByteReader reader{key};
    window.upto = reader.u64_big();
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

// What one reader may see of one record, for a page or an Ack.
class Selection {
 public:
  Selection(Hub& hub, ReadTxn& txn, const schema::Catalog& catalog, const Entitlement& entitlement,
            const std::string& purpose)
      : hub_(hub), txn_(txn), catalog_(catalog), entitlement_(entitlement), purpose_(purpose) {
    for (std::size_t i = 0; i < kPrivacyClassCount; ++i) {
      AccessRequest request;
      request.actor = entitlement.user;
      request.role = entitlement.role;
      request.in_scope = true;
      request.privacy = static_cast<PrivacyClass>(i);
      request.action = Action::kRead;
      request.purpose = purpose_;
      permitted_[i] = i == 0 || decide(builtin_bundle(), request).permitted();
    }
  }

  // Adds the record to the page, unless there is nothing to send. `window` may be null: then all of
  // it is told, and a record that is whole does not say so.
  Status select(const StoredRecord& stored, Sequence after, Sequence upto, const Window* window,
                PageWriter& writer) {
    auto header = decode_header(stored.header, hub_.store().numbers());
    if (!header) return header.error();
    const schema::CollectionDef* collection = catalog_.find(header->collection);
    if (collection == nullptr) return {};
    auto memberships = memberships_of(txn_, *collection, stored.number);
    if (!memberships) return memberships.error();
    if (!grants(entitlement_, *collection, *memberships)) {
      const auto left = left_after(entitlement_, *memberships, after);
      if (!left || left->left > upto) return {};
      writer.add_evict(header->collection, header->id, left->scope);
      return {};
    }
    const Sequence entered = entered_at(entitlement_, *collection, *memberships);
    // A record that enters the reader's scopes is sent whole, whatever its registers' own sequence.
    const bool repaired = window != nullptr && window->repaired.contains(stored.number);
    const bool whole = repaired || (entered > after && entered <= upto);
    if (entered > upto) return {};
    const KeepEntry keep = [&](FieldId, Sequence seq) {
      return seq > after && seq <= upto && (window == nullptr || !window->own.contains(seq));
    };
    SATCHEL_TRY(open_permitted(stored, *header));
    // Nothing is held back of a whole record: a later page leaves out what its reader wrote
    // himself, which the whole took away from him.
    auto added = writer.add(header->collection, header->id, whole && window != nullptr, segments_,
                            whole ? nullptr : &keep);
    return added ? Status{} : Status{added.error()};
  }

 private:
  // Leaves the record's plain segments in segments_.
  Status open_permitted(const StoredRecord& stored, const RecordHeader& header) {
    segments_.clear();
    plain_.clear();
    plain_.reserve(stored.segments.size() + 1);  // Views go into it.
    const auto hold = [this](PrivacyClass privacy, Bytes bytes) {
      plain_.push_back(std::move(bytes));
      segments_.push_back({privacy, plain_.back()});
    };
    if (header.life) {
      hold(PrivacyClass::kStructure,
           encode_segment(std::span{&*header.life, 1}, hub_.store().numbers()));
    }
    for (const Segment& segment : stored.segments) {
      if (!permitted_[static_cast<std::size_t>(segment.privacy)]) continue;
      auto plain = txn_.open_segment(stored, segment);
      if (!plain) return plain.error();
      hold(segment.privacy, std::move(*plain));
    }
    return {};
  }

  Hub& hub_;
  ReadTxn& txn_;
  const schema::Catalog& catalog_;
  const Entitlement& entitlement_;
  const std::string& purpose_;
  std::array<bool, kPrivacyClassCount> permitted_{};
  std::vector<Bytes> plain_;
  PageSegments segments_;  // Into plain_.
};

constexpr std::size_t kPageBytesMax = limits::kFrameBytesMax / 2;

// Reads `numbers` in one batch; one by one where damage hides them from each other. What cannot be
// read goes to `damaged`.
Status read_batch(ReadTxn& txn, std::span<const RecordNumber> numbers,
                  std::vector<StoredRecord>& batch, std::vector<RecordNumber>& damaged) {
  batch.clear();
  const Status read = txn.find_many(numbers, batch);
  if (read || !is_damage(read.error().code)) return read;
  batch.clear();
  std::vector<StoredRecord> one;
  for (const RecordNumber& number : numbers) {
    one.clear();
    const Status alone = txn.find_many(std::span{&number, 1}, one);
    if (!alone && !is_damage(alone.error().code)) return alone;
    if (alone) batch.push_back(std::move(one.front()));
    if (!alone) damaged.push_back(number);
  }
  return {};
}

// Puts what the window names into the page; false where that is more than `bytes_max`.
Result<bool> write_page(Selection& selection, ReadTxn& txn, Sequence after, const Window& window,
                        std::size_t bytes_max, PageWriter& writer,
                        std::vector<RecordNumber>& damaged) {
  std::vector<StoredRecord> batch;
  constexpr std::size_t kBatch = 64;
  for (std::size_t begin = 0; begin < window.records.size(); begin += kBatch) {
    const std::size_t count = std::min(kBatch, window.records.size() - begin);
    SATCHEL_TRY(
        read_batch(txn, std::span{window.records}.subspan(begin, count), batch, damaged));
    for (const StoredRecord& stored : batch) {
      if (stored.number == 0) continue;
      const Status selected = selection.select(stored, after, window.upto, &window, writer);
      if (!selected && !is_damage(selected.error().code)) return selected.error();
      if (!selected) damaged.push_back(stored.number);
      if (writer.size() > bytes_max) return false;
    }
  }
  return true;
}

}  // namespace

Result<Hub::Page> Hub::changes_after(const PageRequest& request) {
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
    for (const RecordNumber number : damaged) {
      if (is_noted(number)) continue;
      auto found = find_damage(**txn, store().numbers(), number);
      if (!found) return found.error();
      page.damaged.push_back(found->value_or(DamagedRecord{number, 0, {}}));
    }
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
    const Status selected = selection.select(stored, 0, UINT64_MAX, nullptr, writer);
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
      return Error{record.error().code, std::string{name} + ' ' + to_text(id) + ": " +
                                            record.error().context};
    }
    if (!visit(*record)) break;
  }
  return {};
}

}  // namespace satchel::sync
