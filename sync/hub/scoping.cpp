#include "sync/hub/scoping.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "sync/hub/selection.hpp"
#include "sync/merge/reference.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;

constexpr std::string_view kAllScope = "all";
constexpr std::string_view kMakerField = "createdBy";
constexpr int kStepsMax = 3;
constexpr std::size_t kReadAtOnce = 256;
// Changes of the index that one transaction holds back. Neighbours share a row of it: written
// together they cost one.
constexpr std::size_t kMemberChangesHeld = 65'536;

}  // namespace

bool moves_scopes(const CollectionDef& collection, std::span<const FieldId> fields) {
  return std::any_of(fields.begin(), fields.end(), [&](FieldId id) {
    const FieldDef* field = collection.find(id);
    return field != nullptr && field->scoping;
  });
}

Bytes scopes_digest(const schema::Catalog& catalog) {
  Bytes text{"satchel scopes v1"};
  for (const CollectionDef& collection : catalog.collections()) {
    append_u64(text, collection.id);
    append_varint(text, collection.scopes.size());
    for (const std::string& path : collection.scopes) append_sized(text, path);
  }
  return crypto::sha256(text);
}

Scoping::Scoping(HubTxn& txn, Sequence seq)
    : txn_(txn),
      seq_(seq),
      paths_(*txn.txn_, *txn.catalog_, txn.hub_.store().numbers(), txn.state_,
             [this](const DamagedRecord& damaged) { return note_damage(damaged); }) {}

// After a repair it is told of anew, and then it and what hangs on it are placed.
Status Scoping::note_damage(const DamagedRecord& damaged) {
  return txn_.note_damaged(std::span{&damaged, 1});
}

Status Scoping::finish() {
  if (txn_.members_.count() < kMemberChangesHeld) return {};
  return txn_.members_.write(*txn_.txn_, key());
}

const Bytes& Scoping::key() const { return index_key(txn_.hub_); }

Result<std::optional<std::vector<std::string>>> Scoping::scopes_of(const CollectionDef& collection,
                                                                   const OwnTexts& own,
                                                                   const std::string& maker) {
  auto scopes = paths_.scopes_of(collection, own);
  if (scopes && *scopes && (*scopes)->empty()) (*scopes)->push_back("owner:" + maker);
  return scopes;
}

Status Scoping::wait(RecordNumber number) {
  auto waiting = paths_.is_waiting(number);
  if (!waiting) return waiting.error();
  if (*waiting) return {};
  ++txn_.state_.rescoping;
  txn_.state_changed_ = true;
  return txn_.txn_->put(Table::kMeta, waiting_key(number), "1");
}

Status Scoping::move(RecordNumber number, std::vector<Membership>& memberships, const Texts& scopes,
                     bool& moved) {
  const Texts before = live_scopes(memberships);
  moved = move_to_scopes(memberships, scopes, seq_);
  if (!moved) return {};
  for (const std::string& scope : without(before, scopes)) txn_.members_.leave(scope, number);
  for (const std::string& scope : without(scopes, before)) txn_.members_.enter(scope, number);
  return txn_.txn_->put(Table::kScopes, big_key(number), encode_memberships(memberships));
}

Status Scoping::note_references(const Written& written) {
  for (const FieldDef& field : written.collection.fields) {
    if (!field.scope_step) continue;
    if (std::find(written.fields.begin(), written.fields.end(), field.id) == written.fields.end())
      continue;
    const auto before = written.fresh ? std::nullopt : shown_reference(field, written.before);
    const auto after = shown_reference(field, written.record);
    if (before == after) continue;
    if (before) SATCHEL_TRY(erase_reference(*txn_.txn_, key(), *before, written.number, field.id));
    if (after) SATCHEL_TRY(put_reference(*txn_.txn_, key(), *after, written.number, field.id));
  }
  return {};
}

