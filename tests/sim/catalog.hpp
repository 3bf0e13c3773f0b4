// The standard CRM; one more collection in which a deletion stands against edits and every merge
// rule is at home; and four that hang together and belong to territories, up to two references
// away.
#pragma once

#include "schema/catalog/catalog.hpp"

namespace satchel::sim {

inline constexpr const char* kTerritories[] = {"north", "south", "west"};

// Of the schema as it is, and as it was before these fields were added.
inline constexpr std::string_view kNewerFields[] = {"remark", "lastVisit", "badges", "said"};
struct Catalogs {
  std::shared_ptr<const schema::Catalog> older, newer;
};
Result<Catalogs> make_catalogs();

}  // namespace satchel::sim
