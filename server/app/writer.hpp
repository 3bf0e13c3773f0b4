// The one thread that writes: drains a bounded queue into one durable commit, many completions.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "schema/model/result.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

// Whether an error says something of the store and not of the work that met it.
bool is_store_error(Errc code);

// Thread-safe. Invariants: (1) `done` of every job taken is called exactly once, after its commit
// is durable or has failed; (2) of a job that failed nothing is committed.
class Writer {
 public:
  struct Job {
    std::function<Status(sync::HubTxn& txn)> run;
    std::function<void(const Status& durable)> done;  // On the writer's thread; must not block.
    // In a transaction of its own: for work that may be refused half-way (admin calls, imports).
    // The jobs of one group share their fate: if one fails, none is there, and the others are told
    // kBackpressure (try again), or the store's own error.
    bool alone = false;
  };
  struct Hooks {
    std::function<void()> after_commit;  // Once per durable group.
    std::function<void(const Error&)>
        on_latched;  // The store met an I/O error: the process must end.
  };
  struct Counters {
    std::uint64_t groups = 0, jobs = 0, failed = 0;
  };

  Writer(sync::Hub& hub, Hooks hooks);
  ~Writer();  // As stop().
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // False where the queue is full or the writer was stopped; `job` is then as it was.
  bool try_submit(Job& job);
  // Calls back once, from the writer's thread, when there is room again. A stopped writer calls at
  // once.
  void when_room(std::function<void()> callback);
  // Runs `work` alone and waits for it. Not for I/O threads. `work` may refer to the caller's
  // frame. The work's own error, the store's, kBackpressure, kTimeout (it did not begin in time and
  // never will).
  Status run(std::function<Status(sync::HubTxn& txn)> work);

  // Takes nothing more, finishes what is queued, ends the thread.
  void stop();
  [[nodiscard]] Counters counters() const;

 private:
  void work();
  void run_group(std::vector<Job>& group);
  Status commit_group(std::vector<Job>& group, std::size_t& failed);
  std::vector<Job> next_group(std::unique_lock<std::mutex>& lock);

  sync::Hub& hub_;
  Hooks hooks_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;  // Under mutex_, as all below.
  std::vector<std::function<void()>> waiting_;
  Counters counters_;
  bool stopping_ = false;
  bool moves_wait_ = false;  // Records wait for HubTxn::rescope_next.
  bool moving_ = false;      // The group at work is such a move.
  std::size_t groups_before_move_ = 0;
  std::thread thread_;
};

}  // namespace satchel::server
