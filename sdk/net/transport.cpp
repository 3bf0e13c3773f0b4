#include "sdk/net/transport.hpp"

#include <deque>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <openssl/ssl.h>

#include "crypto/certificate.hpp"
#include "schema/model/limits.hpp"

namespace satchel::sdk {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

struct Loop::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  asio::ssl::context tls{asio::ssl::context::tls_client};

  Impl() {
    // The chain is checked against the pin after the handshake, before a byte of ours is sent.
    tls.set_verify_mode(asio::ssl::verify_none);
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_OFF);
  }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;
void Loop::run() { impl_->context.run(); }
void Loop::stop() { impl_->context.stop(); }
void Loop::post(std::function<void()> work) { asio::post(impl_->context, std::move(work)); }
void Loop::after(milliseconds delay, std::function<void()> work) {
  const auto timer = std::make_shared<asio::steady_timer>(impl_->context, delay);
  timer->async_wait([timer, work = std::move(work)](error_code error) {
    if (!error) work();
  });
}

namespace {

constexpr std::string_view kExporterLabel = "EXPORTER-satchel-sync-v1";
constexpr std::string_view kUserAgent = "satchel-sdk/1";

Error net_error(Errc code, std::string_view doing, const error_code& error) {
  return Error{code, std::string{doing} + ": " + error.message()};
}

// The certificates that the server showed, leaf first, as DER.
std::vector<Bytes> shown_chain(SSL* ssl) {
  std::vector<Bytes> chain;
  STACK_OF(X509)* shown = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; i < sk_X509_num(shown); ++i) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(sk_X509_value(shown, i), &der);
    if (size > 0)
      chain.emplace_back(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }
  return chain;
}

bool is_address(const std::string& host) {
  error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

// Resolves, connects, shakes hands and checks the pin; then hands the stream over.
class Dial : public std::enable_shared_from_this<Dial> {
 public:
  using Done = std::function<void(Result<std::unique_ptr<TlsStream>>)>;

  Dial(Loop& loop, const Endpoint& endpoint, milliseconds timeout, Done done)
      : endpoint_(endpoint),
        resolver_(loop.impl().context),
        timer_(loop.impl().context),
        stream_(std::make_unique<TlsStream>(loop.impl().context, loop.impl().tls)),
        timeout_(timeout),
        done_(std::move(done)) {}

  void start() {
    timer_.expires_after(timeout_);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->fail(Error{Errc::kUnreachable, "no connection before the deadline"});
    });
    const bool other = !endpoint_.dial_host.empty();
    resolver_.async_resolve(other ? endpoint_.dial_host : endpoint_.host,
                            other ? endpoint_.dial_port : endpoint_.port,
                            [self = shared_from_this()](error_code error, auto results) {
                              self->on_resolved(error, results);
                            });
  }
  void cancel(Error why) { fail(std::move(why)); }

 private:
  void on_resolved(error_code error, const asio::ip::tcp::resolver::results_type& results) {
    if (!done_) return;
    if (error) return fail(net_error(Errc::kUnreachable, "looking the host up", error));
    beast::get_lowest_layer(*stream_).async_connect(
        results, [self = shared_from_this()](error_code failed, const auto&) {
          self->on_connected(failed);
        });
  }

  void on_connected(error_code error) {
    if (!done_) return;
    if (error) return fail(net_error(Errc::kUnreachable, "connecting", error));
    beast::get_lowest_layer(*stream_).socket().set_option(asio::ip::tcp::no_delay{true}, error);
    if (!is_address(endpoint_.host)) {
      // What SSL_set_tlsext_host_name does, without its cast.
      SSL_ctrl(stream_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               endpoint_.host.data());
    }
    stream_->async_handshake(
        asio::ssl::stream_base::client,
        [self = shared_from_this()](error_code failed) { self->on_secured(failed); });
  }

  void on_secured(error_code error) {
    if (!done_) return;
    if (error) return fail(net_error(Errc::kTlsFailed, "the TLS handshake", error));
    const std::vector<Bytes> chain = shown_chain(stream_->native_handle());
    if (auto checked =
            crypto::check_pinned_chain(chain, endpoint_.pin, endpoint_.host, endpoint_.now_s);
        !checked) {
      return fail(checked.error());
    }
    timer_.cancel();
    const Done done = std::exchange(done_, nullptr);
    done(std::move(stream_));
  }

  void fail(Error error) {
    if (!done_) return;
    timer_.cancel();
    resolver_.cancel();
    beast::get_lowest_layer(*stream_).close();
    const Done done = std::exchange(done_, nullptr);
    done(std::move(error));
  }

  Endpoint endpoint_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer timer_;
  std::unique_ptr<TlsStream> stream_;
  milliseconds timeout_;
  Done done_;
};

