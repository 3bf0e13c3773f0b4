#include "server/http/router.hpp"

namespace satchel::server {
namespace {

template <class Text>
std::vector<Text> split(std::string_view path) {
  std::vector<Text> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash.
    const std::size_t end = path.find('/');
    segments.emplace_back(path.substr(0, end));
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
  }
  return segments;
}

}  // namespace

const std::string& PathParameters::get(std::string_view name) const {
  static const std::string kNone;
  const auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

void Router::add(std::string_view method, std::string_view pattern, Route route) {
  rows_.push_back({std::string(method), split<std::string>(pattern), route});
}

bool Router::match(const Row& row, const std::vector<std::string_view>& segments,
                   PathParameters& parameters) {
  if (row.segments.size() != segments.size()) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view wanted = row.segments[i];
    const std::string_view given = segments[i];
    if (wanted.empty() || wanted.front() != '{') {
      if (wanted != given) return false;
      continue;
    }
    const std::size_t end = wanted.find('}');
    const std::string_view suffix = wanted.substr(end + 1);
    if (given.size() <= suffix.size() || !given.ends_with(suffix)) return false;
    const std::string_view value = given.substr(0, given.size() - suffix.size());
    if (suffix.empty() && value.find(':') != std::string_view::npos) return false;
    parameters.set(wanted.substr(1, end - 1), std::string(value));
  }
  return true;
}

Response Router::answer(RouteContext& context, const Request& request) const {
  const auto segments = split<std::string_view>(request.path);
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view{request.method};
  std::string allowed;
  for (const Row& row : rows_) {
    PathParameters parameters;
    if (!match(row, segments, parameters)) continue;
    if (row.method == method) return row.route(context, request, parameters);
    allowed += (allowed.empty() ? "" : ", ") + row.method;
  }
  if (allowed.empty()) return problem(request, 404, Error{Errc::kNotFound, request.path});
  Response response = problem(request, 405, Error{Errc::kHttpRefused, "method not allowed"});
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace satchel::server
