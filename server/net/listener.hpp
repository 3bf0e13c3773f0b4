// Accepts connections on one address, up to a limit, until it is told to stop.
//
// At the limit a new connection takes the place of the oldest whose peer has not shown that it is a
// device: who opens connections without end shuts nobody out who says at once what he wants.
#pragma once

#include <atomic>
#include <memory>
#include <map>
#include <mutex>
#include <string>

#include <boost/asio/io_context.hpp>

#include "schema/model/result.hpp"
#include "server/net/connection.hpp"

namespace satchel::server {

// How many connections a process holds, all listeners together. Thread-safe.
class ConnectionBudget {
 public:
  explicit ConnectionBudget(std::size_t max) : max_(max) {}
  [[nodiscard]] bool take();
  // One beyond the limit, for who takes the place of another that is being cut: a few at a time.
  [[nodiscard]] bool take_place();
  void give_back() { --taken_; }
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  bool take_below(std::size_t max);

  const std::size_t max_;
  std::atomic<std::size_t> taken_ = 0;
};

// Thread-safe once opened. Invariant: the io_context, the budget and the context's parts outlive it
// and its connections.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // kConfigInvalid: the address cannot be bound.
  static Result<std::shared_ptr<Listener>> open(net::io_context& io, const std::string& host,
                                                std::uint16_t port, ConnectionContext context,
                                                ConnectionBudget& budget);
  void start();
  // Accepts nothing more, and ends what is there in good order.
  void stop(std::uint16_t close_code);
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  Listener(net::io_context& io, ConnectionContext context, ConnectionBudget& budget);
  static net::awaitable<void> accept_all(std::shared_ptr<Listener> self);
  void add(tcp::socket socket);
  bool make_room();

  net::io_context& io_;
  ConnectionContext context_;
  ConnectionBudget& budget_;
  net::any_io_executor strand_;
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::uint64_t next_key_ = 1;                                      // Under mutex_, as the map.
  std::map<std::uint64_t, std::weak_ptr<Connection>> connections_;  // The oldest first.
};

}  // namespace satchel::server
