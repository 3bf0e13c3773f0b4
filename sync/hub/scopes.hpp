// Which scopes a record is in, and who may hold it.
#pragma once

#include <optional>
#include <vector>

#include "sync/hub/rows.hpp"

namespace satchel::sync {

// In this version the paths `all` and `owner` are in force.
bool in_everybodys_scope(const schema::CollectionDef& collection);
bool has_owner_scope(const schema::CollectionDef& collection);

// The scopes of one record, past ones included; none for collections that are everybody's.
Result<std::vector<Membership>> memberships_of(ReadTxn& txn,
                                               const schema::CollectionDef& collection,
                                               RecordNumber number);
// Ends membership in other scopes and begins it in this one. False if it was in already.
bool move_to_scope(std::vector<Membership>& memberships, const std::string& scope, Sequence seq);

bool grants(const Entitlement& entitlement, const schema::CollectionDef& collection,
            const std::vector<Membership>& memberships);
// Since when the record is in a granted scope; 0 for always. Precondition: grants().
Sequence entered_at(const Entitlement& entitlement, const schema::CollectionDef& collection,
                    const std::vector<Membership>& memberships);
// The granted scope that the record left last after `since`, if it left one.
std::optional<Membership> left_after(const Entitlement& entitlement,
                                     const std::vector<Membership>& memberships, Sequence since);

// What `field` of record `id` points to, nothing where the record or the value is missing.
Result<std::optional<RecordId>> reference_of(Hub& hub, ReadTxn& txn,
                                             const schema::CollectionDef& collection,
                                             const schema::FieldDef& field, const RecordId& id);

}  // namespace satchel::sync