Status Scoping::place(const Written& written, std::vector<Membership>& memberships) {
  const CollectionDef& collection = written.collection;
  const bool moves = written.fresh || moves_scopes(collection, written.fields);
  if (!moves) return {};
  SATCHEL_TRY(note_references(written));
  std::vector<Dependent> dependents;
  bool waits = false;
  if (collection.passed_by_scopes) {
    const std::size_t room = kDependentsInCommitMax - dependents_;
    auto found = dependents_of(written.record.id, room);
    if (!found) return found.error();
    waits = !*found;
    if (waits) SATCHEL_TRY(wait(written.number));
    if (*found) dependents = std::move(**found);
  }
  if (collection.everybodys) {
    if (written.fresh) {
      txn_.members_.enter(std::string{kAllScope}, written.number);
    }
  } else {
    const OwnTexts own = [&](const FieldDef& field) -> Result<Texts> {
      return shown_texts(field, written.record.of_field(field.id));
    };
    auto scopes = scopes_of(collection, own, written.maker);
    if (!scopes) return scopes.error();
    waits = waits || !*scopes;
    const Texts makers{"owner:" + written.maker};
    const Texts target = !waits                ? **scopes
                         : memberships.empty() ? makers
                                               : live_scopes(memberships);
    bool moved = false;
    // Whoever makes a record holds it: made for somebody else, it enters his own scope and leaves
    // it at once, so that his device is told to let go of it.
    const bool goes = std::find(target.begin(), target.end(), makers.front()) == target.end();
    if (written.fresh && written.by_device && goes)
      memberships.push_back({makers.front(), seq_, 0});
    SATCHEL_TRY(move(written.number, memberships, target, moved));
  }
  dependents_ += dependents.size();
  for (const Dependent& dependent : dependents) SATCHEL_TRY(move_dependent(dependent));
  return {};
}

Status Scoping::tell_dated(const Written& written) {
  const CollectionDef& collection = written.collection;
  if (!collection.dates_others || written.fresh || !collection.history) return {};
  if (std::ranges::find(written.fields, collection.history->at) == written.fields.end()) return {};
  auto numbers = referring_to(*txn_.txn_, key(), written.record.id, SIZE_MAX);
  if (!numbers) return numbers.error();
  for (const RecordNumber number : *numbers) {
    if (std::ranges::find(moved_, number) == moved_.end()) moved_.push_back(number);
  }
  return {};
}

Status Scoping::look_up(std::span<const RecordNumber> numbers, std::vector<Dependent>& into) {
  std::vector<StoredRecord> batch;
  std::vector<RecordNumber> damaged;
  for (std::size_t at = 0; at < numbers.size(); at += kReadAtOnce) {
    const std::size_t count = std::min(kReadAtOnce, numbers.size() - at);
    SATCHEL_TRY(read_batch(*txn_.txn_, numbers.subspan(at, count), batch, damaged));
    for (const StoredRecord& stored : batch) {
      if (stored.number == 0) continue;
      const auto name = decode_name(stored.header);
      if (!name && is_damage(name.error().code)) damaged.push_back(stored.number);
      const CollectionDef* collection = name ? txn_.catalog_->find(name->collection) : nullptr;
      if (collection != nullptr) into.push_back({stored.number, name->id, collection});
    }
  }
  for (const RecordNumber number : damaged) SATCHEL_TRY(note_damage({number, 0, {}}));
  return {};
}

Result<std::optional<Scoping::Dependent>> Scoping::look_up(RecordNumber number) {
  std::vector<Dependent> found;
  SATCHEL_TRY(look_up(std::span{&number, 1}, found));
  return found.empty() ? std::optional<Dependent>{} : std::optional{found.front()};
}

Result<std::optional<std::vector<Scoping::Dependent>>> Scoping::dependents_of(const RecordId& root,
                                                                              std::size_t most) {
  std::vector<Dependent> all;
  std::set<RecordNumber> seen;
  std::vector<RecordId> level{root};
  for (int step = 0; step < kStepsMax && !level.empty(); ++step) {
    std::vector<RecordId> next;
    for (const RecordId& id : level) {
      const std::size_t room = most == SIZE_MAX ? SIZE_MAX : most + seen_.size() + 1;
      auto numbers = referring_to(*txn_.txn_, key(), id, room);
      if (!numbers) return numbers.error();
      std::erase_if(*numbers, [&](RecordNumber number) {
        return seen_.contains(number) || !seen.insert(number).second;
      });
      std::vector<Dependent> found;
      SATCHEL_TRY(look_up(*numbers, found));
      if (found.size() > most - all.size()) return std::optional<std::vector<Dependent>>{};
      for (const Dependent& dependent : found) {
        if (dependent.collection->passed_by_scopes) next.push_back(dependent.id);
        all.push_back(dependent);
      }
    }
    level = std::move(next);
  }
  seen_.insert(seen.begin(), seen.end());
  return std::optional{std::move(all)};
}

