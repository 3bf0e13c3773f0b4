// Who works on the replica's core right now.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace satchel::sdk {

// A lock that a thread may take again while it holds it (a read inside a write), and wait for with
// a deadline. Thread-safe.
class Gate {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // False where the deadline passed.
  bool lock_until(Deadline deadline) {
    std::unique_lock hold{mutex_};
    const auto mine = std::this_thread::get_id();
    const auto free = [&] { return depth_ == 0 || owner_ == mine; };
    if (deadline == Deadline::max()) {
      changed_.wait(hold, free);
    } else if (!changed_.wait_until(hold, deadline, free)) {
      return false;
    }
    owner_ = mine;
    ++depth_;
    return true;
  }
  void unlock() {
    const std::lock_guard hold{mutex_};
    if (--depth_ == 0) changed_.notify_one();
  }
  [[nodiscard]] bool is_mine() {
    const std::lock_guard hold{mutex_};
    return depth_ > 0 && owner_ == std::this_thread::get_id();
  }

  // Holds the gate for a scope.
  class Hold {
   public:
    explicit Hold(Gate& gate) : gate_(gate) { gate_.lock_until(Deadline::max()); }
    ~Hold() { gate_.unlock(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Gate& gate_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread::id owner_;
  int depth_ = 0;
};

}  // namespace satchel::sdk
