#include "tests/sim/network.hpp"

namespace satchel::sim {
namespace {

constexpr std::size_t kRecordedMax = 64;

std::size_t index(Network::End end) { return static_cast<std::size_t>(end); }
Network::End other(Network::End end) {
  return end == Network::End::kDevice ? Network::End::kServer : Network::End::kDevice;
}

}  // namespace

ConnectionId Network::open(Ear device, Ear server) {
  const ConnectionId id = next_++;
  Connection& connection = connections_[id];
  connection.ears[index(End::kDevice)] = std::move(device);
  connection.ears[index(End::kServer)] = std::move(server);
  return id;
}

void Network::send(ConnectionId id, End from, Bytes message) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  Direction& direction = at->second.to[index(other(from))];
  if (direction.ended) return;
  if (from == End::kDevice && recorded_.size() < kRecordedMax) recorded_.push_back(message);
  direction.messages.push_back(std::move(message));
  const auto delay =
      static_cast<std::int64_t>(1'000 + gen_.below(gen_.chance(90) ? 50'000 : 2'000'000));
  direction.last_arrival = std::max(direction.last_arrival, queue_.now() + delay);
  queue_.at(direction.last_arrival, [this, id, to = other(from)] { deliver(id, to); });
}

void Network::deliver(ConnectionId id, End to) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  Direction& direction = at->second.to[index(to)];
  if (direction.messages.empty()) return;  // Was cut off.
  Bytes message = std::move(direction.messages.front());
  direction.messages.pop_front();
  if (direction.deaf) return;
  if (direction.ended) REACHED("message delivered late");
  const auto ear = at->second.ears[index(to)].message;
  ear(std::move(message));
}

void Network::close(ConnectionId id, End to, std::int64_t patience_us) {
  Direction& direction = connections_.at(id).to[index(to)];
  direction.ended = true;
  const std::int64_t when = std::max(direction.last_arrival, queue_.now()) + patience_us;
  queue_.at(when, [this, id, to] {
    const auto at = connections_.find(id);
    if (at == connections_.end()) return;
    Direction& mine = at->second.to[index(to)];
    if (mine.deaf) return;
    mine.deaf = true;
    const auto ear = at->second.ears[index(to)].closed;
    if (at->second.to[index(other(to))].deaf) connections_.erase(at);
    ear();
  });
}

void Network::hang_up(ConnectionId id, End who) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  at->second.to[index(who)].deaf = true;
  at->second.to[index(who)].ended = true;
  if (!at->second.to[index(other(who))].ended) {
    close(id, other(who),
          static_cast<std::int64_t>(gen_.below(healed_ || gen_.chance(70) ? 10'000 : 30'000'000)));
  } else if (at->second.to[index(other(who))].deaf) {
    connections_.erase(at);
  }
}

// Whole messages before the byte arrive; the one that the byte lies in, and those after it, are
// gone.
void Network::truncate(Direction& direction) {
  std::size_t total = 0;
  for (const Bytes& message : direction.messages) total += message.size();
  if (total == 0) return;
  std::size_t arrives = gen_.below(total + 1);
  std::size_t whole = 0;
  while (whole < direction.messages.size() && direction.messages[whole].size() <= arrives) {
    arrives -= direction.messages[whole++].size();
  }
  if (whole < direction.messages.size() && arrives > 0) REACHED("cut mid-message");
  direction.messages.resize(whole);
}

void Network::cut(ConnectionId id) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  for (const End to : {End::kDevice, End::kServer}) {
    Direction& direction = at->second.to[index(to)];
    if (direction.ended) continue;
    truncate(direction);
    close(id, to, static_cast<std::int64_t>(gen_.below(gen_.chance(70) ? 100'000 : 20'000'000)));
  }
}

bool Network::in_flight() const {
  for (const auto& [id, connection] : connections_) {
    for (const Direction& direction : connection.to) {
      if (!direction.messages.empty() && !direction.deaf) return true;
      // An end that has yet to hear that it is over.
      if (direction.ended && !direction.deaf) return true;
    }
  }
  return false;
}

Bytes Network::recorded(std::size_t which) const {
  return which < recorded_.size() ? recorded_[which] : Bytes{};
}

}  // namespace satchel::sim
