// A WebSocket and the session behind it: moves messages, knows nothing of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "server/net/ports.hpp"
#include "server/net/task_group.hpp"
#include "server/net/types.hpp"

namespace satchel::server {

inline constexpr std::string_view kSyncPath = "/v1/sync";
inline constexpr std::string_view kSyncSubprotocol = "satchel.sync.v1";
inline constexpr std::uint16_t kServiceRestart = 1012;

using UpgradeRequest = beast::http::request<beast::http::empty_body>;
// Whether the client offers satchel.sync.v1.
bool offers_subprotocol(const UpgradeRequest& request);

// Two coroutines, one reading and one writing, on one strand. One frame is written at a time and
// the next is asked for when it has left: TCP's own backpressure reaches the session. Where there
// was none, the next comes with a wake: an edit on its way to others does not wait for a question
// to go to the session and back. Reading pauses while the session's work waits for the writer. A
// peer that takes nothing of what is on its way to it is cut off.
// Thread-bound to the strand of its stream, but for the function that wake() gives.
class SyncPump : public std::enable_shared_from_this<SyncPump> {
 public:
  // `on_greeted` is called once the peer has shown who it is.
  SyncPump(TlsStream stream, TaskGroup& tasks, NetworkLog log, std::function<void()> on_greeted);

  [[nodiscard]] SyncWake wake();
  void attach(std::shared_ptr<SyncChannel> channel) { channel_ = std::move(channel); }
  void stop(std::uint16_t code);
  // Ends without a word.
  void cut();
  // Accepts the upgrade, serves, returns when both directions have ended.
  net::awaitable<void> run(UpgradeRequest request, beast::flat_buffer buffer);

 private:
  using WebSocket = beast::websocket::stream<TlsStream, false>;  // No permessage-deflate.

  void configure();
  void signal();
  net::awaitable<void> read_messages(beast::flat_buffer& buffer);
  net::awaitable<void> wait_until_readable();
  static net::awaitable<void> write_messages(std::shared_ptr<SyncPump> self);
  net::awaitable<bool> write_next();
  net::awaitable<bool> write_frame(const Bytes& frame);
  void watch_later();
  void watch();
  net::awaitable<void> wait_for_signal();
  net::awaitable<void> close(Closing closing);

  WebSocket socket_;
  TaskGroup& tasks_;
  NetworkLog log_;
  std::function<void()> on_greeted_;
  std::shared_ptr<SyncChannel> channel_;
  net::steady_timer write_signal_;
  net::steady_timer read_signal_;
  net::steady_timer watch_timer_;
  std::optional<Closing> closing_;
  std::optional<Bytes> offered_;  // Came with a wake.
  bool idle_ = false;             // The session had nothing: it will offer what it has next.
  bool signalled_ = false;
  bool read_ended_ = false;
  bool write_ended_ = false;
  bool writing_ = false;
  bool watched_ = false;  // What is written, until the peer has all of it.
  std::uint64_t acknowledged_ = 0;
  std::chrono::steady_clock::time_point moved_at_;
  std::chrono::steady_clock::time_point frame_begun_;
};

}  // namespace satchel::server
