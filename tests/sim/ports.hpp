// Time, chance and the order of events in a simulated world: one number replays it all.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "crypto/entropy.hpp"
#include "sync/clock/ports.hpp"
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

// Names of the branches that a world came through; the smoke seeds together must come through all
// of them.
class Marks {
 public:
  void reach(std::string_view mark) { reached_.emplace(mark); }
  void join_with(const Marks& other) {
    reached_.insert(other.reached_.begin(), other.reached_.end());
  }
  [[nodiscard]] bool contains(std::string_view mark) const {
    return reached_.contains(std::string{mark});
  }

 private:
  std::set<std::string> reached_;
};

// Every mark there is, so that one that nothing reaches any more is missed.
inline constexpr std::string_view kMarks[] = {"cut mid-message",
                                              "message delivered late",
                                              "lost ack, repeated commit answered",
                                              "push replayed",
                                              "hello replayed",
                                              "device crashed",
                                              "server crashed before the commit",
                                              "server crashed before the ack",
                                              "store failed",
                                              "commit denied",
                                              "commit invalid",
                                              "commit reduced",
                                              "frozen write taken out",
                                              "kept record not deleted",
                                              "stage reopened",
                                              "merged outcome",
                                              "delete against edit",
                                              "record restored",
                                              "deleted for good",
                                              "record changed hands",
                                              "record evicted",
                                              "home lost",
                                              "stage contested",
                                              "stamp lowered",
                                              "clock jumped",
                                              "server restored by tool",
                                              "raw copy noticed",
                                              "commit re-offered",
                                              "known commit re-offered",
                                              "device restored",
                                              "device restored again",
                                              "renumbered commit known again",
                                              "fork noticed",
                                              "fence noticed",
                                              "refused write retried",
                                              "admin write",
                                              "log trimmed",
                                              "device behind the log",
                                              "bootstrap resumed",
                                              "priority slice sent",
                                              "page taken back by a power cut",
                                              "new life cut before its first page",
                                              "reading cut while it was replaced"};

}  // namespace satchel::sim
