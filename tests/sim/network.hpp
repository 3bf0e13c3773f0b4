// Connections as a transport gives them: whole messages in order, until the stream is cut at any
// byte.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "schema/model/bytes.hpp"
#include "tests/sim/ports.hpp"

namespace satchel::sim {

using ConnectionId = std::uint64_t;

// What one end of a connection hears. `closed` comes once, after the last message.
struct Ear {
  std::function<void(Bytes message)> message;
  std::function<void()> closed;
};

// Thread-bound. An end that hung up hears nothing more; what it had sent may still arrive.
class Network {
 public:
  enum class End : std::uint8_t { kDevice = 0, kServer = 1 };

  Network(EventQueue& queue, Gen& gen, Marks& marks) : queue_(queue), gen_(gen), marks_(marks) {}

  ConnectionId open(Ear device, Ear server);
  void send(ConnectionId id, End from, Bytes message);
  // This end is done (or dead): the other one hears of it after what was sent, or much later.
  void hang_up(ConnectionId id, End who);
  // The stream ends at some byte in each direction; the ends notice in their own time.
  void cut(ConnectionId id);
  void heal() { healed_ = true; }
  [[nodiscard]] bool in_flight() const;
  [[nodiscard]] ConnectionId next_id() const { return next_; }  // Of the next connection.
  // A message of this device's side that passed earlier; empty where there was none.
  [[nodiscard]] Bytes recorded(std::size_t which) const;
  [[nodiscard]] std::size_t recorded_count() const { return recorded_.size(); }

 private:
  struct Direction {
    std::deque<Bytes> messages;  // Under way.
    std::int64_t last_arrival = 0;
    bool ended = false;  // Nothing more is taken in.
    bool deaf = false;   // The receiving end hung up.
  };
  struct Connection {
    Ear ears[2];      // By End.
    Direction to[2];  // By receiving End.
  };

  void deliver(ConnectionId id, End to);
  void close(ConnectionId id, End to, std::int64_t patience_us);
  void truncate(Direction& direction);

  EventQueue& queue_;
  Gen& gen_;
  Marks& marks_;
  bool healed_ = false;
  ConnectionId next_ = 1;
  std::map<ConnectionId, Connection> connections_;
  std::vector<Bytes> recorded_;
};

}  // namespace satchel::sim
