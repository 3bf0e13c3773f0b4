// Which scopes a record is in, and who may hold it.
#pragma once

#include <optional>
#include <vector>

#include "sync/hub/rows.hpp"

namespace satchel::sync {

// The scopes of one record, past ones included; none for collections that are everybody's.
Result<std::vector<Membership>> memberships_of(ReadTxn& txn,
                                               const schema::CollectionDef& collection,
                                               RecordNumber number);
// Ends membership in all other scopes and begins it in these (sorted, each once). The last one of
// each scope is kept for good: what was written before it ended may still come. False if nothing
// changed.
bool move_to_scopes(std::vector<Membership>& memberships, const std::vector<std::string>& scopes,
                    Sequence seq);
// Those in which the record is now; sorted.
std::vector<std::string> live_scopes(const std::vector<Membership>& memberships);

bool grants(const Entitlement& entitlement, const schema::CollectionDef& collection,
            const std::vector<Membership>& memberships);
// Whether the record was in a scope that `user` was granted, at the place `at` of the sequence or
// after it: what he made himself enters his scopes later than what he has heard.
bool granted_then(const User& user, const Entitlement& now,
                  const std::vector<Membership>& memberships, Sequence at);
// Since when the record is in a granted scope; 0 for always. Precondition: grants().
Sequence entered_at(const Entitlement& entitlement, const schema::CollectionDef& collection,
                    const std::vector<Membership>& memberships);
// The granted scope that the record left last after `since`; where it left none, the one that was
// granted formerly.
std::optional<Membership> left_after(const Entitlement& entitlement,
                                     const std::vector<Membership>& memberships, Sequence since);
// A scope that is granted no more and that the record is in.
std::optional<Membership> in_former(const Entitlement& entitlement,
                                    const std::vector<Membership>& memberships);
// Sorted; those of `all` that are not among `but`. Both are sorted.
std::vector<std::string> without(const std::vector<std::string>& all,
                                 const std::vector<std::string>& but);

// What `field` of record `id` points to, nothing where the record or the value is missing.
Result<std::optional<RecordId>> reference_of(Hub& hub, ReadTxn& txn,
                                             const schema::CollectionDef& collection,
                                             const schema::FieldDef& field, const RecordId& id);

// What an evict names of a record that became history (Entitlement::history_from).
inline constexpr std::string_view kHistoryScope = "history";

}  // namespace satchel::sync
