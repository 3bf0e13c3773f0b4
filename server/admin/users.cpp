#include "server/admin/users.hpp"

#include <functional>

#include <algorithm>
#include <map>
#include <set>

#include "server/admin/writing.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"
#include "sync/policy/decide.hpp"

namespace satchel::server {
namespace {

constexpr std::string_view kUsers = "users";
constexpr std::string_view kTerritories = "territories";
constexpr std::size_t kNameMax = 64;

Value list_of(const std::vector<std::string>& texts) {
  ListElements elements;
  for (const std::string& text : texts) elements.emplace_back(text);
  return Value{std::move(elements)};
}

// Sets those of the fields that the collection has and that show something else.
Status set_fields(sync::CommitBuilder& builder, const schema::CollectionDef& collection,
                  const RecordId& id,
                  std::initializer_list<std::pair<std::string_view, Value>> fields) {
  auto shown = builder.shown(collection, id);
  if (!shown) return shown.error();
  for (const auto& [name, value] : fields) {
    const schema::FieldDef* const field = collection.find(name);
    if (field == nullptr) continue;
    const auto reading = sync::read_field(*field, (*shown)->of_field(field->id));
    if (reading.present ? reading.value == encode_value(value) : value.is_null()) continue;
    SATCHEL_TRY(builder.set(collection.name, id, name, value));
  }
  return {};
}

std::string text_of(const schema::CollectionDef& collection, const sync::Record& record,
                    std::string_view name) {
  const schema::FieldDef* const field = collection.find(name);
  if (field == nullptr) return {};
  const auto reading = sync::read_field(*field, record.of_field(field->id));
  if (!reading.present) return {};
  const auto value = decode_value(reading.value);
  if (!value || value->as<std::string>() == nullptr) return {};
  return *value->as<std::string>();
}

bool exists(const std::optional<sync::Record>& record, const schema::CollectionDef& collection) {
  return record && sync::is_alive(*record, collection.life);
}

Status put_territory(sync::HubTxn& txn, const schema::CollectionDef& collection,
                     const Territory& made, std::int64_t now_us) {
  auto builder = txn.builder();
  auto held = builder.shown(collection, made.id);
  if (!held) return held.error();
  if (exists(*held, collection)) return Error{Errc::kAlreadyExists, "a territory of this name"};
  if (*held) {
    SATCHEL_TRY(builder.restore(kTerritories, made.id));
  } else {
    SATCHEL_TRY(builder.create(kTerritories, made.id));
    SATCHEL_TRY(fill_created(builder, collection, made.id, now_us));
  }
  Value above;
  if (!made.parent.empty()) {
    const RecordId parent_id =
        keyed_record_id(txn.state().workspace, kTerritories, "name", made.parent);
    auto parent = builder.shown(collection, parent_id);
    if (!parent) return parent.error();
    if (!exists(*parent, collection)) return Error{Errc::kNotFound, "no such parent"};
    above = Value{to_text(parent_id)};
  }
  SATCHEL_TRY(
      set_fields(builder, collection, made.id, {{"name", Value{made.name}}, {"parent", above}}));
  auto written = write_all(txn, builder, sync::kDefaultPurpose);
  if (!written) return written.error();
  return {};
}

// By name or id, or as an outside system names it. A schema of one's own without territories takes
// any.
Status check_territories(sync::Hub& hub, const std::vector<std::string>& asked) {
  const auto catalog = hub.catalog();
  const schema::CollectionDef* const collection = catalog->find(kTerritories);
  if (collection == nullptr || asked.empty()) return {};
  const schema::FieldDef* const outside = collection->find("externalIds");
  std::set<std::string, std::less<>> unknown{asked.begin(), asked.end()};
  SATCHEL_TRY(hub.visit_records(nullptr, [&](const sync::Record& record) {
    if (record.collection != collection->id || !sync::is_alive(record, collection->life))
      return true;
    unknown.erase(to_text(record.id));
    unknown.erase(text_of(*collection, record, "name"));
    if (outside == nullptr) return true;
    for (const auto& item : sync::read_field(*outside, record.of_field(outside->id)).items) {
      const auto value = decode_value(item.value);
      if (value && value->as<std::string>() != nullptr) unknown.erase(*value->as<std::string>());
    }
    return true;
  }));
  if (unknown.empty()) return {};
  return Error{Errc::kNotFound, "no such territory: " + *unknown.begin()};
}

}  // namespace

Status check_user_name(const std::string& name) {
  bool good = !name.empty() && name.size() <= kNameMax;
  for (const char c : name) {
    good &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  }
  if (good) return {};
  return Error{Errc::kInvalidArgument, "a user's name is 1 to 64 of a-z, 0-9, '.', '_' and '-'"};
}

Status put_user_and_record(sync::HubTxn& txn, sync::Hub& hub, sync::User& user) {
  const auto catalog = hub.catalog();
  const schema::CollectionDef* const collection = catalog->find(kUsers);
  if (collection == nullptr) return txn.put_user(user);  // A schema of one's own without users.
  if (user.record.is_zero()) {
    user.record = keyed_record_id(txn.state().workspace, kUsers, "name", user.name);
  }
  auto builder = txn.builder();
  auto held = builder.shown(*collection, user.record);
  if (!held) return held.error();
  if (!*held) {
    SATCHEL_TRY(builder.create(kUsers, user.record));
    SATCHEL_TRY(fill_created(builder, *collection, user.record, hub.clock().wall_us()));
  } else if (!exists(*held, *collection)) {
    SATCHEL_TRY(builder.restore(kUsers, user.record));
  }
  SATCHEL_TRY(set_fields(builder, *collection, user.record,
                         {{"name", Value{user.name}},
                          {"role", Value{std::string(sync::name_of(user.role))}},
                          {"territories", list_of(user.territories)},
                          {"active", Value{user.active}}}));
  auto written = write_all(txn, builder, sync::kDefaultPurpose);
  if (!written) return written.error();
  return txn.put_user(user);
}

Result<sync::User> create_user(sync::Hub& hub, Writer& writer, const NewUser& asked) {
  SATCHEL_TRY(check_user_name(asked.name));
  if (asked.role == sync::Role::kServer) {
    return Error{Errc::kInvalidArgument, "no user has the role server"};
  }
  SATCHEL_TRY(check_territories(hub, asked.territories));
  sync::User user;
  user.name = asked.name;
  user.role = asked.role;
  user.territories = asked.territories;
  SATCHEL_TRY(writer.run([&](sync::HubTxn& txn) -> Status {
    auto known = txn.find_user(asked.name);
    if (!known) return known.error();
    if (*known) return Error{Errc::kAlreadyExists, "a user of this name"};
    return put_user_and_record(txn, hub, user);
  }));
  return user;
}

Result<sync::User> change_user(sync::Hub& hub, Writer& writer, const std::string& name,
                               const std::function<void(sync::User&)>& change) {
  sync::User user;
  SATCHEL_TRY(writer.run([&](sync::HubTxn& txn) -> Status {
    auto known = txn.find_user(name);
    if (!known) return known.error();
    if (!*known) return Error{Errc::kNotFound, "no user of this name"};
    user = std::move(**known);
    change(user);
    return put_user_and_record(txn, hub, user);
  }));
  return user;
}

Result<sync::User> set_territories(sync::Hub& hub, Writer& writer, const std::string& name,
                                   const std::vector<std::string>& territories) {
  SATCHEL_TRY(check_territories(hub, territories));
  return change_user(hub, writer, name, [&](sync::User& user) { user.territories = territories; });
}

Result<Territory> create_territory(sync::Hub& hub, Writer& writer, const std::string& name,
                                   const std::string& parent) {
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  const bool seen = name.find_first_not_of(' ') != std::string::npos;
  if (name.size() > kNameMax || !plain || !seen) {
    return Error{
        Errc::kInvalidArgument,
        "a territory's name has 1 to 64 bytes, none of them a control character, and is not "
        "all blanks"};
  }
  const auto catalog = hub.catalog();
  const schema::CollectionDef* const collection = catalog->find(kTerritories);
  if (collection == nullptr) return Error{Errc::kCollectionUnknown, std::string(kTerritories)};
  const WorkspaceId workspace = hub.state().workspace;
  const Territory made{keyed_record_id(workspace, kTerritories, "name", name), name, parent};
  const Status durable = writer.run([&](sync::HubTxn& txn) {
    return put_territory(txn, *collection, made, hub.clock().wall_us());
  });
  if (!durable) return durable.error();
  return made;
}

Result<std::vector<Territory>> list_territories(sync::Hub& hub) {
  const auto catalog = hub.catalog();
  const schema::CollectionDef* const collection = catalog->find(kTerritories);
  if (collection == nullptr) return std::vector<Territory>{};
  std::vector<Territory> all;
  std::map<std::string, std::string> names;
  SATCHEL_TRY(hub.visit_records(nullptr, [&](const sync::Record& record) {
    if (record.collection != collection->id || !sync::is_alive(record, collection->life))
      return true;
    all.push_back(
        {record.id, text_of(*collection, record, "name"), text_of(*collection, record, "parent")});
    names[to_text(record.id)] = all.back().name;
    return true;
  }));
  for (Territory& territory : all) {
    const auto found = names.find(territory.parent);
    if (found != names.end()) territory.parent = found->second;
  }
  std::sort(all.begin(), all.end(),
            [](const Territory& a, const Territory& b) { return a.name < b.name; });
  return all;
}

namespace {

Result<sync::Device> change_device(Writer& writer, const sync::DeviceId& id,
                                   const std::function<void(sync::Device&)>& change) {
  sync::Device device;
  SATCHEL_TRY(writer.run([&](sync::HubTxn& txn) -> Status {
    auto known = txn.find_device(id);
    if (!known) return known.error();
    if (!*known) return Error{Errc::kNotFound, "no such device"};
    device = std::move(**known);
    change(device);
    return txn.put_device(device);
  }));
  return device;
}

}  // namespace

Result<sync::Device> revoke_device(Writer& writer, const sync::DeviceId& id) {
  return change_device(writer, id, [](sync::Device& device) { device.revoked = true; });
}

Result<sync::Device> wipe_device(Writer& writer, const sync::DeviceId& id) {
  return change_device(writer, id, [](sync::Device& device) {
    device.revoked = true;
    device.wipe = true;
  });
}

}  // namespace satchel::server
