// Door one: what is shown, and what of it cannot be read.
#include <algorithm>

#include "sync/edge/rows.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

constexpr std::size_t kNamedMax = 8;  // In one error.

}  // namespace

Result<std::optional<Record>> Edge::shown(const RecordId& id, std::string_view purpose) {
  if (!is_known_purpose(purpose)) return Error{Errc::kPolicyDenied, "unknown purpose"};
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto record = load_shown(**txn, id);
  if (!record) return record.error();
  if (*record) withhold_denied(**record, permitted_classes(purpose));
  return record;
}

// Its header may still say whose record it is.
Result<UnreadableRecord> Edge::name_unreadable(ReadTxn& txn, RecordNumber number) {
  UnreadableRecord unreadable{number, 0, {}};
  std::vector<StoredRecord> found;
  const Status read = txn.find_many(std::span{&number, 1}, found);
  if (!read && !is_damage(read.error().code)) return read.error();
  if (const auto name = decode_name(found.front().header)) {
    unreadable.collection = name->collection;
    unreadable.id = name->id;
  }
  return unreadable;
}

Result<UnreadableRecord> Edge::name_unreadable(ReadTxn& txn, const RecordId& id) {
  auto numbers = txn.find_numbers(std::span{&id, 1});
  if (!numbers) return numbers.error();
  auto named = name_unreadable(txn, numbers->front());
  if (named) named->id = id;
  return named;
}

Error Edge::unreadable_error(std::span<const UnreadableRecord> records) const {
  std::string text;
  for (const UnreadableRecord& each : records.first(std::min(records.size(), kNamedMax))) {
    const schema::CollectionDef* collection = catalog_->find(each.collection);
    if (!text.empty()) text += ", ";
    text += collection != nullptr ? collection->name : "record";
    text += ' ' + (each.id == RecordId{} ? std::to_string(each.number) : to_text(each.id));
  }
  if (records.size() > kNamedMax)
    text += " and " + std::to_string(records.size() - kNamedMax) + " more";
  return at_base(Error{Errc::kStoreCorrupt, text + " cannot be read"});
}

// What is selected, unless pending commits touch the record: they are applied to the whole of it.
Result<Record> Edge::open_chosen(ReadTxn& txn, const StoredRecord& stored, const RecordName& name,
                                 const Permitted& permitted, const FieldSelection* selection) {
  if (selection == nullptr || overlay_.contains(name.id)) {
    return open_record(txn, stored, parts_.store.numbers());
  }
  Record record{name.collection, name.id, {}};
  for (const Segment& segment : stored.segments) {
    const auto privacy = static_cast<std::size_t>(segment.privacy);
    if (!selection->classes[privacy] || !permitted[privacy]) continue;
    auto plain = txn.open_segment(stored, segment);
    if (!plain && plain.error().code == Errc::kClassLocked) continue;
    if (!plain) return plain.error();
    SATCHEL_TRY(decode_fields(*plain, segment.privacy, parts_.store.numbers(), selection->fields,
                              record.entries));
  }
  std::sort(record.entries.begin(), record.entries.end(),
            [](const Entry& a, const Entry& b) { return precedes(a, b.field, b.key); });
  return record;
}

// One pass over base and what is pending. Lives for one call.
class Edge::Visit {
 public:
  Visit(Edge& edge, ReadTxn& txn, CollectionId collection, const Permitted& permitted,
        const FieldSelection* selection, const VisitRecord& visit_record)
      : edge_(edge),
        txn_(txn),
        collection_(collection),
        permitted_(permitted),
        selection_(selection),
        visit_record_(visit_record) {}

