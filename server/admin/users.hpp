// Users and territories: the directory's rows and the records of the same names, written together.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/app/writer.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

// kInvalidArgument unless 1 to 64 of a-z 0-9 . _ -
Status check_user_name(const std::string& name);

struct NewUser {
  std::string name;
  sync::Role role = sync::Role::kRep;
  std::vector<std::string> territories;
};
// kAlreadyExists, kInvalidArgument.
Result<sync::User> create_user(sync::Hub& hub, Writer& writer, const NewUser& asked);
// Changes a user; the record follows. kNotFound.
Result<sync::User> change_user(sync::Hub& hub, Writer& writer, const std::string& name,
                               const std::function<void(sync::User&)>& change);
// kNotFound: no such user, or no such territory.
Result<sync::User> set_territories(sync::Hub& hub, Writer& writer, const std::string& name,
                                   const std::vector<std::string>& territories);
// Puts directory row and record of a user within a transaction; also what an import of users does.
Status put_user_and_record(sync::HubTxn& txn, sync::Hub& hub, sync::User& user);

struct Territory {
  RecordId id;
  std::string name;
  std::string parent;  // Its name; empty where there is none.
};
// kAlreadyExists, kNotFound (the parent), kInvalidArgument, kCollectionUnknown.
Result<Territory> create_territory(sync::Hub& hub, Writer& writer, const std::string& name,
                                   const std::string& parent);
Result<std::vector<Territory>> list_territories(sync::Hub& hub);

// Marks a device revoked; its sessions are the caller's to cut. kNotFound.
Result<sync::Device> revoke_device(Writer& writer, const sync::DeviceId& id);
// Revokes it, and orders it to destroy its data when it says hello next. kNotFound.
Result<sync::Device> wipe_device(Writer& writer, const sync::DeviceId& id);

}  // namespace satchel::server
