#include "sync/hub/scope_check.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "sync/hub/scopes.hpp"
#include "sync/hub/scoping.hpp"
#include "sync/hub/selection.hpp"
#include "sync/merge/reference.hpp"
#include "sync/record/header.hpp"
#include "sync/store/schema_row.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using Texts = std::vector<std::string>;

constexpr std::size_t kReadAtOnce = 256;
constexpr std::size_t kSentencesMax = 1'000;
constexpr std::string_view kOwnerKind = "owner:";
constexpr std::string_view kMakerField = "createdBy";

// Thread-bound: one pass over one snapshot.
class ScopeCheck {
 public:
  ScopeCheck(Hub& hub, ReadTxn& txn, const schema::Catalog& catalog, const HubState& state)
      : hub_(hub),
        txn_(txn),
        catalog_(catalog),
        numbers_(hub.store().numbers()),
        state_(state),
        key_(Scoping::index_key(hub)) {}

  Result<Texts> run() {
    std::vector<RecordNumber> all;
    SATCHEL_TRY(txn_.scan_keys(Table::kRecords, {}, [&](ByteView key) {
      all.push_back(ByteReader{key}.u64_big());
      return true;
    }));
    for (std::size_t at = 0; at < all.size(); at += kReadAtOnce) {
      const std::size_t count = std::min(kReadAtOnce, all.size() - at);
      SATCHEL_TRY(check_records(std::span{all}.subspan(at, count)));
    }
    SATCHEL_TRY(check_rows_of_scopes(all));
    SATCHEL_TRY(check_members());
    SATCHEL_TRY(check_references());
    if (untold_ > 0) {
      sentences_.push_back("and " + std::to_string(untold_) + " more entries of the scope index");
    }
    return std::move(sentences_);
  }

 private:
  void tell(std::string sentence) {
    if (sentences_.size() < kSentencesMax) return sentences_.push_back(std::move(sentence));
    ++untold_;
  }

  // By what it is of; whose it is stands in the hash alone.
  [[nodiscard]] std::string label(const std::string& kind, ByteView mark) const {
    constexpr std::size_t kShown = 4;
    return "scope " + (kind.empty() ? "" : kind + ' ') + to_hex(mark.substr(0, kShown));
  }
  [[nodiscard]] std::string label(const std::string& scope) const {
    return label(scope.substr(0, scope.find(':')), scope_mark(key_, scope));
  }

  Result<std::string> name_of(RecordNumber number) {
    std::vector<StoredRecord> found;
    const Status read = txn_.find_many(std::span{&number, 1}, found);
    if (!read && !is_damage(read.error().code)) return read.error();
    if (!read || found.front().number == 0) {
      return "a record that is not there (records/" + std::to_string(number) + ")";
    }
    auto name = decode_name(found.front().header);
    if (!name) return name.error();
    return hub_.name_of({number, name->collection, name->id});
  }

  Status check_records(std::span<const RecordNumber> numbers) {
    std::vector<StoredRecord> batch;
    std::vector<RecordNumber> damaged;
    SATCHEL_TRY(read_batch(txn_, numbers, batch, damaged));
    unread_.insert(damaged.begin(), damaged.end());
    // What it remembers of records on the way is let go of with the batch. One that cannot be read
    // says nothing of who hangs on it.
    const auto give_up = [](const DamagedRecord&) {
      return Status{Error{Errc::kStoreCorrupt, "a record on the way"}};
    };
    ScopePaths paths{txn_, catalog_, numbers_, state_, give_up};
    for (const StoredRecord& stored : batch) {
      if (stored.number == 0) continue;
      const Status checked = check_record(stored, paths);
      if (!checked && !is_damage(checked.error().code)) return checked.error();
      if (!checked) unread_.insert(stored.number);
    }
    return {};
  }

