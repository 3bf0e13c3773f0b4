#include "sdk/net/transport.hpp"

namespace satchel::sdk {
namespace {

// Splits "HOST:PORT" and "[ADDRESS]:PORT".
bool split_host_port(std::string_view text, std::string& host, std::string& port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
  std::string_view name = text.substr(0, colon);
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  } else if (name.find(':') != std::string_view::npos) {
    return false;
  }
  const std::string_view digits = text.substr(colon + 1);
  if (name.empty() || digits.size() > 5) return false;
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
  host = std::string{name};
  port = std::string{digits};
  return true;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) {
    return Error{Errc::kInvalidArgument, "a server's address begins with https://"};
  }
  std::string_view rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  Endpoint endpoint;
  if (split_host_port(rest, endpoint.host, endpoint.port)) return endpoint;
  if (rest.empty() || rest.find_first_of(":/?#@") != std::string_view::npos) {
    return Error{Errc::kInvalidArgument, "a server's address is https://HOST:PORT"};
  }
  endpoint.host = std::string{rest};
  endpoint.port = "443";
  return endpoint;
}

Status set_dial(Endpoint& endpoint, std::string_view host_and_port) {
  if (!split_host_port(host_and_port, endpoint.dial_host, endpoint.dial_port)) {
    return Error{Errc::kInvalidArgument, "an address to dial is HOST:PORT"};
  }
  return {};
}

}  // namespace satchel::sdk
