#include "server/http/message.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace satchel::server {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool decode_percent(std::string_view text, bool plus_is_space, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return false;
      const int high = digit_of(text[i + 1]);
      const int low = digit_of(text[i + 2]);
      // A NUL ends a text for some readers and not for others.
      if (high < 0 || low < 0 || high + low == 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return true;
}

bool parse_query(std::string_view query, Request& request) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::string name;
    std::string value;
    if (!decode_percent(pair.substr(0, equals), true, name)) return false;
    if (equals != std::string_view::npos && !decode_percent(pair.substr(equals + 1), true, value)) {
      return false;
    }
    request.query.emplace_back(std::move(name), std::move(value));
  }
  return true;
}

}  // namespace

std::string_view Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

std::string_view Request::bearer() const {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view value = authorization;
  return value.starts_with(kScheme) ? value.substr(kScheme.size()) : std::string_view{};
}

bool parse_target(std::string_view target, Request& request) {
  if (target.empty() || target.front() != '/') return false;
  const std::size_t question = target.find('?');
  if (!decode_percent(target.substr(0, question), false, request.path)) return false;
  return question == std::string_view::npos || parse_query(target.substr(question + 1), request);
}

Response json_response(unsigned status, Bytes body) {
  return {
      .status = status, .content_type = "application/json", .body = std::move(body), .headers = {}};
}

Response problem(const Request& request, const Error& error) {
  return problem(request, http_status(error.code), error);
}

Response problem(const Request& request, unsigned status, const Error& error) {
  boost::json::object body;
  body["type"] = "urn:satchel:problem:" + std::string(wire_name(error.code));
  body["title"] = std::string(sentence(error.code));
  body["status"] = status;
  if (!error.context.empty()) body["detail"] = error.context;
  body["code"] = std::string(wire_name(error.code));
  if (!request.request_id.empty()) body["request_id"] = request.request_id;
  Response response{.status = status,
                    .content_type = "application/problem+json",
                    .body = boost::json::serialize(body),
                    .headers = {}};
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 503 || status == 507) response.headers.emplace_back("Retry-After", "5");
  return response;
}

unsigned http_status(Errc code) {
  switch (code) {
    case Errc::kUsage:
    case Errc::kInvalidArgument:
    case Errc::kTypeMismatch:
    case Errc::kQueryInvalid:
    case Errc::kKeyMalformed:
    case Errc::kHttpRefused:
      return 400;
    case Errc::kUnauthenticated:
      return 401;
    case Errc::kPolicyDenied:
    case Errc::kForbidden:
    case Errc::kDeviceRevoked:
    case Errc::kUserDisabled:
    case Errc::kEnrolmentExpired:
    case Errc::kEnrolmentUsed:
    case Errc::kWorkspaceMismatch:
      return 403;
    case Errc::kNotFound:
    case Errc::kCollectionUnknown:
    case Errc::kFieldUnknown:
    case Errc::kRecordUnknown:
    case Errc::kSchemaUnknown:
    case Errc::kEnrolmentInvalid:
      return 404;
    case Errc::kAlreadyExists:
    case Errc::kStoreBusy:
    case Errc::kSchemaIncompatible:
    case Errc::kFieldFrozen:
    case Errc::kRecordRetained: return 409;
    case Errc::kRecordDeleted:
      return 410;
    case Errc::kLimitExceeded:
      return 413;
    case Errc::kRuleMismatch:
    case Errc::kRequiredMissing:
    case Errc::kReferenceCycle:
    case Errc::kSchemaInvalid:
    case Errc::kCommitInvalid:
      return 422;
    case Errc::kUnsupported:
      return 501;
    case Errc::kStoreLatched:
    case Errc::kBackpressure:
    case Errc::kRestoredServer:
    case Errc::kTimeout:
      return 503;
    case Errc::kStoreFull:
    case Errc::kStoreDiskFull:
      return 507;
    default:
      return 500;
  }
}

}  // namespace satchel::server
