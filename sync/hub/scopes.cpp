#include "sync/hub/scopes.hpp"

#include <algorithm>
#include <iterator>

#include "sync/merge/reference.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

bool is_among(const std::vector<std::string>& sorted, const std::string& scope) {
  return std::binary_search(sorted.begin(), sorted.end(), scope);
}

bool holds(const Entitlement& entitlement, const std::string& scope) {
  return is_among(entitlement.scopes, scope);
}

bool is_everything(const Entitlement& entitlement) { return holds(entitlement, "*"); }

}  // namespace

Result<std::vector<Membership>> memberships_of(ReadTxn& txn,
                                               const schema::CollectionDef& collection,
                                               RecordNumber number) {
  if (collection.everybodys) return std::vector<Membership>{};
  auto row = txn.find(Table::kScopes, big_key(number));
  if (!row) return row.error();
  if (!*row) return std::vector<Membership>{};
  return decode_memberships(**row);
}

bool move_to_scopes(std::vector<Membership>& memberships, const std::vector<std::string>& scopes,
                    Sequence seq) {
  bool changed = false;
  for (Membership& membership : memberships) {
    if (membership.left != 0 || is_among(scopes, membership.scope)) continue;
    membership.left = seq;
    changed = true;
  }
  for (const std::string& scope : scopes) {
    const bool in_already =
        std::any_of(memberships.begin(), memberships.end(), [&](const Membership& membership) {
          return membership.scope == scope && membership.left == 0;
        });
    if (in_already) continue;
    std::erase_if(memberships,
                  [&](const Membership& membership) { return membership.scope == scope; });
    memberships.push_back({scope, seq, 0});
    changed = true;
  }
  return changed;
}

std::vector<std::string> live_scopes(const std::vector<Membership>& memberships) {
  std::vector<std::string> scopes;
  for (const Membership& membership : memberships) {
    if (membership.left == 0) scopes.push_back(membership.scope);
  }
  std::sort(scopes.begin(), scopes.end());
  return scopes;
}

bool grants(const Entitlement& entitlement, const schema::CollectionDef& collection,
            const std::vector<Membership>& memberships) {
  if (is_everything(entitlement) || collection.everybodys) return true;
  return std::any_of(memberships.begin(), memberships.end(), [&](const Membership& membership) {
    return membership.left == 0 && holds(entitlement, membership.scope);
  });
}

bool granted_then(const User& user, const Entitlement& now,
                  const std::vector<Membership>& memberships, Sequence at) {
  const auto had = [&](const std::string& scope) {
    return holds(now, scope) ||
           std::any_of(user.former.begin(), user.former.end(), [&](const auto& former) {
             return former.until > at && (former.scope == scope || former.scope == "*");
           });
  };
  return std::any_of(memberships.begin(), memberships.end(), [&](const Membership& membership) {
    return (membership.left == 0 || membership.left > at) && had(membership.scope);
  });
}

Sequence entered_at(const Entitlement& entitlement, const schema::CollectionDef& collection,
                    const std::vector<Membership>& memberships) {
  if (is_everything(entitlement) || collection.everybodys) return 0;
  Sequence entered = 0;
  for (const Membership& membership : memberships) {
    if (membership.left != 0 || !holds(entitlement, membership.scope)) continue;
    entered = entered == 0 ? membership.entered : std::min(entered, membership.entered);
  }
  return entered;
}

std::optional<Membership> left_after(const Entitlement& entitlement,
                                     const std::vector<Membership>& memberships, Sequence since) {
  const auto last_of = [&](const auto& is_known) {
    std::optional<Membership> last;
    for (const Membership& membership : memberships) {
      if (membership.left <= since || !is_known(membership.scope)) continue;
      if (!last || membership.left > last->left) last = membership;
    }
    return last;
  };
  // One that is granted no more has held nothing since.
  const auto last = last_of([&](const auto& scope) { return holds(entitlement, scope); });
  if (last) return last;
  return last_of([&](const auto& scope) { return is_among(entitlement.former, scope); });
}

std::optional<Membership> in_former(const Entitlement& entitlement,
                                    const std::vector<Membership>& memberships) {
  const auto found =
      std::find_if(memberships.begin(), memberships.end(), [&](const Membership& membership) {
        return membership.left == 0 && is_among(entitlement.former, membership.scope);
      });
  if (found == memberships.end()) return std::nullopt;
  return *found;
}

std::vector<std::string> without(const std::vector<std::string>& all,
                                 const std::vector<std::string>& but) {
  std::vector<std::string> left;
  std::set_difference(all.begin(), all.end(), but.begin(), but.end(), std::back_inserter(left));
  return left;
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
  return shown_reference(field, *record);
}

}  // namespace satchel::sync
