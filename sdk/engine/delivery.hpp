// Brings events to the host: one at a time per replica, coalesced, with no lock held.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "schema/model/result.hpp"

namespace satchel::sdk {

// Rows of JSON, as satchel_event gives them.
struct Event {
  std::vector<std::string> rows;
};
using EventHandler = std::function<void(const std::shared_ptr<const Event>&)>;

// What a subscriber waits for. Thread-safe.
class Subscription {
 public:
  // `collect` makes the event of everything since the last one, nothing where there is none; it
  // runs on the delivering thread, with no lock held.
  using Collect = std::function<std::optional<Event>()>;
  Subscription(Collect collect, EventHandler handler)
      : collect_(std::move(collect)), handler_(std::move(handler)) {}

  void mark() {
    const std::lock_guard hold{mutex_};
    pending_ = true;
  }
  // Whether something was marked and collected since; the delivering thread alone calls it.
  bool deliver();
  // Once it has returned, the handler is not begun again.
  void cancel();
  // kUsage from the handler itself: cancelled without waiting.
  Status cancel_and_wait();
  [[nodiscard]] bool cancelled() const {
    const std::lock_guard hold{mutex_};
    return cancelled_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  Collect collect_;
  EventHandler handler_;
  bool pending_ = false;
  bool cancelled_ = false;
  std::optional<std::thread::id> running_on_;
};

// The queue of one replica. Thread-safe.
class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  using Task = std::function<void()>;
  // `to_engine` takes a task to the engine's thread. `to_host`, where the host has a loop of its
  // own, takes it from there to that loop.
  Delivery(std::function<void(Task)> to_engine, std::function<void(Task)> to_host)
      : to_engine_(std::move(to_engine)), to_host_(std::move(to_host)) {}

  void add(std::shared_ptr<Subscription> subscription);
  // Something was marked: delivers soon.
  void schedule();
  // Nothing begins any more; waits for what runs, unless called from it.
  void close();
  // Whether the calling thread is inside a handler of this replica.
  [[nodiscard]] bool on_delivering_thread() const;

 private:
  class Ticket;
  void drain();
  void task_dropped();

  std::function<void(Task)> to_engine_;
  std::function<void(Task)> to_host_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Subscription>> subscriptions_;
  std::optional<std::thread::id> draining_on_;
  bool scheduled_ = false;
  bool again_ = false;
  bool closed_ = false;
};

}  // namespace satchel::sdk
