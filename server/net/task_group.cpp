#include "server/net/task_group.hpp"

#include <exception>

#include <boost/asio/co_spawn.hpp>

namespace satchel::server {

void TaskGroup::spawn(const net::any_io_executor& executor, net::awaitable<void> task) {
  {
    const std::lock_guard lock{mutex_};
    ++count_;
  }
  net::co_spawn(executor, std::move(task),
                [this](const std::exception_ptr& thrown) { ended(thrown != nullptr); });
}

void TaskGroup::ended(bool by_exception) {
  if (by_exception) on_exception_();
  const std::lock_guard lock{mutex_};
  --count_;
  changed_.notify_all();
}

bool TaskGroup::wait_for(std::chrono::milliseconds deadline) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, deadline, [this] { return count_ == 0; });
}

std::size_t TaskGroup::size() const {
  const std::lock_guard lock{mutex_};
  return count_;
}

}  // namespace satchel::server
