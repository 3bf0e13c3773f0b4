// The schema in force, and its successor.
#pragma once

#include "server/app/writer.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

// {"hash","collections":[{"name","type","life","scopes":[],
//   "fields":[{"name","rule","class","type","required"}]}]}
Bytes schema_json(const schema::Catalog& catalog);
// Puts compiled nodes in force. kSchemaInvalid, kSchemaIncompatible, kLimitExceeded.
Result<std::shared_ptr<const schema::Catalog>> apply_schema(sync::Hub& hub, Writer& writer,
                                                            ByteView nodes);
// Whether `nodes` could be put in force.
Status check_schema(sync::Hub& hub, ByteView nodes);

}  // namespace satchel::server
