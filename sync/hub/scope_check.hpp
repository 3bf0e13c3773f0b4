// Whether the indexes that scopes rest on are what the records say.
#pragma once

#include <string>
#include <vector>

#include "sync/hub/hub.hpp"

namespace satchel::sync {

// A sentence for each entry that is missing, or is there without a reason: of a record's scopes
// (Table::kScopes), against what its fields and those on its paths say; of the scopes' members
// (Table::kScopeMembers), against the records' scopes; of the references (Table::kReferences),
// against the records. A sentence names the record, and a scope by its kind and a mark of its keyed
// hash: no user, no value. What cannot be read is passed over, and so are records that wait to be
// moved. One snapshot; reads every record. At most 1,000 sentences and one that counts the others.
// Errors: those of the store.
Result<std::vector<std::string>> check_scopes(Hub& hub);

// Has the next open place every record anew, and the devices take what they may hold anew. Waits
// for the writer.
Status mend_scopes_at_next_open(Hub& hub);

}  // namespace satchel::sync
