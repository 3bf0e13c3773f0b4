// What the network part asks of the application; implemented in server/app and server/http.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"
#include "server/http/message.hpp"
#include "server/net/types.hpp"

namespace satchel::server {

// Answers requests; may complete what a request lacks (its id). Thread-safe. Runs on a pool where
// it may wait for the store and the writer.
using HttpHandler = std::function<Response(Request& request)>;

// Why a sync connection ends: an optional last frame, then this close code.
struct Closing {
  std::uint16_t code = 1000;
  Bytes last_frame;
};

// One device's session as its socket sees it. All calls but wake() and closing() are made on
// executor(), which is serial and none of the I/O threads.
class SyncChannel {
 public:
  virtual ~SyncChannel() = default;
  [[nodiscard]] virtual net::any_io_executor executor() = 0;

  // One whole message. False: the connection ends, closing() says how.
  virtual bool receive(Bytes message) = 0;
  // The next message to send, nothing where there is none now or the connection ends. After
  // nothing, the next message comes with a wake, unasked.
  virtual std::optional<Bytes> generate() = 0;
  // The connection is gone.
  virtual void detach() = 0;

  // Whether the socket may be read: false while this session's earlier work waits for the writer.
  // Thread-safe.
  [[nodiscard]] virtual bool may_read() const = 0;
  // Whether the peer has shown who it is; one that does not in time is shut out. Thread-safe.
  [[nodiscard]] virtual bool greeted() const = 0;
  // Set once the session has ended on its side. Thread-safe.
  [[nodiscard]] virtual std::optional<Closing> closing() const = 0;
};

// Called from executor(), whenever may_read or closing may answer otherwise than before, and with
// the next message where the last generate had none. Never blocks.
using SyncWake = std::function<void(std::optional<Bytes> message)>;

// Makes the session of a new connection.
using SyncAcceptor =
    std::function<std::shared_ptr<SyncChannel>(Bytes channel_binding, SyncWake wake)>;

// Told of what happens on the network; thread-safe, never blocks. No personal data.
using NetworkLog = std::function<void(std::string_view event, const std::string& detail)>;

}  // namespace satchel::server
