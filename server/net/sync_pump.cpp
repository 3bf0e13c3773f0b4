#include "server/net/sync_pump.hpp"

#include <chrono>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "schema/model/limits.hpp"
#include "server/net/outgoing.hpp"
#include "server/net/run_on.hpp"

namespace satchel::server {
namespace {

namespace http = beast::http;
namespace websocket = beast::websocket;

constexpr std::chrono::seconds kHandshakeDeadline{10};  // Of the upgrade and of the closing, too.
// A peer that does not answer pings for so long is gone; it is pinged at half that time.
constexpr std::chrono::seconds kIdleDeadline{120};
constexpr std::size_t kMessageBytesMax = 1 + limits::kFrameCompressedBytesMax;  // Flag, frame.
constexpr std::chrono::seconds kWriteDeadline{120};  // Of one frame: slow links exist.
// A peer whose TCP takes not one byte for so long, while there is something for it, stands still: a
// slow link moves. Looked at so often.
constexpr std::chrono::seconds kStandstillDeadline{10};
constexpr std::chrono::seconds kWatchInterval{1};
constexpr std::chrono::seconds kGreetingDeadline{20};
// Waits are woken by signals; this is only their deadline.
constexpr std::chrono::seconds kSignalDeadline{300};
constexpr std::size_t kWriteBufferBytes = 4096;
// Of a message by somebody who has not yet shown who he is.
constexpr std::size_t kHelloBytesMax = 64 * 1024;
constexpr std::size_t kReadBufferKept = 4096;

}  // namespace

bool offers_subprotocol(const UpgradeRequest& request) {
  if (request.method() != http::verb::get) return false;
  const auto offered = request[http::field::sec_websocket_protocol];
  for (const auto& token : http::token_list{offered}) {
    if (std::string_view{token.data(), token.size()} == kSyncSubprotocol) return true;
  }
  return false;
}

SyncPump::SyncPump(TlsStream stream, TaskGroup& tasks, NetworkLog log,
                   std::function<void()> on_greeted)
    : socket_(std::move(stream)),
      tasks_(tasks),
      log_(std::move(log)),
      on_greeted_(std::move(on_greeted)),
      write_signal_(socket_.get_executor()),
      read_signal_(socket_.get_executor()),
      watch_timer_(socket_.get_executor()) {}

SyncWake SyncPump::wake() {
  return
      [weak = weak_from_this(), executor = socket_.get_executor()](std::optional<Bytes> message) {
        net::post(executor, [weak, message = std::move(message)]() mutable {
          const auto self = weak.lock();
          if (!self) return;
          if (message) self->offered_ = std::move(message);
          self->signal();
        });
      };
}

void SyncPump::signal() {
  signalled_ = true;
  write_signal_.cancel();
  read_signal_.cancel();
}

void SyncPump::stop(std::uint16_t code) {
  if (!closing_) closing_ = Closing{.code = code, .last_frame = {}};
  signal();
}

// Reset, so that the kernel does not go on offering what nobody reads.
void SyncPump::cut() {
  boost::system::error_code ignored;
  TcpStream& tcp_stream = beast::get_lowest_layer(socket_);
  tcp_stream.socket().set_option(net::socket_base::linger{true, 0}, ignored);
  tcp_stream.close();
  signal();
}

void SyncPump::configure() {
  beast::get_lowest_layer(socket_).expires_never();  // The WebSocket's own timeouts take over.
  websocket::stream_base::timeout timeouts{};
  timeouts.handshake_timeout = kHandshakeDeadline;
  timeouts.idle_timeout = kIdleDeadline;
  timeouts.keep_alive_pings = true;
  socket_.set_option(timeouts);
  socket_.read_message_max(kHelloBytesMax);
  socket_.write_buffer_bytes(kWriteBufferBytes);
  socket_.auto_fragment(false);
  socket_.binary(true);
  const auto decorate = [](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol,
                 boost::beast::string_view{kSyncSubprotocol.data(), kSyncSubprotocol.size()});
  };
  socket_.set_option(websocket::stream_base::decorator(decorate));
}

net::awaitable<void> SyncPump::run(UpgradeRequest request, beast::flat_buffer buffer) {
  configure();
  const auto [error] = co_await socket_.async_accept(request, kToken);
  if (!error && buffer.size() == 0) {
    tasks_.spawn(socket_.get_executor(), write_messages(shared_from_this()));
    co_await read_messages(buffer);
    read_ended_ = true;
    signal();
    while (!write_ended_) co_await wait_for_signal();
  }
  auto leave = [channel = channel_] { return channel->detach(), true; };
  co_await run_on(channel_->executor(), std::move(leave));
}

net::awaitable<void> SyncPump::wait_for_signal() {
  if (!signalled_) {
    const bool greeted = channel_->greeted();
    write_signal_.expires_after(greeted ? kSignalDeadline : kGreetingDeadline);
    const auto [error] = co_await write_signal_.async_wait(kToken);
    if (!error && !greeted && !channel_->greeted()) stop(websocket::close_code::policy_error);
  }
  signalled_ = false;
}

