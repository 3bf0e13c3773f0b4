// Time, chance and the order of events in a simulated world: one number replays it all.
#pragma once

#include <functional>
#include <map>

#include "crypto/entropy.hpp"
#include "sync/clock/ports.hpp"
#include "tests/sim/marks.hpp"
#include "tests/support/seeds.hpp"

namespace satchel::sim {

using test::Gen;

// What must happen, by virtual time; events of one moment in the order in which they were made.
class EventQueue {
 public:
  [[nodiscard]] std::int64_t now() const { return now_; }
  void at(std::int64_t when, std::function<void()> event) {
    events_.emplace(std::pair{std::max(when, now_), next_++}, std::move(event));
  }
  void after(std::int64_t delay, std::function<void()> event) {
    at(now_ + delay, std::move(event));
  }
  // Runs what is due until `when`, and moves there.
  void run_until(std::int64_t when) {
    while (!events_.empty() && events_.begin()->first.first <= when) {
      now_ = events_.begin()->first.first;
      const auto event = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      event();
    }
    now_ = std::max(now_, when);
  }
  [[nodiscard]] bool empty() const { return events_.empty(); }

 private:
  std::int64_t now_ = 1'700'000'000'000'000;  // Microseconds UTC.
  std::uint64_t next_ = 0;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::function<void()>> events_;
};

// A host's clocks: the wall clock may lie and jump, the boot clock begins anew at each boot.
class SimClock final : public sync::Clock {
 public:
  explicit SimClock(const EventQueue& queue) : queue_(queue), booted_(queue.now()) {}
  std::int64_t wall_us() override { return queue_.now() + lie_us_; }
  std::int64_t boot_us() override { return queue_.now() - booted_ + 1; }
  void lie(std::int64_t by_us) { lie_us_ = by_us; }
  void reboot() { booted_ = queue_.now(); }

 private:
  const EventQueue& queue_;
  std::int64_t booted_;
  std::int64_t lie_us_ = 0;
};

// Draws from the world's one generator.
class SimEntropy final : public crypto::Entropy {
 public:
  explicit SimEntropy(Gen& gen) : gen_(gen) {}
  Status fill(std::span<std::uint8_t> out) override {
    for (auto& octet : out) octet = static_cast<std::uint8_t>(gen_.next());
    return {};
  }

 private:
  Gen& gen_;
};

}  // namespace satchel::sim
