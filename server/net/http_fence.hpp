// Reads one HTTP request behind a fence: Boost 1.81's parser meets nothing that it handles badly.
//
// The head is read first, under limits::kHttpHeaderBytesMax, and judged twice: byte by byte before
// it is parsed (HeadScan), then by what it says: any Transfer-Encoding, any version but HTTP/1.1,
// anything but exactly one Host and one length is refused before a byte of the body is parsed. Then
// a length-delimited body under limits::kHttpBodyBytesMax.
#pragma once

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include "server/http/message.hpp"
#include "server/net/types.hpp"

namespace satchel::server {

// What came of reading.
struct FencedRequest {
  enum class Kind { kRequest, kUpgrade, kRefused, kClosed };
  Kind kind = Kind::kClosed;  // kClosed: the peer left, or said nothing before the deadline.
  Request request;            // Of kRequest; of kRefused as far as it was read.
  bool keep_alive = false;
  bool head = false;  // A HEAD request: the answer goes without its body.
  Response refusal;   // Of kRefused; the connection is closed after it.
  beast::http::request<beast::http::empty_body> upgrade;  // Of kUpgrade: for websocket::accept.
};

// `stream` has its deadlines set here. `buffer` keeps what was read past the request.
net::awaitable<FencedRequest> read_request(TlsStream& stream, beast::flat_buffer& buffer);

}  // namespace satchel::server
