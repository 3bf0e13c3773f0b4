// The door of every route under /admin/v1: the admin's token.
#pragma once

#include "crypto/hash.hpp"
#include "crypto/secret.hpp"
#include "server/http/router.hpp"

namespace satchel::server {

// kUnauthenticated.
inline Status check_admin(const RouteContext& context, const Request& request) {
  const Bytes hash = crypto::sha256(request.bearer());
  if (crypto::constant_time_equal(hash, context.admin_token_hash)) return {};
  return Error{Errc::kUnauthenticated, "the admin's token is needed"};
}

// A route behind the door.
template <Route route>
Response as_admin(RouteContext& context, const Request& request, const PathParameters& path) {
  if (const Status admin = check_admin(context, request); !admin) {
    return problem(request, admin.error());
  }
  return route(context, request, path);
}

}  // namespace satchel::server
