// Every coroutine of the server runs in a group that knows when the last one has ended.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "server/net/types.hpp"

namespace satchel::server {

// Thread-safe. Invariant: outlives its coroutines, which wait_for() sees to.
class TaskGroup {
 public:
  // `on_exception` is told of an exception that reached a coroutine's end: the wall. It must not
  // throw.
  explicit TaskGroup(std::function<void()> on_exception) : on_exception_(std::move(on_exception)) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(const net::any_io_executor& executor, net::awaitable<void> task);
  // False where some were still running at the deadline. Never called on an I/O thread.
  bool wait_for(std::chrono::milliseconds deadline);
  [[nodiscard]] std::size_t size() const;

 private:
  void ended(bool by_exception);

  std::function<void()> on_exception_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

}  // namespace satchel::server
