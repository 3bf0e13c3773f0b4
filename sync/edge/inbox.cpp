// Writes that the server refused, with their content, until the rep decides.
#include <algorithm>

#include "sync/edge/rows.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::sync {
namespace {

using schema::Rule;

// One refused register write, made again through the builder's checks.
Status write_again(CommitBuilder& builder, const schema::CollectionDef& collection,
                   const RecordId& id, const RegisterWrite& write) {
  if (write.field == kLifeField) {
    const auto life = decode_life(write.value);
    if (!life) return life.error();
    if (life->dead) return builder.erase(collection.name, id);
    // Made here, it lives already; one that was deleted is brought back.
    auto held = builder.shown(collection, id);
    if (!held) return held.error();
    const bool dead = *held && !is_alive(**held, collection.life);
    return dead ? builder.restore(collection.name, id) : Status{};
  }
  const schema::FieldDef* field = collection.find(write.field);
  if (field == nullptr) return Error{Errc::kFieldUnknown, collection.name};
  auto value = decode_value(write.value);
  if (!value) return value.error();
  // What goes with a stage or an entry is made anew with it.
  if (field->reopening && write.key == kReopenKey) return {};
  switch (rule_in_force(field->rule)) {
    case Rule::kCounter:
      return builder.add(collection.name, id, field->name,
                         value->as<std::int64_t>() ? *value->as<std::int64_t>() : 0);
    case Rule::kLog: return builder.log_append(collection.name, id, field->name, *value);
    case Rule::kSet:
    case Rule::kAccessSet:
    case Rule::kMap: {
      auto key = decode_value(write.key);
      if (!key) return key.error();
      if (rule_in_force(field->rule) == Rule::kMap)
        return builder.set_entry(collection.name, id, field->name, *key, *value);
      return value->is_null() ? builder.set_remove(collection.name, id, field->name, *key)
                              : builder.set_add(collection.name, id, field->name, *key);
    }
    default: return builder.set(collection.name, id, field->name, *value);
  }
}

}  // namespace

Result<std::optional<InboxItem>> Edge::find_inbox(std::uint64_t id) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto row = (*txn)->find(Table::kInbox, part_key(id, kInboxPart));
  if (!row) return row.error();
  if (!*row) return std::optional<InboxItem>{};
  auto commit = find_commit(**txn, Table::kInbox, id);
  if (!commit) return commit.error();
  if (!*commit)
    return Error{Errc::kStoreCorrupt, "inbox item " + std::to_string(id) + " has lost its commit"};
  InboxItem item;
  item.id = id;
  SATCHEL_TRY(decode_inbox(**row, item.result, item.at_us));
  auto body = decode_body((*commit)->sections);
  if (!body) return body.error();
  item.commit = {std::move((*commit)->header), std::move(*body), id};
  return std::optional<InboxItem>{std::move(item)};
}

Result<std::size_t> Edge::count_inbox() {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  auto places = commit_places(**txn, Table::kInbox);
  if (!places) return places.error();
  return places->size();
}

Result<std::vector<InboxItem>> Edge::inbox() {
  std::vector<std::uint64_t> places;
  {
    auto txn = parts_.store.begin_read();
    if (!txn) return txn.error();
    auto found = commit_places(**txn, Table::kInbox);
    if (!found) return found.error();
    places = std::move(*found);
  }
  std::vector<InboxItem> items;
  for (const std::uint64_t place : places) {
    auto item = find_inbox(place);
    if (!item && is_damage(item.error().code)) {
      // Its content is gone; that it was refused is still to be known.
      InboxItem damaged;
      damaged.id = damaged.commit.place = place;
      damaged.result.outcome = wire::Outcome::kInvalid;
      damaged.result.code = static_cast<std::int32_t>(Errc::kStoreCorrupt);
      damaged.result.rule = "damaged-on-device";
      items.push_back(std::move(damaged));
      continue;
    }
    if (!item) return item.error();
    if (*item) items.push_back(std::move(**item));
  }
  return items;
}

Status Edge::discard(std::uint64_t inbox_id) {
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  auto row = (*txn)->find(Table::kInbox, part_key(inbox_id, kInboxPart));
  if (!row && !is_damage(row.error().code)) return row.error();
  if (row && !*row) return Error{Errc::kNotFound, "inbox item " + std::to_string(inbox_id)};
  SATCHEL_TRY(erase_commit(**txn, Table::kInbox, inbox_id));
  return (*txn)->commit();
}

Result<std::uint64_t> Edge::retry(std::uint64_t inbox_id) {
  auto item = find_inbox(inbox_id);
  if (!item) return item.error();
  if (!*item) return Error{Errc::kNotFound, "inbox item " + std::to_string(inbox_id)};
  const InboxItem& refused = **item;
  const bool reduced = refused.result.outcome == wire::Outcome::kReduced;
  auto write = begin_write(refused.commit.header.purpose);
  if (!write) return write.error();
  for (const RecordWrite& record : refused.commit.body.records) {
    const schema::CollectionDef* collection = catalog_->find(record.collection);
    if (collection == nullptr)
      return Error{Errc::kCollectionUnknown, "inbox item " + std::to_string(inbox_id)};
    auto held = (*write)->builder().shown(*collection, record.id);
    if (!held) return held.error();
    if (!*held && record.creates)
      SATCHEL_TRY((*write)->builder().create(collection->name, record.id));
    for (const RegisterWrite& each : record.writes) {
      const auto named = std::pair{record.id, each.field};
      const auto& fields = refused.result.fields;
      if (reduced && std::find(fields.begin(), fields.end(), named) == fields.end()) continue;
      SATCHEL_TRY(write_again((*write)->builder(), *collection, record.id, each));
    }
  }
  // In the commit's own transaction: a crash leaves the item, or the write made again, never both.
  SATCHEL_TRY(erase_commit(*(*write)->txn_, Table::kInbox, inbox_id));
  auto place = (*write)->commit();
  if (!place || *place != 0) return place;
  write->reset();  // What was refused is shown already: nothing was written.
  SATCHEL_TRY(discard(inbox_id));
  return place;
}

}  // namespace satchel::sync
