// The backup that runs: one at a time, on a thread of its own, since it may take long.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "server/app/backup.hpp"
#include "server/app/writer.hpp"

namespace satchel::server {

// Thread-safe. Invariant: `backed_up_through` rises only for a backup that was looked over whole.
class BackupJob {
 public:
  enum class State : std::uint8_t { kNone, kRunning, kDone, kFailed };
  struct Progress {
    std::uint64_t number = 0;  // Of the backup, since the server started.
    State state = State::kNone;
    std::string folder;
    Manifest manifest;                 // Once it is done.
    Error error{Errc::kInternal, {}};  // Where it failed.
  };

  // All outlive it; the writer has to be there until stop() is back.
  BackupJob(Workspace& workspace, Writer& writer, const Config& config)
      : workspace_(workspace), writer_(writer), config_(config) {}
  ~BackupJob() { stop(); }
  BackupJob(const BackupJob&) = delete;
  BackupJob& operator=(const BackupJob&) = delete;

  // Gives its number. kStoreBusy: another one runs.
  Result<std::uint64_t> start(const std::string& folder);
  [[nodiscard]] Progress progress() const;
  // Ends the one that runs, which leaves nothing behind; none is begun after that.
  void stop();

 private:
  void run(const std::string& folder);

  Workspace& workspace_;
  Writer& writer_;
  const Config& config_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  Progress progress_;  // Under mutex_, as the next.
  std::thread thread_;
};

}  // namespace satchel::server
