#include "server/app/log_keeper.hpp"

#include <chrono>

#include "server/app/log.hpp"

namespace satchel::server {
namespace {

constexpr std::chrono::seconds kEvery{60};
constexpr std::chrono::milliseconds kBetweenJobs{10};  // Devices' commits go first.

}  // namespace

void LogKeeper::start() {
  thread_ = std::thread{[this] { work(); }};
}

void LogKeeper::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool LogKeeper::stopped_within(std::chrono::milliseconds time) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, time, [this] { return stopped_; });
}

void LogKeeper::work() {
  do {
    const Status trimmed = trim();
    if (!trimmed) log(LogLevel::kWarning, "log_not_trimmed", {{"detail", trimmed.error().context}});
  } while (!stopped_within(kEvery));
}

Status LogKeeper::trim() {
  auto through = hub_.trimmable(retention_);
  if (!through) return through.error();
  bool more = *through > hub_.state().log_floor;
  while (more) {
    SATCHEL_TRY(writer_.run([&](sync::HubTxn& txn) -> Status {
      auto trimmed = txn.trim_log(*through);
      if (!trimmed) return trimmed.error();
      more = *trimmed;
      return {};
    }));
    if (more && stopped_within(kBetweenJobs)) return {};
  }
  return {};
}

}  // namespace satchel::server
