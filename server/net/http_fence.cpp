#include "server/net/http_fence.hpp"

#include <chrono>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "schema/model/limits.hpp"

namespace satchel::server {
namespace {

namespace http = beast::http;
using HeaderParser = http::request_parser<http::empty_body>;
using BodyParser = http::request_parser<http::string_body>;

// How long a kept connection may say nothing, and how long one request may take to arrive.
constexpr std::chrono::seconds kIdleDeadline{60};
constexpr std::chrono::seconds kBodyDeadline{60};
constexpr std::size_t kRequestIdMax = 64;

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
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(request, 431, Errc::kLimitExceeded, "the header is larger than its limit");
  }
  if (error == http::error::body_limit) {
    return refuse(request, 413, Errc::kLimitExceeded, "the body is larger than its limit");
  }
  if (error == http::error::bad_version) {
    return refuse(request, 505, Errc::kHttpRefused, "only HTTP/1.1 is spoken here");
  }
  return refuse(request, 400, Errc::kHttpRefused, "not an HTTP/1.1 request: " + error.message());
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
  if (message.version() != 11) {
    fenced.refusal = refuse(request, 505, Errc::kHttpRefused, "only HTTP/1.1 is spoken here");
  } else if (message.count(http::field::transfer_encoding) != 0) {
    fenced.refusal = refuse(request, 501, Errc::kHttpRefused, "no transfer coding is taken");
  } else if (message.count(http::field::host) != 1) {
    fenced.refusal = refuse(request, 400, Errc::kHttpRefused, "a request names exactly one Host");
  } else if (message.count(http::field::content_length) > 1) {
    fenced.refusal =
        refuse(request, 400, Errc::kHttpRefused, "Content-Length comes more than once");
  } else if (!parse_target({message.target().data(), message.target().size()}, request)) {
    fenced.refusal = refuse(request, 400, Errc::kHttpRefused, "the request target cannot be read");
  } else {
    return true;
  }
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

}  // namespace

net::awaitable<FencedRequest> read_request(TlsStream& stream, beast::flat_buffer& buffer) {
  FencedRequest fenced;
  HeaderParser header;
  header.header_limit(static_cast<std::uint32_t>(limits::kHttpHeaderBytesMax));
  header.body_limit(limits::kHttpBodyBytesMax);
  beast::get_lowest_layer(stream).expires_after(kIdleDeadline);
  const auto [error, size] = co_await http::async_read_header(stream, buffer, header, kToken);
  if (error) {
    if (!is_protocol_error(error)) co_return fenced;
    fenced.kind = FencedRequest::Kind::kRefused;
    fenced.refusal = refusal_of(error, fenced.request);
    co_return fenced;
  }
  // Beast counts the lines of a header and not the whole.
  if (size > limits::kHttpHeaderBytesMax) {
    fenced.kind = FencedRequest::Kind::kRefused;
    fenced.refusal = refusal_of(http::error::header_limit, fenced.request);
    co_return fenced;
  }
  if (!judge(header, fenced)) {
    fenced.kind = FencedRequest::Kind::kRefused;
    co_return fenced;
  }
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
