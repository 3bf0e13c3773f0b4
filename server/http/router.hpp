// Which function answers which method and path.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.hpp"
#include "server/http/route_context.hpp"

namespace satchel::server {

// Values of a pattern's {names}.
class PathParameters {
 public:
  void set(std::string_view name, std::string value) {
    values_[std::string(name)] = std::move(value);
  }
  // Empty for a name that the pattern does not have.
  [[nodiscard]] const std::string& get(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

using Route = Response (*)(RouteContext& context, const Request& request,
                           const PathParameters& path);

// Thread-safe once filled. A pattern is segments between slashes; "{name}" matches one whole
// segment, and "{name}:verb" one that ends so. HEAD is answered as GET.
class Router {
 public:
  void add(std::string_view method, std::string_view pattern, Route route);
  // 404 for an unknown path, 405 with Allow for a known one with another method.
  [[nodiscard]] Response answer(RouteContext& context, const Request& request) const;

 private:
  struct Row {
    std::string method;
    std::vector<std::string> segments;
    Route route;
  };
  static bool match(const Row& row, const std::vector<std::string_view>& segments,
                    PathParameters& parameters);
  std::vector<Row> rows_;
};

// The public listener's routes, and the admin's.
void add_meta_routes(Router& router);
void add_device_routes(Router& router);
void add_admin_routes(Router& router);
void add_record_routes(Router& router);
void add_data_routes(Router& router);
void add_backup_routes(Router& router);

}  // namespace satchel::server