// What follows a hello may be large: it is read once the hello is judged, under the wider limit.
net::awaitable<void> SyncPump::wait_until_readable() {
  const auto readable = [this] { return channel_->greeted() && channel_->may_read(); };
  while (!readable() && !write_ended_ && !closing_) {
    read_signal_.expires_after(kSignalDeadline);
    if (readable()) break;  // Between the question and the timer nobody was listening.
    [[maybe_unused]] const auto [error] = co_await read_signal_.async_wait(kToken);
  }
}

net::awaitable<void> SyncPump::read_messages(beast::flat_buffer& buffer) {
  while (!write_ended_) {
    const auto [error, size] = co_await socket_.async_read(buffer, kToken);
    if (error) co_return;
    if (closing_) {  // Only waiting for the peer's close now.
      buffer.consume(buffer.size());
      continue;
    }
    if (!socket_.got_binary()) {
      stop(websocket::close_code::unknown_data);
      continue;
    }
    Bytes message = beast::buffers_to_string(buffer.data());
    buffer.consume(buffer.size());
    if (buffer.capacity() > kReadBufferKept) buffer.shrink_to_fit();
    auto receive = [channel = channel_, message = std::move(message)]() mutable {
      return channel->receive(std::move(message));
    };
    co_await run_on(channel_->executor(), std::move(receive));
    signal();
    co_await wait_until_readable();
    if (!channel_->greeted()) continue;
    socket_.read_message_max(kMessageBytesMax);
    on_greeted_();
  }
}

// Runs beside read_messages; whichever ends first makes the other end.
net::awaitable<void> SyncPump::write_messages(std::shared_ptr<SyncPump> self) {
  while (!self->read_ended_) {
    if (!self->closing_) self->closing_ = self->channel_->closing();
    if (self->closing_) {
      co_await self->close(*self->closing_);
      break;
    }
    const bool more = co_await self->write_next();
    if (!more && !self->read_ended_ && !self->closing_) co_await self->wait_for_signal();
  }
  self->write_ended_ = true;
  beast::get_lowest_layer(self->socket_).cancel();
  self->signal();
}

// Whether to ask at once for another.
net::awaitable<bool> SyncPump::write_next() {
  std::optional<Bytes> frame = std::exchange(offered_, std::nullopt);
  if (!frame && !idle_) {
    auto generate = [channel = channel_] { return channel->generate(); };
    frame = co_await run_on(channel_->executor(), std::move(generate));
  }
  idle_ = !frame;
  if (!frame) co_return false;
  const bool sent = co_await write_frame(*frame);
  if (!sent) read_ended_ = true;  // The socket is broken: reading will fail as well.
  co_return sent;
}

// The TCP stream's own timer is not used under a WebSocket: a read that starts meanwhile would
// inherit it.
net::awaitable<bool> SyncPump::write_frame(const Bytes& frame) {
  writing_ = true;
  frame_begun_ = std::chrono::steady_clock::now();
  if (!watched_) {
    watched_ = true;
    moved_at_ = frame_begun_;
    watch_later();
  }
  const net::const_buffer bytes{frame.data(), frame.size()};
  const auto [error, size] = co_await socket_.async_write(bytes, kToken);
  writing_ = false;
  co_return !error;
}

void SyncPump::watch_later() {
  watch_timer_.expires_after(kWatchInterval);
  watch_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self) self->watch();
  });
}

// What has left for the kernel is watched as well: the last frame before a peer stops may fit in.
void SyncPump::watch() {
  const auto now = std::chrono::steady_clock::now();
  const auto outgoing = outgoing_of(beast::get_lowest_layer(socket_).socket().native_handle());
  const bool waits = outgoing && outgoing->waiting > 0;
  watched_ = writing_ || waits;
  if (!watched_) return;
  if (!waits || outgoing->acknowledged != acknowledged_) moved_at_ = now;
  if (outgoing) acknowledged_ = outgoing->acknowledged;
  const bool stands = now - moved_at_ >= kStandstillDeadline;
  if (!stands && !(writing_ && now - frame_begun_ >= kWriteDeadline)) return watch_later();
  log_("connection_cut", stands ? "its peer took nothing of what was sent to it"
                                : "its peer was too slow to take a frame");
  cut();
}

net::awaitable<void> SyncPump::close(Closing closing) {
  if (!closing.last_frame.empty()) {
    const bool sent = co_await write_frame(closing.last_frame);
    if (!sent) co_return;
  }
  const websocket::close_reason reason{static_cast<websocket::close_code>(closing.code)};
  [[maybe_unused]] const auto [error] = co_await socket_.async_close(reason, kToken);
}

}  // namespace satchel::server