  Status check_record(const StoredRecord& stored, ScopePaths& paths) {
    auto record = open_record(txn_, stored, numbers_);
    if (!record) return record.error();
    const CollectionDef* collection = catalog_.find(record->collection);
    if (collection == nullptr) {
      unread_.insert(stored.number);  // Of a schema that is not in force.
      return {};
    }
    auto memberships = memberships_of(txn_, *collection, stored.number);
    if (!memberships) return memberships.error();
    SATCHEL_TRY(check_references_of(*collection, *record, stored.number));
    if (collection->everybodys) {
      expect_member("all", stored.number);
      return {};
    }
    const Texts live = live_scopes(*memberships);
    for (const std::string& scope : live) expect_member(scope, stored.number);
    const Status placed = check_place(*collection, *record, stored.number, live, paths);
    return !placed && is_damage(placed.error().code) ? Status{} : placed;
  }

  Status check_place(const CollectionDef& collection, const Record& record, RecordNumber number,
                     const Texts& live, ScopePaths& paths) {
    auto waiting = paths.is_waiting(number);
    if (!waiting) return waiting.error();
    if (*waiting) return {};
    const auto own = [&](const FieldDef& field) -> Result<Texts> {
      return shown_texts(field, record.of_field(field.id));
    };
    auto target = paths.scopes_of(collection, own);
    if (!target) return target.error();
    if (!*target) return {};
    const std::string name = hub_.name_of({number, collection.id, record.id});
    if ((*target)->empty()) {
      auto makers = is_with_maker(collection, record, live);
      if (!makers) return makers.error();
      if (!*makers) tell(name + ": is not with its maker alone, though no path says anything");
      return {};
    }
    for (const std::string& scope : without(**target, live))
      tell(name + ": is not in " + label(scope) + ", where its fields place it");
    for (const std::string& scope : without(live, **target))
      tell(name + ": is in " + label(scope) + ", where its fields do not place it");
    return {};
  }

  // Who it was made by is what it says, or who wrote that; where it says nothing, nobody knows.
  Result<bool> is_with_maker(const CollectionDef& collection, const Record& record,
                             const Texts& live) {
    if (live.size() != 1 || !live.front().starts_with(kOwnerKind)) return false;
    const FieldDef* field = collection.find(kMakerField);
    const auto said = field == nullptr ? Texts{} : shown_texts(*field, record.of_field(field->id));
    const std::string held = live.front().substr(kOwnerKind.size());
    if (said.empty() || said.front() == held) return true;
    for (const Entry& entry : record.of_field(field->id)) {
      for (const Sibling& sibling : entry.state.siblings) {
        auto author = hub_.author_of(sibling.dot.replica);
        if (!author) return author.error();
        if (author->empty() || *author == held) return true;
      }
    }
    return false;
  }

  void expect_member(const std::string& scope, RecordNumber number) {
    members_[members_row(key_, scope, number)].set(number % kMembersOfRow);
    const auto kind = scope.substr(0, scope.find(':'));
    kinds_.emplace(scope_mark(key_, scope), kind);
  }

  Status check_references_of(const CollectionDef& collection, const Record& record,
                             RecordNumber number) {
    for (const FieldDef& field : collection.fields) {
      if (!field.scope_step) continue;
      const auto named = shown_reference(field, record);
      if (!named) continue;
      auto row = txn_.find(Table::kReferences, reference_row(key_, *named, number, field.id));
      if (!row && !is_damage(row.error().code)) return row.error();
      if (!row || *row) {
        ++references_;
      } else {
        tell(hub_.name_of({number, collection.id, record.id}) + ": the record that its field " +
             field.name + " names does not know of it");
      }
    }
    return {};
  }

  Status check_rows_of_scopes(const std::vector<RecordNumber>& all) {
    return txn_.scan_keys(Table::kScopes, {}, [&](ByteView key) {
      const RecordNumber number = ByteReader{key}.u64_big();
      if (!std::binary_search(all.begin(), all.end(), number)) {
        tell("a record that is not there (records/" + std::to_string(number) + ") has scopes");
      }
      return true;
    });
  }

  Status check_members() {
    std::vector<Bytes> rows;
    SATCHEL_TRY(txn_.scan_keys(Table::kScopeMembers, {}, [&](ByteView key) {
      rows.emplace_back(key);
      return true;
    }));
    for (const Bytes& row : rows) members_.try_emplace(row);
    for (const auto& [row, expected] : members_) {
      auto found = members_of_row(txn_, row);
      if (!found) return found.error();
      if (*found && **found != expected) SATCHEL_TRY(tell_members(row, expected, **found));
    }
    return {};
  }

