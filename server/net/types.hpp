// The one place where stream types and the completion token are chosen.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>

namespace satchel::server {

namespace net = boost::asio;
namespace beast = boost::beast;
using tcp = net::ip::tcp;

// Awaited calls yield (error_code, n): I/O throws nothing.
using Token = net::as_tuple_t<net::use_awaitable_t<>>;
inline constexpr Token kToken{};

using TcpStream = beast::tcp_stream;
// The seam: a leaner stream over OpenSSL's memory BIOs can take this one's place.
using TlsStream = net::ssl::stream<TcpStream>;

}  // namespace satchel::server
