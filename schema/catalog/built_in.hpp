// The standard CRM as it travels with every program of ours: compiled when the program was built.
#pragma once

#include <memory>

#include "schema/catalog/catalog.hpp"

namespace satchel::schema {

// kSchemaInvalid where the program itself is damaged. Any thread.
Result<std::shared_ptr<const Catalog>> built_in_crm();

}  // namespace satchel::schema