Status Scoping::move_dependent(const Dependent& dependent) {
  const Status moved = try_move(dependent);
  if (moved || !is_damage(moved.error().code)) return moved;
  return note_damage({dependent.number, dependent.collection->id, dependent.id});
}

Status Scoping::try_move(const Dependent& dependent) {
  if (dependent.collection->everybodys) return {};
  auto memberships = memberships_of(*txn_.txn_, *dependent.collection, dependent.number);
  if (!memberships) return memberships.error();
  const OwnTexts own = [&](const FieldDef& field) {
    return paths_.texts_of(dependent.id, field, dependent.collection->id);
  };
  std::string maker;
  if (const FieldDef* field = dependent.collection->find(kMakerField)) {
    auto texts = own(*field);
    if (!texts) return texts.error();
    if (!texts->empty()) maker = texts->front();
  }
  auto scopes = scopes_of(*dependent.collection, own, maker);
  if (!scopes) return scopes.error();
  if (!*scopes) return {};
  bool moved = false;
  SATCHEL_TRY(move(dependent.number, *memberships, **scopes, moved));
  if (moved) moved_.push_back(dependent.number);
  return {};
}

Status Scoping::remove(RecordNumber number, const Record& record) {
  const CollectionDef* collection = txn_.catalog_->find(record.collection);
  if (collection == nullptr) return {};
  WriteTxn& txn = *txn_.txn_;
  for (const FieldDef& field : collection->fields) {
    const auto named = field.scope_step ? shown_reference(field, record) : std::nullopt;
    if (named) SATCHEL_TRY(erase_reference(txn, key(), *named, number, field.id));
  }
  if (collection->everybodys) {
    txn_.members_.leave(std::string{kAllScope}, number);
    return {};
  }
  auto memberships = memberships_of(txn, *collection, number);
  if (!memberships) return memberships.error();
  for (const std::string& scope : live_scopes(*memberships)) txn_.members_.leave(scope, number);
  return txn.erase(Table::kScopes, big_key(number));
}

Status Scoping::place_with_dependents(RecordNumber number) {
  auto root = look_up(number);
  if (!root) return root.error();
  if (!*root) return {};
  auto dependents = dependents_of((*root)->id, SIZE_MAX);
  if (!dependents) return dependents.error();
  SATCHEL_TRY(move_dependent(**root));
  for (const Dependent& dependent : **dependents) SATCHEL_TRY(move_dependent(dependent));
  return {};
}

Status Scoping::place_anew(RecordNumber number) {
  auto record = look_up(number);
  if (!record) return record.error();
  if (!*record) return {};
  const CollectionDef& collection = *(*record)->collection;
  for (const FieldDef& field : collection.fields) {
    if (!field.scope_step) continue;
    auto texts = paths_.texts_of((*record)->id, field, collection.id);
    if (!texts) return texts.error();
    if (texts->empty()) continue;
    if (const auto id = parse_record_id(texts->front()))
      SATCHEL_TRY(put_reference(*txn_.txn_, key(), *id, number, field.id));
  }
  if (collection.everybodys) {
    txn_.members_.enter(std::string{kAllScope}, number);
    return {};
  }
  auto memberships = memberships_of(*txn_.txn_, collection, number);
  if (!memberships) return memberships.error();
  // The index was emptied: what the record is in already is entered again.
  for (const std::string& scope : live_scopes(*memberships)) txn_.members_.enter(scope, number);
  return move_dependent(**record);
}

}  // namespace satchel::sync
