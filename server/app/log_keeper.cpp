#include "server/app/log_keeper.hpp"

#include <chrono>

#include "server/admin/compaction.hpp"
#include "server/app/log.hpp"
#include "sync/hub/missing.hpp"

namespace satchel::server {
namespace {

constexpr std::chrono::milliseconds kAtOnce{0};
constexpr std::chrono::seconds kEvery{60};
constexpr std::uint64_t kCompactEvery = 60;            // Of those.
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
  const auto tell = [](std::string_view event, const Status& done) {
    if (!done) log(LogLevel::kWarning, event, {{"detail", done.error().context}});
  };
  // The first compaction an hour after the start: who restarts has other worries.
  for (std::uint64_t minute = 1; !stopped_within(minute == 1 ? kAtOnce : kEvery); ++minute) {
    tell("log_not_trimmed", trim());
    tell("recovery_not_settled", settle_recovery());
    if (minute % kCompactEvery != 0) continue;
    const auto report =
        compact(hub_, writer_, rule_, false, [this] { return stopped_within(kBetweenJobs); });
    tell("not_compacted", report ? Status{} : Status{report.error()});
  }
}

Status LogKeeper::settle_recovery() {
  if (!hub_.state().recovering) return {};
  sync::MissingStates missing{hub_};
  auto awaited = missing.awaited(rule_.replica_expiry_us);
  if (!awaited) return awaited.error();
  return writer_.run([&](sync::HubTxn& txn) -> Status {
    SATCHEL_TRY(missing.sweep(txn, rule_.replica_expiry_us));
    return awaited->empty() ? txn.end_recovery() : Status{};
  });
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
