// Stage tables as they are written in a schema, by names, resolved and closed.
#pragma once

#include <memory>

#include "annotations.capnp.h"
#include "schema/catalog/catalog.hpp"
#include "schema/catalog/complaints.hpp"

namespace satchel::schema {

// Null, having complained: no stages or too many, a stage named twice or not declared, a precedence
// that is no strict partial order.
std::shared_ptr<const StageTable> read_stage_table(words::StageTable::Reader table,
                                                   const Place& place, Complaints& complaints);

}  // namespace satchel::schema
