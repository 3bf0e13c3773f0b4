// Sockets of the SDK: one event loop, HTTPS exchanges and the sync WebSocket, over TLS that is
// pinned to the authority named by the enrolment code. Everything runs on the loop's thread unless
// said.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::sdk {

using std::chrono::milliseconds;

// The engine thread's loop. Thread-safe.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // Until stop().
  void stop();  // What was posted and has not run is dropped.
  void post(std::function<void()> work);
  // Runs `work` later unless the loop is stopped before.
  void after(milliseconds delay, std::function<void()> work);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Whom to dial. `host` and `pin` are what the certificate must show, whatever is dialled.
struct Endpoint {
  std::string host;
  std::string port;
  std::string dial_host;  // Empty: host and port.
  std::string dial_port;
  Bytes pin;                            // 32 bytes.
  std::optional<std::int64_t> now_s{};  // For the certificate's validity; nothing: not checked.
};

// "https://crm.example.org:8443" without a path. kInvalidArgument.
Result<Endpoint> parse_endpoint(std::string_view url);
// "HOST:PORT" or "[::1]:PORT" as the place to dial. kInvalidArgument.
Status set_dial(Endpoint& endpoint, std::string_view host_and_port);

struct HttpsRequest {
  std::string method;
  std::string target;
  std::string bearer;  // Empty: no Authorization field.
  std::string body;    // JSON; empty: none.
  std::size_t answer_bytes_max = 1024 * 1024;
};
struct HttpsAnswer {
  unsigned status = 0;
  std::string body;
};

// One request on a connection of its own. `done` is called once, on the loop: kUnreachable,
// kConnectionCut, kTlsFailed, kCertificateWrong, kHttpRefused (no HTTP answer). Any status is an
// answer. Call from any thread.
void exchange_https(Loop& loop, Endpoint endpoint, HttpsRequest request, milliseconds timeout,
                    std::function<void(Result<HttpsAnswer>)> done);

// What the WebSocket feeds: the sync session behind the engine's lock. Called on the loop.
class SessionPort {
 public:
  virtual ~SessionPort() = default;
  virtual Status begin(ByteView tls_exporter) = 0;      // Connected; before the first message.
  virtual Status receive(ByteView message) = 0;         // One whole message.
  virtual Result<std::optional<Bytes>> generate() = 0;  // The next message to send, if any.
  [[nodiscard]] virtual bool finished() = 0;            // Everything is done: close.
};

struct SyncTimeouts {
  milliseconds connect{10'000};  // Until the WebSocket is there.
  milliseconds silence{30'000};  // Without a sign of life; half of it unless `live`: then a ping.
  milliseconds answer{60'000};   // Without a message while not live.
  bool live = false;
};

// One sync connection. Thread-bound to the loop.
class SyncConnection {
 public:
  // `done` is called once: success after finished(), else why it ended: those of exchange_https,
  // kConnectionCut, what the port answered, or what cancel() was given.
  // `port` lives until then.
  static std::shared_ptr<SyncConnection> start(Loop& loop, Endpoint endpoint, SessionPort& port,
                                               SyncTimeouts timeouts,
                                               std::function<void(Status)> done);
  virtual ~SyncConnection() = default;
  virtual void poke() = 0;             // generate() may have something.
  virtual void cancel(Error why) = 0;  // `done` follows at once or soon.
};

}  // namespace satchel::sdk
