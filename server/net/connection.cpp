#include "server/net/connection.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "schema/model/limits.hpp"
#include "server/net/http_fence.hpp"
#include "server/net/run_on.hpp"
#include "server/net/sync_pump.hpp"
#include "server/net/tls.hpp"

namespace satchel::server {
namespace {

namespace http = beast::http;

constexpr std::chrono::seconds kHandshakeDeadline{10};
constexpr std::chrono::seconds kWriteDeadline{60};
constexpr std::chrono::seconds kShutdownDeadline{2};
constexpr std::size_t kBufferKept = 4096;
constexpr std::size_t kDrainBytesMax = 2 * limits::kHttpBodyBytesMax;

// Thread-bound to its strand, but for stop().
class TlsConnection final : public Connection, public std::enable_shared_from_this<TlsConnection> {
 public:
  TlsConnection(const ConnectionContext& context, tcp::socket socket, std::function<void()> ended)
      : context_(context),
        stream_(TcpStream(std::move(socket)), *context.tls),
        executor_(stream_.get_executor()),
        ended_(std::move(ended)) {}

  void start() { context_.tasks.spawn(executor_, run(shared_from_this())); }

  void stop(std::uint16_t code) override {
    net::post(executor_, [self = shared_from_this(), code] { self->stop_now(code); });
  }
  [[nodiscard]] bool gives_way() const override { return !*greeted_; }
  void cut() override {
    net::post(executor_, [self = shared_from_this()] { self->cut_now(); });
  }

 private:
  // However its coroutine ends, by an exception too, the listener learns of it.
  struct Ending {
    const std::function<void()>& tell;
    ~Ending() { tell(); }
  };
  // `self` keeps the connection alive while its coroutine runs.
  static net::awaitable<void> run(std::shared_ptr<TlsConnection> self) {
    const Ending ending{self->ended_};
    co_await self->serve();
  }

  void stop_now(std::uint16_t code) {
    stopping_ = true;
    if (const auto pump = pump_.lock()) {
      pump->stop(code);
    } else if (waiting_) {
      beast::get_lowest_layer(stream_).cancel();
    }
  }

  void cut_now() {
    stopping_ = true;
    if (const auto pump = pump_.lock()) {
      pump->cut();
    } else if (!handed_over_) {
      reset_on_close(true);
      beast::get_lowest_layer(stream_).close();
    }
  }

  net::awaitable<void> serve() {
    beast::get_lowest_layer(stream_).expires_after(kHandshakeDeadline);
    const auto [error] = co_await stream_.async_handshake(net::ssl::stream_base::server, kToken);
    if (error) {
      context_.log("tls_handshake_failed", error.message());
      co_return;
    }
    if (const Status sound = check_handshake(stream_); !sound) {
      context_.log("tls_handshake_failed", sound.error().context);
      co_return co_await shut_down();
    }
    beast::flat_buffer buffer;
    bool refused = false;
    while (!stopping_) {
      waiting_ = true;
      FencedRequest fenced = co_await read_request(stream_, buffer);
      waiting_ = false;
      if (fenced.kind == FencedRequest::Kind::kClosed) co_return;
      if (fenced.kind == FencedRequest::Kind::kUpgrade) {
        co_await upgrade(fenced, buffer);
        if (!upgrade_refused_) co_return;
        break;
      }
      refused = fenced.kind == FencedRequest::Kind::kRefused;
      const bool go_on = co_await answer(fenced);
      if (!go_on) break;
      if (buffer.capacity() > kBufferKept) buffer.shrink_to_fit();
    }
    co_await shut_down();
    if (refused) co_await drain();
  }

  // Whether the connection may take another request.
  net::awaitable<bool> answer(FencedRequest& fenced) {
    if (fenced.kind == FencedRequest::Kind::kRefused) {
      co_return co_await write(std::move(fenced.refusal), fenced.head, false);
    }
    auto work = [&handler = context_.http, &request = fenced.request] { return handler(request); };
    Response response = co_await run_on(context_.workers, std::move(work));
    const bool keep_alive = fenced.keep_alive && !stopping_;
    co_return co_await write(std::move(response), fenced.head, keep_alive);
  }