  // What does not open is passed over, and named.
  Status base(std::vector<UnreadableRecord>& unreadable) {
    for (RecordNumber from = 1; !stopped_;) {
      Status status;
      const Status scanned = txn_.scan_records(from, [&](StoredRecord& stored) {
        from = stored.number + 1;
        status = one(stored);
        if (!status && is_damage(status.error().code)) status = note(stored.number, unreadable);
        return status && !stopped_;
      });
      SATCHEL_TRY(status);
      if (scanned) return {};
      if (!is_damage(scanned.error().code)) return scanned;
      auto damaged = first_from(from);
      if (!damaged) return damaged.error();
      if (*damaged == 0) return scanned;  // Of the table, not of a row.
      SATCHEL_TRY(note(*damaged, unreadable));
      from = *damaged + 1;
    }
    return {};
  }

  // What base does not have; in the order of commits, so that each is decoded once.
  Status pending(std::vector<UnreadableRecord>& unreadable) {
    for (const auto& [place, ids] : edge_.outbox_) {
      for (const RecordId& id : ids) {
        if (stopped_) return {};
        if (!seen_.insert(id).second) continue;
        auto record = edge_.load_shown(txn_, id);
        if (!record && is_damage(record.error().code)) {
          const auto known = std::find_if(unreadable.begin(), unreadable.end(),
                                          [&](const auto& each) { return each.id == id; });
          if (known != unreadable.end()) continue;
          auto named = edge_.name_unreadable(txn_, id);
          if (!named) return named.error();
          if (is_asked(*named)) unreadable.push_back(*named);
          continue;
        }
        if (!record) return record.error();
        if (*record) give(**record);
      }
    }
    return {};
  }

 private:
  [[nodiscard]] bool is_asked(const UnreadableRecord& record) const {
    return collection_ == 0 || record.collection == 0 || record.collection == collection_;
  }
  Status note(RecordNumber number, std::vector<UnreadableRecord>& unreadable) {
    auto named = edge_.name_unreadable(txn_, number);
    if (!named) return named.error();
    if (is_asked(*named)) unreadable.push_back(*named);
    return {};
  }
  Result<RecordNumber> first_from(RecordNumber from) {
    RecordNumber found = 0;
    SATCHEL_TRY(txn_.scan_keys(Table::kRecords, number_key(from), [&](ByteView key) {
      found = ByteReader{key}.u64_big();
      return false;
    }));
    return found;
  }
  Status one(StoredRecord& stored) {
    auto name = decode_name(stored.header);
    if (!name) return name.error();
    if (collection_ != 0 && name->collection != collection_) return {};
    auto record = edge_.open_chosen(txn_, stored, *name, permitted_, selection_);
    if (!record) return record.error();
    if (edge_.overlay_.contains(record->id)) {
      seen_.insert(record->id);
      const auto held = edge_.overlay_pending(txn_, *record, edge_.in_base(stored.number));
      if (!held) return held.error();
    }
    give(*record);
    return {};
  }
  void give(Record& record) {
    if (collection_ != 0 && record.collection != collection_) return;
    withhold_denied(record, permitted_);
    stopped_ = !visit_record_(record);
  }

  Edge& edge_;
  ReadTxn& txn_;
  CollectionId collection_;
  const Permitted& permitted_;
  const FieldSelection* selection_;
  const VisitRecord& visit_record_;
  bool stopped_ = false;
  std::unordered_set<RecordId> seen_;  // Of those that pending commits touch.
};

Status Edge::visit(CollectionId collection, std::string_view purpose,
                   const VisitRecord& visit_record) {
  std::vector<UnreadableRecord> unreadable;
  SATCHEL_TRY(visit_readable(collection, purpose, nullptr, visit_record, unreadable));
  return unreadable.empty() ? Status{} : Status{unreadable_error(unreadable)};
}

Status Edge::visit_readable(CollectionId collection, std::string_view purpose,
                            const FieldSelection* selection, const VisitRecord& visit_record,
                            std::vector<UnreadableRecord>& unreadable) {
  if (!is_known_purpose(purpose)) return Error{Errc::kPolicyDenied, "unknown purpose"};
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  const Permitted permitted = permitted_classes(purpose);
  Visit visit{*this, **txn, collection, permitted, selection, visit_record};
  if (const Status read = visit.base(unreadable); !read) return at_base(read.error());
  return visit.pending(unreadable);
}

}  // namespace satchel::sync