  Status tell_members(ByteView row, const MemberBits& expected, const MemberBits& found) {
    const ByteView mark = row.substr(0, std::min(kScopeMarkBytes, row.size()));
    const RecordNumber first = ByteReader{row.substr(mark.size())}.u64_big() * kMembersOfRow;
    const auto kind = kinds_.find(Bytes{mark});
    const std::string scope = label(kind == kinds_.end() ? std::string{} : kind->second, mark);
    for (std::size_t bit = 0; bit < kMembersOfRow; ++bit) {
      const RecordNumber number = first + bit;
      if (expected[bit] == found[bit] || unread_.contains(number)) continue;
      auto name = name_of(number);
      if (!name) return name.error();
      tell(*name + (found[bit] ? ": is listed in " : ": is not listed in ") + scope +
           (found[bit] ? ", which it is not in" : ", which it is in"));
    }
    return {};
  }

  Status check_references() {
    std::vector<Bytes> rows;
    SATCHEL_TRY(txn_.scan_keys(Table::kReferences, {}, [&](ByteView key) {
      rows.emplace_back(key);
      return true;
    }));
    if (rows.size() == references_) return {};  // Each was found by its record.
    for (const Bytes& row : rows) SATCHEL_TRY(check_reference(row));
    return {};
  }

  Status check_reference(const Bytes& row) {
    const ReferenceFrom from = reference_from(row);
    if (unread_.contains(from.number)) return {};
    std::vector<StoredRecord> found;
    SATCHEL_TRY(txn_.find_many(std::span{&from.number, 1}, found));
    std::string field_name = std::to_string(from.field);
    if (found.front().number != 0) {
      auto record = open_record(txn_, found.front(), numbers_);
      if (!record) return record.error();
      const FieldDef* field = catalog_.find(record->collection)->find(from.field);
      const bool step = field != nullptr && field->scope_step;
      const auto named = step ? shown_reference(*field, *record) : std::nullopt;
      if (named && reference_row(key_, *named, from.number, from.field) == row) return {};
      if (field != nullptr) field_name = field->name;
    }
    auto name = name_of(from.number);
    if (!name) return name.error();
    tell(*name + ": a record that its field " + field_name + " does not name knows of it");
    return {};
  }

  Hub& hub_;
  ReadTxn& txn_;
  const schema::Catalog& catalog_;
  const ReplicaNumbers& numbers_;
  const HubState& state_;
  const Bytes& key_;
  Texts sentences_;
  std::size_t untold_ = 0;
  std::set<RecordNumber> unread_;        // Nothing is known of them.
  std::map<Bytes, MemberBits> members_;  // By row, as the records' scopes say.
  std::map<Bytes, std::string> kinds_;   // By mark.
  std::size_t references_ = 0;           // Rows that records were found to stand behind.
};

}  // namespace

Result<std::vector<std::string>> check_scopes(Hub& hub) {
  for (int tries = 1;; ++tries) {
    const auto catalog = hub.catalog();
    auto txn = hub.store().begin_read();
    if (!txn) return txn.error();
    auto hash = (*txn)->find(Table::kMeta, kHubSchemaKey);
    if (!hash) return hash.error();
    if (!*hash) return Error{Errc::kStoreCorrupt, "the store does not say which schema it follows"};
    // Snapshot and schema are of one moment, or it is tried again.
    if (**hash != catalog->hash() && tries < 8) continue;
    auto row = (*txn)->find(Table::kMeta, kStateKey);
    if (!row) return row.error();
    if (!*row) return Error{Errc::kStoreCorrupt, "the store does not say what it holds"};
    auto state = decode_hub_state(**row);
    if (!state) return state.error();
    return ScopeCheck{hub, **txn, *catalog, *state}.run();
  }
}

Status mend_scopes_at_next_open(Hub& hub) {
  auto txn = hub.store().begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY((*txn)->erase(Table::kMeta, kScopesKey));
  return (*txn)->commit();
}

}  // namespace satchel::sync