  net::awaitable<bool> write(Response response, bool head, bool keep_alive) {
    http::response<http::string_body> message{http::int_to_status(response.status), 11};
    message.set(http::field::content_type, response.content_type);
    message.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(keep_alive);
    const std::size_t size = response.body.size();
    if (!head) message.body() = std::move(response.body);
    message.prepare_payload();
    if (head) message.content_length(size);
    // Who does not read until the deadline is reset: else the kernel would go on offering him the
    // rest, for minutes, after the connection is closed here.
    reset_on_close(true);
    beast::get_lowest_layer(stream_).expires_after(kWriteDeadline);
    const auto [error, written] = co_await http::async_write(stream_, message, kToken);
    if (!error) reset_on_close(false);
    co_return !error && keep_alive;
  }

  void reset_on_close(bool on) {
    boost::system::error_code ignored;
    const net::socket_base::linger linger{on, 0};
    beast::get_lowest_layer(stream_).socket().set_option(linger, ignored);
  }

  net::awaitable<void> upgrade(FencedRequest& fenced, beast::flat_buffer& buffer) {
    upgrade_refused_ = true;
    Result<Bytes> binding = export_channel_binding(stream_);
    std::optional<Response> refusal;
    if (!context_.sync || fenced.request.path != kSyncPath) {
      refusal = problem(fenced.request, 404, Error{Errc::kNotFound, "nothing to upgrade to here"});
    } else if (!offers_subprotocol(fenced.upgrade)) {
      refusal = problem(fenced.request, 400,
                        Error{Errc::kProtocolVersion, "the subprotocol satchel.sync.v1 is needed"});
    } else if (!binding) {
      refusal = problem(fenced.request, 400, binding.error());
    }
    if (refusal) {
      co_await write(std::move(*refusal), false, false);
      co_return;
    }
    upgrade_refused_ = false;
    handed_over_ = true;
    const auto on_greeted = [greeted = greeted_] { *greeted = true; };
    auto pump =
        std::make_shared<SyncPump>(std::move(stream_), context_.tasks, context_.log, on_greeted);
    pump_ = pump;
    pump->attach(context_.sync(std::move(*binding), pump->wake()));
    if (stopping_) pump->stop(kServiceRestart);
    co_await pump->run(std::move(fenced.upgrade), std::move(buffer));
  }

  net::awaitable<void> shut_down() {
    beast::get_lowest_layer(stream_).expires_after(kShutdownDeadline);
    [[maybe_unused]] const auto [error] = co_await stream_.async_shutdown(kToken);
  }

  // A peer may still be sending what was refused. Were the connection closed with bytes unread, it
  // would be reset, and the peer would never read why.
  net::awaitable<void> drain() {
    boost::system::error_code ignored;
    TcpStream& tcp_stream = beast::get_lowest_layer(stream_);
    tcp_stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    tcp_stream.expires_after(kShutdownDeadline);
    std::array<char, 16 * 1024> unread;
    for (std::size_t left = kDrainBytesMax; left > 0;) {
      const net::mutable_buffer room{unread.data(), std::min(left, unread.size())};
      const auto [error, size] = co_await tcp_stream.async_read_some(room, kToken);
      if (error) co_return;
      left -= size;
    }
  }

  const ConnectionContext& context_;
  TlsStream stream_;  // Moved to the pump by an upgrade.
  const net::any_io_executor executor_;
  std::function<void()> ended_;
  std::weak_ptr<SyncPump> pump_;
  bool stopping_ = false;
  bool waiting_ = true;  // For the peer: a stop may cut this short.
  bool upgrade_refused_ = false;
  bool handed_over_ = false;  // stream_ is the pump's.
  const std::shared_ptr<std::atomic<bool>> greeted_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

std::shared_ptr<Connection> start_connection(const ConnectionContext& context, tcp::socket socket,
                                             std::function<void()> ended) {
  auto connection = std::make_shared<TlsConnection>(context, std::move(socket), std::move(ended));
  connection->start();
  return connection;
}

}  // namespace satchel::server
