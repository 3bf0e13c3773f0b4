// What a device asks over HTTPS: POST /v1/enrollments/{id}:redeem and GET /v1/schemas/{hash}.
#include "crypto/base64.hpp"
#include "server/admin/enrolment.hpp"
#include "server/app/log.hpp"
#include "server/http/json.hpp"
#include "server/http/router.hpp"

namespace satchel::server {
namespace {

json::object enrolled_json(RouteContext& context, const Enrolled& enrolled) {
  Workspace& workspace = context.workspace;
  const sync::HubState state = workspace.hub().state();
  return json::object{
      {"device", to_text(enrolled.device.id)},
      {"workspace", to_text(state.workspace)},
      {"user", enrolled.user.name},
      {"role", std::string(sync::name_of(enrolled.user.role))},
      {"territories", to_array(enrolled.user.territories)},
      {"server_box_key", crypto::to_base64url(workspace.box_public_key())},
      {"schema_hash", to_hex(workspace.hub().catalog()->hash())},
      {"incarnation", to_text(state.incarnation)},
      {"access_token", workspace.tokens().make(enrolled.device.id, workspace.clock().wall_us())}};
}

Result<RedeemRequest> redeem_request(const Request& request, const PathParameters& path) {
  auto body = parse_object(request.body);
  if (!body) return body.error();
  auto secret_text = get_text(*body, "secret");
  if (!secret_text) return secret_text.error();
  auto key_text = get_text(*body, "public_key");
  if (!key_text) return key_text.error();
  auto name = find_text(*body, "name");
  if (!name) return name.error();
  auto id = crypto::from_base64url(path.get("id"));
  auto secret = crypto::from_base64url(*secret_text);
  if (!id || !secret) return Error{Errc::kEnrolmentInvalid};
  auto key = crypto::from_base64url(*key_text);
  if (!key) return Error{Errc::kInvalidArgument, "/public_key: base64url is needed"};
  return RedeemRequest{.id = std::move(*id),
                       .secret = std::move(*secret),
                       .device_name = name->value_or(""),
                       .public_key = std::move(*key)};
}

Response post_redeem(RouteContext& context, const Request& request, const PathParameters& path) {
  auto asked = redeem_request(request, path);
  if (!asked) return problem(request, asked.error());
  auto enrolled = redeem(context.workspace.hub(), context.writer, *asked);
  if (!enrolled) {
    if (enrolled.error().code == Errc::kEnrolmentUsed) {
      const sync::DeviceId frozen = device_of_code(asked->id);
      log(LogLevel::kError, "ALARM enrolment_code_used_twice", {{"device_id", to_text(frozen)}});
      context.notifier.cut(frozen, {}, Error{Errc::kDeviceRevoked});
    }
    return problem(request, enrolled.error());
  }
  log(LogLevel::kInfo, "device_enrolled", {{"device_id", to_text(enrolled->device.id)}});
  return json_response(200, enrolled_json(context, *enrolled));
}

// The device that a request's token names, if it may still be served.
Status check_access(RouteContext& context, const Request& request) {
  Workspace& workspace = context.workspace;
  auto id = workspace.tokens().open(request.bearer(), workspace.clock().wall_us());
  if (!id) return id.error();
  auto device = workspace.hub().find_device(*id);
  if (!device) return device.error();
  if (!*device) return Error{Errc::kUnauthenticated, "no such device"};
  if ((*device)->revoked) return Error{Errc::kDeviceRevoked};
  auto user = workspace.hub().find_user((*device)->user);
  if (!user) return user.error();
  if (!*user || !(*user)->active) return Error{Errc::kUserDisabled};
  return {};
}

Response get_schema(RouteContext& context, const Request& request, const PathParameters& path) {
  const Status access = check_access(context, request);
  if (!access) return problem(request, access.error());
  Bytes hash;
  if (!from_hex(path.get("hash"), hash)) return problem(request, Error{Errc::kSchemaUnknown});
  auto nodes = context.workspace.hub().schema_nodes(hash);
  if (!nodes) return problem(request, nodes.error());
  return {.status = 200,
          .content_type = "application/octet-stream",
          .body = std::move(*nodes),
          .headers = {}};
}

}  // namespace

void add_device_routes(Router& router) {
  router.add("POST", "/v1/enrollments/{id}:redeem", post_redeem);
  router.add("GET", "/v1/schemas/{hash}", get_schema);
}

}  // namespace satchel::server
