#include "server/app/writer.hpp"

#include <chrono>
#include <memory>

#include "schema/model/limits.hpp"

namespace satchel::server {
namespace {

// More would not make the commit cheaper, only its reply later.
constexpr std::size_t kGroupJobsMax = 256;
constexpr std::chrono::seconds kRunDeadline{30};
// Commits of devices and admins go before records that wait to move, but not for ever.
constexpr std::size_t kGroupsBeforeMove = 8;

// What a waiting caller and the writer share.
struct Rendezvous {
  enum class Phase { kQueued, kRunning, kDone, kAbandoned };
  std::mutex mutex;
  std::condition_variable changed;
  Phase phase = Phase::kQueued;
  Status status;
};

}  // namespace

bool is_store_error(Errc code) {
  const auto number = static_cast<std::int32_t>(code);
  return number >= static_cast<std::int32_t>(Errc::kStoreFull) &&
         number <= static_cast<std::int32_t>(Errc::kStoreDiskFull);
}

Writer::Writer(sync::Hub& hub, Hooks hooks)
    : hub_(hub),
      hooks_(std::move(hooks)),
      moves_wait_(hub.state().rescoping > 0),
      thread_([this] { work(); }) {}

Writer::~Writer() { stop(); }

bool Writer::try_submit(Job& job) {
  const std::lock_guard lock{mutex_};
  if (stopping_ || queue_.size() >= limits::kWriterQueueMax) return false;
  queue_.push_back(std::move(job));
  changed_.notify_one();
  return true;
}

void Writer::when_room(std::function<void()> callback) {
  {
    const std::lock_guard lock{mutex_};
    if (!stopping_ && queue_.size() >= limits::kWriterQueueMax) {
      waiting_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

Status Writer::run(std::function<Status(sync::HubTxn& txn)> work) {
  using Phase = Rendezvous::Phase;
  auto meeting = std::make_shared<Rendezvous>();
  Job job;
  job.alone = true;
  job.run = [meeting, work = std::move(work)](sync::HubTxn& txn) -> Status {
    {
      const std::lock_guard lock{meeting->mutex};
      if (meeting->phase == Phase::kAbandoned) return Error{Errc::kTimeout};
      meeting->phase = Phase::kRunning;
    }
    return work(txn);
  };
  job.done = [meeting](const Status& durable) {
    const std::lock_guard lock{meeting->mutex};
    meeting->status = durable;
    meeting->phase = Phase::kDone;
    meeting->changed.notify_all();
  };
  if (!try_submit(job)) return Error{Errc::kBackpressure, "the writer's queue is full"};
  std::unique_lock lock{meeting->mutex};
  const auto begun = [&] { return meeting->phase != Phase::kQueued; };
  meeting->changed.wait_for(lock, kRunDeadline, begun);
  if (meeting->phase == Phase::kQueued) {
    meeting->phase = Phase::kAbandoned;
    return Error{Errc::kTimeout, "the writer did not come to it in time"};
  }
  // It has begun, on this frame's data: its end is one disk write away.
  meeting->changed.wait(lock, [&] { return meeting->phase == Phase::kDone; });
  return meeting->status;
}

void Writer::stop() {
  std::vector<std::function<void()>> waiting;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    waiting.swap(waiting_);
    changed_.notify_all();
  }
  for (const auto& callback : waiting) callback();
  if (thread_.joinable()) thread_.join();
}

Writer::Counters Writer::counters() const {
  const std::lock_guard lock{mutex_};
  return counters_;
}

// From the front of the queue: one job that is alone, or as many as are not.
std::vector<Writer::Job> Writer::next_group(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return stopping_ || !queue_.empty() || moves_wait_; });
  std::vector<Job> group;
  moving_ = false;
  if (moves_wait_ && !stopping_ && (queue_.empty() || ++groups_before_move_ >= kGroupsBeforeMove)) {
    groups_before_move_ = 0;
    moving_ = true;
    group.push_back(
        {[](sync::HubTxn& txn) { return txn.rescope_next(); }, [](const Status&) {}, true});
    return group;
  }
  while (!queue_.empty() && group.size() < kGroupJobsMax) {
    if (queue_.front().alone && !group.empty()) break;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (group.back().alone) break;
  }
  return group;
}

void Writer::work() {
  for (;;) {
    std::vector<Job> group;
    std::vector<std::function<void()>> waiting;
    {
      std::unique_lock lock{mutex_};
      group = next_group(lock);
      waiting.swap(waiting_);
      if (group.empty()) return;
    }
    for (const auto& callback : waiting) callback();
    run_group(group);
  }
}

Status Writer::commit_group(std::vector<Job>& group, std::size_t& failed) {
  auto txn = hub_.begin();
  if (!txn) return txn.error();
  for (failed = 0; failed < group.size(); ++failed) {
    SATCHEL_TRY(group[failed].run(**txn));
  }
  return (*txn)->commit();
}

void Writer::run_group(std::vector<Job>& group) {
  std::size_t failed = group.size();
  const Status durable = commit_group(group, failed);
  {
    const std::lock_guard lock{mutex_};
    ++counters_.groups;
    counters_.jobs += group.size();
    if (!durable) ++counters_.failed;
    // Where a move failed it is tried again after the next group that does not. What else fails, or
    // is a dry run, says nothing of those that wait.
    if (durable || moving_) moves_wait_ = durable && hub_.state().rescoping > 0;
  }
  // Readers learn of it before the authors are told: an author's answer never outruns the data.
  if (durable) hooks_.after_commit();
  const bool shared_fate = durable || is_store_error(durable.error().code);
  const Status others = shared_fate ? durable : Status{Error{Errc::kBackpressure, "try again"}};
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i].done(i == failed ? durable : others);
  }
  if (!durable && durable.error().code == Errc::kStoreLatched) hooks_.on_latched(durable.error());
}

}  // namespace satchel::server
