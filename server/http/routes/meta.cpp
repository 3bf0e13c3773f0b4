// GET /healthz, /livez, /readyz, /version.
#include "server/app/version.hpp"
#include "server/http/json.hpp"
#include "server/http/router.hpp"

namespace satchel::server {
namespace {

Response get_health(RouteContext&, const Request&, const PathParameters&) {
  return json_response(200, json::object{{"status", "ok"}});
}

Response get_ready(RouteContext& context, const Request& request, const PathParameters&) {
  if (!context.ready) {
    return problem(request, 503, Error{Errc::kBackpressure, "starting or draining"});
  }
  auto read = context.workspace.hub().store().begin_read();
  if (!read) return problem(request, 503, read.error());
  const bool recovering = context.workspace.hub().state().recovering;
  return json_response(200, json::object{{"status", "ready"}, {"recovering", recovering}});
}

Response get_version(RouteContext& context, const Request&, const PathParameters&) {
  return json_response(
      200, json::object{{"version", kVersion},
                        {"protocol", wire::kProtocolVersion},
                        {"schema_hash", to_hex(context.workspace.hub().catalog()->hash())}});
}

}  // namespace

void add_meta_routes(Router& router) {
  router.add("GET", "/healthz", get_health);
  router.add("GET", "/livez", get_health);
  router.add("GET", "/readyz", get_ready);
  router.add("GET", "/version", get_version);
}

}  // namespace satchel::server