class HttpsExchange : public std::enable_shared_from_this<HttpsExchange> {
 public:
  using Done = std::function<void(Result<HttpsAnswer>)>;
  HttpsExchange(Endpoint endpoint, HttpsRequest request, milliseconds timeout, Done done)
      : endpoint_(std::move(endpoint)),
        asked_(std::move(request)),
        timeout_(timeout),
        done_(std::move(done)) {}

  void start(Loop& loop) {
    const auto on_dialled = [self = shared_from_this()](Result<std::unique_ptr<TlsStream>> stream) {
      if (!stream) return self->done_(stream.error());
      self->stream_ = std::move(*stream);
      self->send();
    };
    std::make_shared<Dial>(loop, endpoint_, timeout_, on_dialled)->start();
  }

 private:
  void send() {
    request_.version(11);
    request_.method_string(asked_.method);
    request_.target(asked_.target);
    request_.set(http::field::host, endpoint_.host + ":" + endpoint_.port);
    request_.set(http::field::user_agent, kUserAgent);
    request_.set(http::field::connection, "close");
    if (!asked_.bearer.empty()) request_.set(http::field::authorization, "Bearer " + asked_.bearer);
    if (!asked_.body.empty()) request_.set(http::field::content_type, "application/json");
    request_.body() = std::move(asked_.body);
    request_.prepare_payload();
    parser_.body_limit(asked_.answer_bytes_max);
    beast::get_lowest_layer(*stream_).expires_after(timeout_);
    http::async_write(
        *stream_, request_, [self = shared_from_this()](error_code error, std::size_t) {
          if (error)
            return self->done_(net_error(Errc::kConnectionCut, "sending a request", error));
          self->read();
        });
  }

  void read() {
    http::async_read(
        *stream_, buffer_, parser_, [self = shared_from_this()](error_code error, std::size_t) {
          if (error)
            return self->done_(net_error(Errc::kConnectionCut, "reading an answer", error));
          HttpsAnswer answer;
          answer.status = self->parser_.get().result_int();
          answer.body = std::move(self->parser_.get().body());
          beast::get_lowest_layer(*self->stream_).close();
          self->done_(std::move(answer));
        });
  }

