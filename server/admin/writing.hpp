// What all writes of the office share: their author, the ids of keyed records, the fields of a new
// one.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "server/app/writer.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

inline constexpr std::string_view kAdminActor = "admin";

// The id of the record that a key names, the same on every run: a UUID of version 8 (RFC 9562) made
// of a hash of workspace, collection, key and value.
RecordId keyed_record_id(const WorkspaceId& workspace, std::string_view collection,
                         std::string_view key, std::string_view value);

// Sets createdAt, createdBy and createdOn of a record that this commit creates, those of them that
// the collection has and that nobody has set yet. Fields of the caller's own count, whenever set.
Status fill_created(sync::CommitBuilder& builder, const schema::CollectionDef& collection,
                    const RecordId& id, std::int64_t now_us);

// Whoever owns a record holds it. Lives for one transaction, and asks once of each name.
class OwnerCheck {
 public:
  // kNotFound where an owner is written whom the workspace does not know, and whom nobody could be.
  Status check(sync::HubTxn& txn, const schema::Catalog& catalog, const sync::CommitBody& body);

 private:
  Status check_owner(sync::HubTxn& txn, const std::string& name);
  std::set<std::string, std::less<>> known_;
};

// Finishes the builder and writes its commit, if it holds any write. Whether it did.
Result<bool> write_all(sync::HubTxn& txn, sync::CommitBuilder& builder, std::string_view purpose);

}  // namespace satchel::server
