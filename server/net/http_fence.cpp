#include "server/net/http_fence.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "schema/model/limits.hpp"
#include "server/net/head_scan.hpp"

namespace satchel::server {
namespace {

namespace http = beast::http;
using HeaderParser = http::request_parser<http::empty_body>;
using BodyParser = http::request_parser<http::string_body>;

// How long a kept connection may say nothing, and how long one request may take to arrive.
constexpr std::chrono::seconds kIdleDeadline{60};
constexpr std::chrono::seconds kBodyDeadline{60};
constexpr std::size_t kRequestIdMax = 64;
constexpr std::size_t kReadBytesMax = 64 * 1024;

std::string plain_request_id(std::string_view offered) {
  if (offered.size() > kRequestIdMax) return {};
  for (const char c : offered) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.';
    if (!plain) return {};
  }
  return std::string(offered);
}

Response refuse(const Request& request, unsigned status, Errc code, std::string context) {
  return problem(request, status, Error{code, std::move(context)});
}

Response refusal_of(const boost::system::error_code& error, const Request& request) {
  if (error == http::error::body_limit) {
    return refuse(request, 413, Errc::kLimitExceeded, "the body is larger than its limit");
  }
  if (error == http::error::bad_version) {
    return refuse(request, 505, Errc::kHttpRefused, "only HTTP/1.1 is spoken here");
  }
  return refuse(request, 400, Errc::kHttpRefused, "not an HTTP/1.1 request: " + error.message());
}

Response refusal_of(const HeadScan& scan, HeadScan::Verdict verdict, const Request& request) {
  const HeadScan::Part part = scan.part();
  const bool in_lines = part == HeadScan::Part::kLines;
  if (verdict != HeadScan::Verdict::kTooLong || part == HeadScan::Part::kVersion) {
    return refuse(request, 400, Errc::kHttpRefused,
                  in_lines ? "a line of the header cannot be read one way only"
                           : "not an HTTP/1.1 request: its first line cannot be read");
  }
  if (part == HeadScan::Part::kMethod) {
    return refuse(request, 501, Errc::kLimitExceeded, "no method is so long");
  }
  return in_lines
             ? refuse(request, 431, Errc::kLimitExceeded, "the header is larger than its limit")
             : refuse(request, 414, Errc::kLimitExceeded, "the target is longer than its limit");
}

// Whether the parser, and not the connection, failed.
bool is_protocol_error(const boost::system::error_code& error) {
  return error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

template <class Fields, class Name>
std::string text_of(const Fields& fields, Name name) {
  const auto value = fields[name];
  return std::string(value.data(), value.size());
}

// A host name or address and perhaps a port. Nothing that another reader could take for a list, a
// user or a path.
bool is_host(std::string_view text) {
  constexpr std::string_view kMarks = "-._~%:[]";
  const auto plain = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

// What is wrong with a header whose every line can be read: a status and why. 0: nothing.
struct Objection {
  unsigned status = 0;
  std::string_view why{};
};

Objection object_to_lengths(const HeaderParser& parser) {
  const auto& message = parser.get();
  const auto digits = [](std::string_view text) {
    return text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  // Beast takes a list of equal lengths for one.
  if (message.count(http::field::content_length) > 1 ||
      !digits(text_of(message, http::field::content_length))) {
    return {400, "Content-Length is one number"};
  }
  const std::string expected = text_of(message, http::field::expect);
  if (message.count(http::field::expect) > 1 ||
      (!expected.empty() && !beast::iequals(expected, "100-continue"))) {
    return {417, "only 100-continue can be expected here"};
  }
  return {};
}

Objection object_to(const HeaderParser& parser, Request& request) {
  const auto& message = parser.get();
  if (message.version() != 11) return {505, "only HTTP/1.1 is spoken here"};
  if (message.count(http::field::transfer_encoding) != 0) {
    return {501, "no transfer coding is taken"};
  }
  if (message.count(http::field::host) != 1 || !is_host(text_of(message, http::field::host))) {
    return {400, "a request names exactly one Host"};
  }
  if (const Objection lengths = object_to_lengths(parser); lengths.status != 0) return lengths;
  if (!parse_target({message.target().data(), message.target().size()}, request)) {
    return {400, "the request target cannot be read"};
  }
  return {};
}

// Judges a header. True where it may go on; else `fenced.refusal` is set.
bool judge(const HeaderParser& parser, FencedRequest& fenced) {
  const auto& message = parser.get();
  Request& request = fenced.request;
  request.method = std::string(message.method_string());
  request.request_id = plain_request_id(text_of(message, "X-Request-Id"));
  request.authorization = text_of(message, http::field::authorization);
  request.content_type = text_of(message, http::field::content_type);
  fenced.keep_alive = message.keep_alive();
  fenced.head = message.method() == http::verb::head;
  const Objection objection = object_to(parser, request);
  if (objection.status == 0) return true;
  fenced.kind = FencedRequest::Kind::kRefused;
  fenced.refusal =
      refuse(request, objection.status, Errc::kHttpRefused, std::string(objection.why));
  return false;
}

net::awaitable<boost::system::error_code> say_continue(TlsStream& stream) {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const net::const_buffer bytes{kContinue.data(), kContinue.size()};
  const auto [error, size] = co_await net::async_write(stream, bytes, kToken);
  co_return error;
}

net::awaitable<void> read_body(TlsStream& stream, beast::flat_buffer& buffer, HeaderParser& header,
                               FencedRequest& fenced) {
  const bool waits = beast::iequals(header.get()[http::field::expect], "100-continue");
  BodyParser parser{std::move(header)};
  parser.body_limit(limits::kHttpBodyBytesMax);
  if (waits && !parser.is_done()) {
    if (const auto error = co_await say_continue(stream)) co_return;
  }
  if (!parser.is_done()) {
    const auto [error, size] = co_await http::async_read(stream, buffer, parser, kToken);
    if (error) {
      if (!is_protocol_error(error)) co_return;
      fenced.kind = FencedRequest::Kind::kRefused;
      fenced.refusal = refusal_of(error, fenced.request);
      co_return;
    }
  }
  fenced.request.body = std::move(parser.get().body());
  fenced.kind = FencedRequest::Kind::kRequest;
}

// Reads until a head is whole and lies at the buffer's begin, and parses it. False: `fenced` says
// why there is none.
net::awaitable<bool> read_head(TlsStream& stream, beast::flat_buffer& buffer, HeaderParser& header,
                               FencedRequest& fenced) {
  HeadScan scan{limits::kHttpHeaderBytesMax};
  auto verdict = HeadScan::Verdict::kMore;
  for (std::size_t scanned = 0;;) {
    const std::string_view bytes{static_cast<const char*>(buffer.data().data()), buffer.size()};
    verdict = scan.feed(bytes.substr(scanned));
    if (verdict != HeadScan::Verdict::kMore) break;
    scanned = bytes.size();
    const net::mutable_buffer room = buffer.prepare(beast::read_size(buffer, kReadBytesMax));
    const auto [error, size] = co_await stream.async_read_some(room, kToken);
    if (error) co_return false;
    buffer.commit(size);
  }
  if (verdict != HeadScan::Verdict::kWhole) {
    fenced.kind = FencedRequest::Kind::kRefused;
    fenced.refusal = refusal_of(scan, verdict, fenced.request);
    co_return false;
  }
  boost::system::error_code error;
  header.put(net::const_buffer{buffer.data().data(), scan.size()}, error);
  buffer.consume(scan.size());
  if (error || !header.is_header_done()) {
    fenced.kind = FencedRequest::Kind::kRefused;
    fenced.refusal = refusal_of(error, fenced.request);
    co_return false;
  }
  co_return true;
}

}  // namespace

net::awaitable<FencedRequest> read_request(TlsStream& stream, beast::flat_buffer& buffer) {
  FencedRequest fenced;
  HeaderParser header;
  header.header_limit(static_cast<std::uint32_t>(limits::kHttpHeaderBytesMax));
  header.body_limit(limits::kHttpBodyBytesMax);
  beast::get_lowest_layer(stream).expires_after(kIdleDeadline);
  const bool whole = co_await read_head(stream, buffer, header, fenced);
  if (!whole || !judge(header, fenced)) co_return fenced;
  if (beast::websocket::is_upgrade(header.get())) {
    if (!header.is_done()) {
      fenced.kind = FencedRequest::Kind::kRefused;
      fenced.refusal = refuse(fenced.request, 400, Errc::kHttpRefused, "an upgrade has no body");
      co_return fenced;
    }
    fenced.kind = FencedRequest::Kind::kUpgrade;
    fenced.upgrade = header.release();
    co_return fenced;
  }
  beast::get_lowest_layer(stream).expires_after(kBodyDeadline);
  co_await read_body(stream, buffer, header, fenced);
  co_return fenced;
}

}  // namespace satchel::server
