// The standard CRM, and one more collection in which a deletion stands against edits and every
// merge rule is at home.
#pragma once

#include "schema/catalog/catalog.hpp"

namespace satchel::sim {

Result<std::shared_ptr<const schema::Catalog>> make_catalog();

}  // namespace satchel::sim
