// One accepted connection: TLS handshake, then requests one after the other, or a sync session.
//
//   accepted -> handshake -> request <-> answer -> closed
//                              |
//                              +-> upgrade -> sync session -> closed
#pragma once

#include <atomic>
#include <memory>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/net/ports.hpp"
#include "server/net/task_group.hpp"
#include "server/net/types.hpp"

namespace satchel::server {

// What a listener's connections share. Outlives them.
struct ConnectionContext {
  std::shared_ptr<net::ssl::context> tls;
  net::any_io_executor workers;  // Where HTTP handlers run.
  HttpHandler http;
  SyncAcceptor sync;  // Null where the listener has no sync.
  NetworkLog log;
  TaskGroup& tasks;
};

// A connection that can be asked to end. Thread-safe.
class Connection {
 public:
  virtual ~Connection() = default;
  // Ends in good order: a request under way is answered, a sync session closed with `code`.
  virtual void stop(std::uint16_t code) = 0;
  // Whether it may be cut for the sake of others: its peer has not shown that it is a device.
  [[nodiscard]] virtual bool gives_way() const = 0;
  // Cut, without a word.
  virtual void cut() = 0;
};

// Starts serving; the connection lives in the task group. `ended` is called once, on any thread.
std::shared_ptr<Connection> start_connection(const ConnectionContext& context, tcp::socket socket,
                                             std::function<void()> ended);

}  // namespace satchel::server
