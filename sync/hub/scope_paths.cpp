#include "sync/hub/scope_paths.hpp"

#include <algorithm>
#include <utility>

#include "sync/hub/rows.hpp"
#include "sync/merge/reference.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;

// Of a record of that collection: what its field says. The segment of the field's class alone is
// opened.
Status read_texts(ReadTxn& txn, RecordNumber number, CollectionId collection, const FieldDef& field,
                  const ReplicaNumbers& numbers, std::vector<std::string>& texts) {
  if (number == 0) return {};
  std::vector<StoredRecord> found;
  SATCHEL_TRY(txn.find_many(std::span{&number, 1}, found));
  const StoredRecord& stored = found.front();
  if (stored.number == 0) return {};
  auto name = decode_name(stored.header);
  if (!name) return name.error();
  if (name->collection != collection) return {};
  auto record = open_class(txn, stored, field.privacy, numbers);
  if (!record) return record.error();
  texts = shown_texts(field, record->of_field(field.id));
  return {};
}

}  // namespace

Bytes waiting_key(RecordNumber number) {
  Bytes key{kWaitingKey};
  append_u64_big(key, number);
  return key;
}

ScopePaths::ScopePaths(ReadTxn& txn, const schema::Catalog& catalog, const ReplicaNumbers& numbers,
                       const HubState& state, OnDamage on_damage)
    : txn_(txn),
      catalog_(catalog),
      numbers_(numbers),
      state_(state),
      on_damage_(std::move(on_damage)) {}

Result<bool> ScopePaths::is_waiting(RecordNumber number) const {
  if (state_.rescoping == 0) return false;
  auto row = txn_.find(Table::kMeta, waiting_key(number));
  if (!row) return row.error();
  return row->has_value();
}

Result<std::vector<std::string>> ScopePaths::texts_of(const RecordId& id, const FieldDef& field,
                                                      CollectionId collection) {
  const auto known = texts_.find({id, field.id});
  if (known != texts_.end()) return known->second;
  auto numbers = txn_.find_numbers(std::span{&id, 1});
  if (!numbers) return numbers.error();
  Texts texts;
  const Status read = read_texts(txn_, numbers->front(), collection, field, numbers_, texts);
  if (!read && !is_damage(read.error().code)) return read.error();
  // What it says cannot be known for now: who hangs on it is placed once it can be read again.
  if (!read) SATCHEL_TRY(on_damage_({numbers->front(), collection, id}));
  texts_.emplace(std::pair{id, field.id}, texts);
  return texts;
}

Result<std::optional<std::vector<std::string>>> ScopePaths::path_ends(const schema::ScopePath& path,
                                                                      const OwnTexts& own) {
  const auto field_of = [&](const schema::ScopePath::Step& step) -> const FieldDef& {
    return *catalog_.find(step.collection)->find(step.field);
  };
  auto texts = path.steps.empty() ? own(field_of(path.end)) : own(field_of(path.steps.front()));
  if (!texts) return texts.error();
  for (std::size_t i = 0; i < path.steps.size(); ++i) {
    if (texts->empty()) break;
    const auto id = parse_record_id(texts->front());
    if (!id) return std::optional{Texts{}};
    auto numbers = txn_.find_numbers(std::span{&*id, 1});
    if (!numbers) return numbers.error();
    auto waiting = is_waiting(numbers->front());
    if (!waiting) return waiting.error();
    if (*waiting) return std::optional<Texts>{};
    const auto& next = i + 1 < path.steps.size() ? path.steps[i + 1] : path.end;
    auto further = texts_of(*id, field_of(next), next.collection);
    if (!further) return further.error();
    texts = std::move(further);
  }
  return std::optional{std::move(*texts)};
}

Result<std::optional<std::vector<std::string>>> ScopePaths::scopes_of(
    const CollectionDef& collection, const OwnTexts& own) {
  Texts scopes;
  for (const schema::ScopePath& path : collection.scope_paths) {
    auto ends = path_ends(path, own);
    if (!ends) return ends.error();
    if (!*ends) return std::optional<Texts>{};
    for (const std::string& end : **ends) scopes.push_back(path.kind + ':' + end);
  }
  std::sort(scopes.begin(), scopes.end());
  scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
  return std::optional{std::move(scopes)};
}

}  // namespace satchel::sync
