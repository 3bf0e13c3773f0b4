// /admin/v1: users, territories, devices, enrolment codes.
#include "server/admin/enrolment.hpp"
#include "server/admin/users.hpp"
#include "server/app/log.hpp"
#include "server/http/admin_guard.hpp"
#include "server/http/json.hpp"

namespace satchel::server {
namespace {

const Error kReconnect{Errc::kBackpressure, "what this user may hold has changed: connect again"};

json::object user_json(const sync::User& user) {
  return json::object{{"name", user.name},
                      {"role", std::string(sync::name_of(user.role))},
                      {"territories", to_array(user.territories)},
                      {"active", user.active}};
}

json::value wipe_name(const sync::Device& device) {
  if (!device.wipe) return nullptr;
  return device.wipe_told ? "told" : "ordered";
}

json::object device_json(const sync::Device& device) {
  return json::object{{"id", to_text(device.id)},
                      {"user", device.user},
                      {"name", device.name},
                      {"replica", to_text(device.replica)},
                      {"revoked", device.revoked},
                      {"wipe", wipe_name(device)},
                      {"enrolled_at", time_json(device.enrolled_us)},
                      {"last_seen_at", time_json(device.last_seen_us)}};
}

json::object territory_json(const Territory& territory) {
  json::object object{{"id", to_text(territory.id)}, {"name", territory.name}, {"parent", nullptr}};
  if (!territory.parent.empty()) object["parent"] = territory.parent;
  return object;
}

Response get_users(RouteContext& context, const Request& request, const PathParameters&) {
  auto users = context.workspace.hub().users();
  if (!users) return problem(request, users.error());
  json::array list;
  for (const sync::User& user : *users) list.push_back(user_json(user));
  return json_response(200, list);
}

Response get_user(RouteContext& context, const Request& request, const PathParameters& path) {
  auto user = context.workspace.hub().find_user(path.get("name"));
  if (!user) return problem(request, user.error());
  if (!*user) return problem(request, Error{Errc::kNotFound, "no user of this name"});
  return json_response(200, user_json(**user));
}

Result<NewUser> new_user(const Request& request) {
  auto body = parse_object(request.body);
  if (!body) return body.error();
  auto name = get_text(*body, "name");
  if (!name) return name.error();
  auto role_name = get_text(*body, "role");
  if (!role_name) return role_name.error();
  auto role = sync::parse_role(*role_name);
  if (!role) return role.error();
  auto territories = find_texts(*body, "territories");
  if (!territories) return territories.error();
  return NewUser{std::move(*name), *role, std::move(*territories)};
}

Response post_user(RouteContext& context, const Request& request, const PathParameters&) {
  auto asked = new_user(request);
  if (!asked) return problem(request, asked.error());
  auto user = create_user(context.workspace.hub(), context.writer, *asked);
  if (!user) return problem(request, user.error());
  return json_response(201, user_json(*user));
}

// Changes a user and makes his live sessions begin anew, under what holds from now on.
Response change(RouteContext& context, const Request& request, const std::string& name,
                const Error& cut_with, const std::function<void(sync::User&)>& how) {
  auto user = change_user(context.workspace.hub(), context.writer, name, how);
  if (!user) return problem(request, user.error());
  context.notifier.cut({}, name, cut_with);
  return json_response(200, user_json(*user));
}

Response post_disable(RouteContext& context, const Request& request, const PathParameters& path) {
  return change(context, request, path.get("name"), Error{Errc::kUserDisabled},
                [](sync::User& user) { user.active = false; });
}

Response put_role(RouteContext& context, const Request& request, const PathParameters& path) {
  auto body = parse_object(request.body);
  if (!body) return problem(request, body.error());
  auto name = get_text(*body, "role");
  if (!name) return problem(request, name.error());
  auto role = sync::parse_role(*name);
  if (!role) return problem(request, role.error());
  if (*role == sync::Role::kServer) {
    return problem(request, Error{Errc::kInvalidArgument, "no user has the role server"});
  }
  return change(context, request, path.get("name"), kReconnect,
                [&](sync::User& user) { user.role = *role; });
}

Response put_territories(RouteContext& context, const Request& request,
                         const PathParameters& path) {
  auto body = parse_object(request.body);
  if (!body) return problem(request, body.error());
  auto names = find_texts(*body, "territories");
  if (!names) return problem(request, names.error());
  const std::string& name = path.get("name");
  auto user = set_territories(context.workspace.hub(), context.writer, name, *names);
  if (!user) return problem(request, user.error());
  context.notifier.cut({}, name, kReconnect);
  return json_response(200, user_json(*user));
}

Response get_territories(RouteContext& context, const Request& request, const PathParameters&) {
  auto territories = list_territories(context.workspace.hub());
  if (!territories) return problem(request, territories.error());
  json::array list;
  for (const Territory& territory : *territories) list.push_back(territory_json(territory));
  return json_response(200, list);
}

Response post_territory(RouteContext& context, const Request& request, const PathParameters&) {
  auto body = parse_object(request.body);
  if (!body) return problem(request, body.error());
  auto name = get_text(*body, "name");
  if (!name) return problem(request, name.error());
  auto parent = find_text(*body, "parent");
  if (!parent) return problem(request, parent.error());
  auto made =
      create_territory(context.workspace.hub(), context.writer, *name, parent->value_or(""));
  if (!made) return problem(request, made.error());
  return json_response(201, territory_json(*made));
}

Response post_enrollment(RouteContext& context, const Request& request, const PathParameters&) {
  auto body = parse_object(request.body);
  if (!body) return problem(request, body.error());
  auto user = get_text(*body, "user");
  if (!user) return problem(request, user.error());
  auto ticket = make_code(context.workspace.hub(), context.writer, *user, context.config.url(),
                          context.ca_pin);
  if (!ticket) return problem(request, ticket.error());
  auto code = wire::encode_ticket(*ticket);
  if (!code) return problem(request, code.error());
  return json_response(201, json::object{{"code", *code},
                                         {"user", ticket->user},
                                         {"url", ticket->url},
                                         {"expires_at", time_json(ticket->expires_us)}});
}

Response get_devices(RouteContext& context, const Request& request, const PathParameters&) {
  auto devices = context.workspace.hub().devices();
  if (!devices) return problem(request, devices.error());
  json::array list;
  for (const sync::Device& device : *devices) list.push_back(device_json(device));
  return json_response(200, list);
}

Result<sync::Device> named_device(RouteContext& context, const PathParameters& path) {
  auto id = parse_id<sync::DeviceId>(path.get("id"));
  if (!id) return id.error();
  auto device = context.workspace.hub().find_device(*id);
  if (!device) return device.error();
  if (!*device) return Error{Errc::kNotFound, "no such device"};
  return std::move(**device);
}

Response get_device(RouteContext& context, const Request& request, const PathParameters& path) {
  auto device = named_device(context, path);
  if (!device) return problem(request, device.error());
  json::object object = device_json(*device);
  auto replica = context.workspace.hub().find_replica(device->replica);
  if (!replica) return problem(request, replica.error());
  if (*replica) {
    object["watermark"] = (*replica)->watermark;
    object["progress"] = (*replica)->progress.seq;
    object["lag"] = context.workspace.hub().state().seq - (*replica)->progress.seq;
  }
  return json_response(200, object);
}

Response post_revoke(RouteContext& context, const Request& request, const PathParameters& path) {
  auto id = parse_id<sync::DeviceId>(path.get("id"));
  if (!id) return problem(request, id.error());
  auto device = revoke_device(context.writer, *id);
  if (!device) return problem(request, device.error());
  context.notifier.cut(*id, {}, Error{Errc::kDeviceRevoked});
  log(LogLevel::kInfo, "device_revoked", {{"device_id", to_text(*id)}});
  return json_response(200, device_json(*device));
}

// A session that is open is only cut: the device comes back, and its hello is answered with the
// order.
Response post_wipe(RouteContext& context, const Request& request, const PathParameters& path) {
  auto id = parse_id<sync::DeviceId>(path.get("id"));
  if (!id) return problem(request, id.error());
  auto device = wipe_device(context.writer, *id);
  if (!device) return problem(request, device.error());
  context.notifier.cut(*id, {}, Error{Errc::kConnectionCut});
  log(LogLevel::kInfo, "device_wipe_ordered", {{"device_id", to_text(*id)}});
  return json_response(200, device_json(*device));
}

}  // namespace

void add_admin_routes(Router& router) {
  router.add("GET", "/admin/v1/users", as_admin<get_users>);
  router.add("POST", "/admin/v1/users", as_admin<post_user>);
  router.add("GET", "/admin/v1/users/{name}", as_admin<get_user>);
  router.add("POST", "/admin/v1/users/{name}:disable", as_admin<post_disable>);
  router.add("PUT", "/admin/v1/users/{name}/role", as_admin<put_role>);
  router.add("PUT", "/admin/v1/users/{name}/territories", as_admin<put_territories>);
  router.add("GET", "/admin/v1/territories", as_admin<get_territories>);
  router.add("POST", "/admin/v1/territories", as_admin<post_territory>);
  router.add("POST", "/admin/v1/enrollments", as_admin<post_enrollment>);
  router.add("GET", "/admin/v1/devices", as_admin<get_devices>);
  router.add("GET", "/admin/v1/devices/{id}", as_admin<get_device>);
  router.add("POST", "/admin/v1/devices/{id}:revoke", as_admin<post_revoke>);
  router.add("POST", "/admin/v1/devices/{id}:wipe", as_admin<post_wipe>);
}

}  // namespace satchel::server
