#include "server/admin/writing.hpp"

#include <cstring>

#include "crypto/hash.hpp"
#include "schema/model/varint.hpp"

namespace satchel::server {

RecordId keyed_record_id(const WorkspaceId& workspace, std::string_view collection,
                         std::string_view key, std::string_view value) {
  Bytes message = "satchel keyed record";
  message += workspace.bytes();
  append_sized(message, collection);
  append_sized(message, key);
  append_sized(message, value);
  const Bytes digest = crypto::sha256(message);
  RecordId id;
  std::memcpy(id.octets.data(), digest.data(), id.octets.size());
  id.octets[6] = static_cast<std::uint8_t>((id.octets[6] & 0x0F) | 0x80);
  id.octets[8] = static_cast<std::uint8_t>((id.octets[8] & 0x3F) | 0x80);
  return id;
}

Status fill_created(sync::CommitBuilder& builder, const schema::CollectionDef& collection,
                    const RecordId& id, std::int64_t now_us) {
  auto shown = builder.shown(collection, id);
  if (!shown) return shown.error();
  const auto fill = [&](std::string_view name, const Value& value) -> Status {
    const schema::FieldDef* const field = collection.find(name);
    if (field == nullptr || !(*shown)->of_field(field->id).empty()) return {};
    return builder.set(collection.name, id, name, value);
  };
  SATCHEL_TRY(fill("createdAt", Value{now_us}));
  SATCHEL_TRY(fill("createdBy", Value{std::string(kAdminActor)}));
  return fill("createdOn", Value{"server"});
}

Status OwnerCheck::check_owner(sync::HubTxn& txn, const std::string& name) {
  if (known_.contains(name)) return {};
  auto user = txn.find_user(name);
  if (!user) return user.error();
  if (!*user) return Error{Errc::kNotFound, "owner: no user of this name"};
  known_.insert(name);
  return {};
}

Status OwnerCheck::check(sync::HubTxn& txn, const schema::Catalog& catalog,
                         const sync::CommitBody& body) {
  for (const sync::RecordWrite& record : body.records) {
    const schema::CollectionDef* const collection = catalog.find(record.collection);
    const schema::FieldDef* const owner =
        collection == nullptr ? nullptr : collection->find("owner");
    // A field of a schema of one's own may be called so too.
    if (owner == nullptr || owner->rule != schema::Rule::kServer) continue;
    for (const sync::RegisterWrite& write : record.writes) {
      if (write.field != owner->id) continue;
      const auto value = decode_value(write.value);
      const auto* const name = value ? value->as<std::string>() : nullptr;
      if (name != nullptr) SATCHEL_TRY(check_owner(txn, *name));
    }
  }
  return {};
}

Result<bool> write_all(sync::HubTxn& txn, sync::CommitBuilder& builder, std::string_view purpose) {
  if (builder.empty()) return false;
  auto body = builder.finish();
  if (!body) return body.error();
  if (body->records.empty()) return false;
  auto result = txn.write(*body, std::string(kAdminActor), std::string(purpose));
  if (!result) return result.error();
  return true;
}

}  // namespace satchel::server
