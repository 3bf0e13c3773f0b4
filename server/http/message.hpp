// An HTTP exchange as routes see it: plain values, no socket and no parser.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/model/bytes.hpp"
#include "schema/model/error.hpp"

namespace satchel::server {

// A request that has passed the fence (server/net/http_fence.hpp). Value type.
struct Request {
  std::string method;                                      // "GET"
  std::string path;                                        // Percent-decoded, without the query.
  std::vector<std::pair<std::string, std::string>> query;  // Decoded, in order.
  std::string authorization;  // The header's value, empty where there is none.
  std::string content_type;
  std::string request_id;  // The client's, where it is short and plain; else made here.
  Bytes body;

  // The first query parameter of this name, empty where there is none.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
  // The token of "Authorization: Bearer T", empty where there is none.
  [[nodiscard]] std::string_view bearer() const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  Bytes body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Splits and decodes a request target ("/a%20b?x=1"). False where it is no absolute path or breaks
// percent-encoding.
bool parse_target(std::string_view target, Request& request);

Response json_response(unsigned status, Bytes body);
// RFC 9457. The code's sentence is the title, the error's context the detail.
Response problem(const Request& request, const Error& error);
// The same under a status that the error alone does not tell (404 of a route, 405, 413, 431, 505).
Response problem(const Request& request, unsigned status, const Error& error);
// The HTTP status that an error's code maps to.
unsigned http_status(Errc code);

}  // namespace satchel::server
