#include "server/net/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <chrono>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "server/net/sync_pump.hpp"

namespace satchel::server {
namespace {

// After a failed accept (no descriptor left, say) a moment passes before the next.
constexpr std::chrono::milliseconds kAcceptPause{100};

// Connections that are being cut and not gone yet.
constexpr std::size_t kPlacesMax = 64;

// Of what was handed to the kernel and not sent, so that a peer that does not read holds that much
// and not the megabytes of a send buffer. The buffer itself stays as large as a long line needs.
using UnsentBytesMax = net::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
constexpr int kUnsentBytesMax = 64 * 1024;
// After so long without a sign of a peer that was sent something, nor room at its end, the kernel
// lets go of it, also of what was left in the buffer of a connection that we have closed.
using UnheardMillisecondsMax = net::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
constexpr int kUnheardMillisecondsMax = 120'000;

}  // namespace

bool ConnectionBudget::take() { return take_below(max_); }

bool ConnectionBudget::take_place() { return take_below(max_ + kPlacesMax); }

bool ConnectionBudget::take_below(std::size_t max) {
  std::size_t taken = taken_;
  while (taken < max) {
    if (taken_.compare_exchange_weak(taken, taken + 1)) return true;
  }
  return false;
}

Listener::Listener(net::io_context& io, ConnectionContext context, ConnectionBudget& budget)
    : io_(io),
      context_(std::move(context)),
      budget_(budget),
      strand_(net::make_strand(io)),
      acceptor_(strand_) {}

Result<std::shared_ptr<Listener>> Listener::open(net::io_context& io, const std::string& host,
                                                 std::uint16_t port, ConnectionContext context,
                                                 ConnectionBudget& budget) {
  boost::system::error_code error;
  const auto address = net::ip::make_address(host, error);
  if (error) return Error{Errc::kConfigInvalid, "not an IP address to listen on: " + host};
  std::shared_ptr<Listener> listener{new Listener(io, std::move(context), budget)};
  const tcp::endpoint endpoint{address, port};
  tcp::acceptor& acceptor = listener->acceptor_;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(net::socket_base::max_listen_connections, error);
  if (error) {
    return Error{Errc::kConfigInvalid,
                 "cannot listen on " + host + ":" + std::to_string(port) + ": " + error.message()};
  }
  listener->port_ = acceptor.local_endpoint(error).port();
  return listener;
}

void Listener::start() { context_.tasks.spawn(strand_, accept_all(shared_from_this())); }

void Listener::stop(std::uint16_t close_code) {
  stopping_ = true;
  net::post(strand_, [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->acceptor_.close(ignored);
  });
  std::vector<std::shared_ptr<Connection>> open;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [key, weak] : connections_) {
      if (auto connection = weak.lock()) open.push_back(std::move(connection));
    }
  }
  for (const auto& connection : open) connection->stop(close_code);
}

net::awaitable<void> Listener::accept_all(std::shared_ptr<Listener> self) {
  net::steady_timer pause{self->strand_};
  while (!self->stopping_) {
    // Each connection has a strand of its own. Accepting waits without end by its nature; stop()
    // closes the acceptor.
    auto [error, socket] =
        co_await self->acceptor_.async_accept(net::make_strand(self->io_), kToken);
    if (self->stopping_) break;
    if (error) {
      pause.expires_after(kAcceptPause);
      [[maybe_unused]] const auto [ignored] = co_await pause.async_wait(kToken);
      continue;
    }
    self->add(std::move(socket));
  }
}

// Takes a place in the budget, for which the oldest connection that may be cut is cut.
bool Listener::make_room() {
  const std::lock_guard lock{mutex_};
  for (auto at = connections_.begin(); at != connections_.end(); ++at) {
    const auto connection = at->second.lock();
    if (!connection || !connection->gives_way()) continue;
    if (!budget_.take_place()) return false;
    connections_.erase(at);
    connection->cut();
    context_.log("connection_cut", "the limit of open connections is reached");
    return true;
  }
  return false;
}

void Listener::add(tcp::socket socket) {
  if (!budget_.take() && !make_room()) {
    context_.log("connection_refused", "the limit of open connections is reached");
    return;  // Closed with the socket.
  }
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(UnsentBytesMax(kUnsentBytesMax), ignored);
  socket.set_option(UnheardMillisecondsMax(kUnheardMillisecondsMax), ignored);
  const std::lock_guard lock{mutex_};
  const std::uint64_t key = next_key_++;
  auto ended = [self = shared_from_this(), key] {
    {
      const std::lock_guard inner{self->mutex_};
      self->connections_.erase(key);
    }
    self->budget_.give_back();
  };
  auto connection = start_connection(context_, std::move(socket), std::move(ended));
  if (stopping_) connection->stop(kServiceRestart);  // stop() came between accepting and here.
  connections_[key] = std::move(connection);
}

}  // namespace satchel::server