  Endpoint endpoint_;
  HttpsRequest asked_;
  milliseconds timeout_;
  Done done_;
  std::unique_ptr<TlsStream> stream_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

class Connection final : public SyncConnection, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, Endpoint endpoint, SessionPort& port, SyncTimeouts timeouts,
             std::function<void(Status)> done)
      : loop_(loop),
        endpoint_(std::move(endpoint)),
        port_(port),
        timeouts_(timeouts),
        silence_(loop.impl().context),
        done_(std::move(done)) {}

  void start() {
    const auto on_dialled = [self = shared_from_this()](Result<std::unique_ptr<TlsStream>> stream) {
      self->dial_.reset();
      if (!stream) return self->end(stream.error());
      self->upgrade(std::move(*stream));
    };
    dial_ = std::make_shared<Dial>(loop_, endpoint_, timeouts_.connect, on_dialled);
    dial_->start();
  }

  void poke() override {
    if (open_) send_next();
  }
  void cancel(Error why) override {
    if (dial_) return std::exchange(dial_, nullptr)->cancel(std::move(why));
    end(std::move(why));
  }

 private:
  void upgrade(std::unique_ptr<TlsStream> stream) {
    Bytes exporter(32, '\0');
    if (SSL_export_keying_material(
            stream->native_handle(), reinterpret_cast<unsigned char*>(exporter.data()),
            exporter.size(), kExporterLabel.data(), kExporterLabel.size(), nullptr, 0, 0) != 1) {
      return end(Error{Errc::kTlsFailed, "no exporter"});
    }
    if (auto begun = port_.begin(exporter); !begun) return end(begun.error());
    socket_ = std::make_unique<websocket::stream<TlsStream>>(std::move(*stream));
    beast::get_lowest_layer(*socket_).expires_never();
    websocket::stream_base::timeout timeouts{};
    timeouts.handshake_timeout = timeouts_.connect;
    timeouts.idle_timeout = timeouts_.silence;
    timeouts.keep_alive_pings = true;
    socket_->set_option(timeouts);
    socket_->set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set(http::field::user_agent, kUserAgent);
      request.set(http::field::sec_websocket_protocol, "satchel.sync.v1");
    }));
    socket_->binary(true);
    socket_->auto_fragment(false);
    socket_->read_message_max(limits::kFrameBytesMax + 1);
    socket_->async_handshake(
        answer_, endpoint_.host + ":" + endpoint_.port, "/v1/sync",
        [self = shared_from_this()](error_code error) { self->on_upgraded(error); });
  }

  void on_upgraded(error_code error) {
    if (!done_) return;
    if (error == websocket::error::upgrade_declined) {
      const unsigned status = answer_.result_int();
      const Errc code = status == 503 || status == 429 ? Errc::kBackpressure
                        : status == 401                ? Errc::kUnauthenticated
                                                       : Errc::kHttpRefused;
      return end(Error{code, "sync was answered with HTTP " + std::to_string(status)});
    }
    if (error) return end(net_error(Errc::kConnectionCut, "opening the WebSocket", error));
    if (answer_[http::field::sec_websocket_protocol] != "satchel.sync.v1") {
      return end(Error{Errc::kProtocolVersion, "the server did not choose satchel.sync.v1"});
    }
    open_ = true;
    read_next();
    send_next();
  }

  void read_next() {
    if (!timeouts_.live) {
      silence_.expires_after(timeouts_.answer);
      silence_.async_wait([self = shared_from_this()](error_code error) {
        if (!error)
          self->end(Error{Errc::kConnectionCut, "the server did not answer before the deadline"});
      });
    }
    socket_->async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
      self->on_read(error);
    });
  }

  void on_read(error_code error) {
    if (!done_) return;
    if (error == websocket::error::closed && closing_) return;
    if (error == websocket::error::closed) {
      return end(Error{Errc::kConnectionCut,
                       "the server closed with " + std::to_string(socket_->reason().code)});
    }
    if (error) return end(net_error(Errc::kConnectionCut, "reading", error));
    if (!socket_->got_binary()) return end(Error{Errc::kFrameMalformed, "a text message"});
    const auto bytes = buffer_.data();
    const ByteView message{static_cast<const char*>(bytes.data()), bytes.size()};
    if (auto received = port_.receive(message); !received) return end(received.error());
    buffer_.consume(buffer_.size());
    send_next();
    if (done_) read_next();
  }

  void send_next() {
    if (sending_ || closing_ || !done_) return;
    auto message = port_.generate();
    if (!message) return end(message.error());
    if (!*message) {
      if (port_.finished()) close();
      return;
    }
    sending_ = true;
    outgoing_ = std::move(**message);
    socket_->async_write(asio::buffer(outgoing_),
                         [self = shared_from_this()](error_code error, std::size_t) {
                           self->sending_ = false;
                           if (!self->done_) return;
                           if (error)
                             return self->end(net_error(Errc::kConnectionCut, "sending", error));
                           self->send_next();
                         });
  }

  // Everything is durable on both sides by now: the closing handshake is a courtesy. Our half of it
  // is handed to the kernel here; to wait for the other half would be one more round trip.
  void close() {
    closing_ = true;
    socket_->async_close(websocket::close_code::normal, [self = shared_from_this()](error_code) {});
    end(Status{});
  }

  void end(Status why) {
    if (!done_) return;
    silence_.cancel();
    if (socket_) beast::get_lowest_layer(*socket_).close();
    const auto done = std::exchange(done_, nullptr);
    // Not from inside a call of the port or of the owner.
    asio::post(loop_.impl().context,
               [done, why = std::move(why), self = shared_from_this()] { done(why); });
  }

  Loop& loop_;
  Endpoint endpoint_;
  SessionPort& port_;
  SyncTimeouts timeouts_;
  asio::steady_timer silence_;
  std::function<void(Status)> done_;
  std::shared_ptr<Dial> dial_;
  std::unique_ptr<websocket::stream<TlsStream>> socket_;
  websocket::response_type answer_;
  beast::flat_buffer buffer_{limits::kFrameBytesMax + 1};
  Bytes outgoing_;
  bool open_ = false;
  bool sending_ = false;
  bool closing_ = false;
};

}  // namespace

void exchange_https(Loop& loop, Endpoint endpoint, HttpsRequest request, milliseconds timeout,
                    std::function<void(Result<HttpsAnswer>)> done) {
  const auto exchange = std::make_shared<HttpsExchange>(std::move(endpoint), std::move(request),
                                                        timeout, std::move(done));
  loop.post([&loop, exchange] { exchange->start(loop); });
}

std::shared_ptr<SyncConnection> SyncConnection::start(Loop& loop, Endpoint endpoint,
                                                      SessionPort& port, SyncTimeouts timeouts,
                                                      std::function<void(Status)> done) {
  auto connection =
      std::make_shared<Connection>(loop, std::move(endpoint), port, timeouts, std::move(done));
  connection->start();
  return connection;
}

}  // namespace satchel::sdk
