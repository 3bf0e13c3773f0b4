// The standard CRM; one more collection in which a deletion stands against edits and every merge
// rule is at home; and four that hang together and belong to territories, up to two references
// away.
#pragma once

#include "schema/catalog/catalog.hpp"

namespace satchel::sim {

inline constexpr const char* kTerritories[] = {"north", "south", "west"};

Result<std::shared_ptr<const schema::Catalog>> make_catalog();

}  // namespace satchel::sim
