#include "sync/hub/scopes.hpp"

#include <algorithm>

#include "sync/merge/reading.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

bool has_path(const schema::CollectionDef& collection, std::string_view path) {
  return std::find(collection.scopes.begin(), collection.scopes.end(), path) !=
         collection.scopes.end();
}

bool holds(const Entitlement& entitlement, const std::string& scope) {
  return std::find(entitlement.scopes.begin(), entitlement.scopes.end(), scope) !=
         entitlement.scopes.end();
}

bool is_everything(const Entitlement& entitlement) { return holds(entitlement, "*"); }

}  // namespace

bool in_everybodys_scope(const schema::CollectionDef& collection) {
  return has_path(collection, "all");
}
bool has_owner_scope(const schema::CollectionDef& collection) {
  return !in_everybodys_scope(collection) && has_path(collection, "owner");
}

Result<std::vector<Membership>> memberships_of(ReadTxn& txn,
                                               const schema::CollectionDef& collection,
                                               RecordNumber number) {
  if (!has_owner_scope(collection)) return std::vector<Membership>{};
  auto row = txn.find(Table::kScopes, big_key(number));
  if (!row) return row.error();
  if (!*row) return std::vector<Membership>{};
  return decode_memberships(**row);
}

bool move_to_scope(std::vector<Membership>& memberships, const std::string& scope, Sequence seq) {
  bool in_already = false;
  for (Membership& membership : memberships) {
    if (membership.scope == scope && membership.left == 0) {
      in_already = true;
    } else if (membership.left == 0) {
      membership.left = seq;
    }
  }
  if (in_already) return false;
  std::erase_if(memberships,
                [&](const Membership& membership) { return membership.scope == scope; });
  memberships.push_back({scope, seq, 0});
  return true;
}

bool grants(const Entitlement& entitlement, const schema::CollectionDef& collection,
            const std::vector<Membership>& memberships) {
  if (is_everything(entitlement) || in_everybodys_scope(collection)) return true;
  return std::any_of(memberships.begin(), memberships.end(), [&](const Membership& membership) {
    return membership.left == 0 && holds(entitlement, membership.scope);
  });
}

Sequence entered_at(const Entitlement& entitlement, const schema::CollectionDef& collection,
                    const std::vector<Membership>& memberships) {
  if (is_everything(entitlement) || in_everybodys_scope(collection)) return 0;
  Sequence entered = 0;
  for (const Membership& membership : memberships) {
    if (membership.left != 0 || !holds(entitlement, membership.scope)) continue;
    entered = entered == 0 ? membership.entered : std::min(entered, membership.entered);
  }
  return entered;
}

std::optional<Membership> left_after(const Entitlement& entitlement,
                                     const std::vector<Membership>& memberships, Sequence since) {
  std::optional<Membership> last;
  for (const Membership& membership : memberships) {
    if (membership.left <= since || !holds(entitlement, membership.scope)) continue;
    if (!last || membership.left > last->left) last = membership;
  }
  return last;
}

Result<std::optional<RecordId>> reference_of(Hub& hub, ReadTxn& txn,
                                             const schema::CollectionDef& collection,
                                             const schema::FieldDef& field, const RecordId& id) {
  auto numbers = txn.find_numbers(std::span{&id, 1});
  if (!numbers) return numbers.error();
  if (numbers->front() == 0) return std::optional<RecordId>{};
  std::vector<StoredRecord> found;
  SATCHEL_TRY(txn.find_many(*numbers, found));
  if (found.front().number == 0) return std::optional<RecordId>{};
  auto record = open_record(txn, found.front(), hub.store().numbers());
  if (!record) return record.error();
  if (record->collection != collection.id) return std::optional<RecordId>{};
  const FieldReading reading = read_field(field, record->of_field(field.id));
  if (!reading.present) return std::optional<RecordId>{};
  const auto value = decode_value(reading.value);
  const auto* text = value ? value->as<std::string>() : nullptr;
  if (text == nullptr) return std::optional<RecordId>{};
  const auto parent = parse_record_id(*text);
  return parent ? std::optional<RecordId>{*parent} : std::optional<RecordId>{};
}

}  // namespace satchel::sync
