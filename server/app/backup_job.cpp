#include "server/app/backup_job.hpp"

#include "server/app/log.hpp"

namespace satchel::server {

Result<std::uint64_t> BackupJob::start(const std::string& folder) {
  const std::lock_guard lock{mutex_};
  if (stopping_) return Error{Errc::kCancelled, "the server is stopping"};
  if (progress_.state == State::kRunning) return Error{Errc::kStoreBusy, "another backup runs"};
  if (thread_.joinable()) thread_.join();  // It is over.
  const std::uint64_t number = progress_.number + 1;
  progress_ = Progress{};
  progress_.number = number;
  progress_.state = State::kRunning;
  progress_.folder = folder;
  thread_ = std::thread{[this, folder] { run(folder); }};
  return number;
}

BackupJob::Progress BackupJob::progress() const {
  const std::lock_guard lock{mutex_};
  return progress_;
}

void BackupJob::stop() {
  stopping_ = true;
  std::thread thread;
  {
    const std::lock_guard lock{mutex_};
    thread.swap(thread_);
  }
  if (thread.joinable()) thread.join();
}

void BackupJob::run(const std::string& folder) {
  auto manifest = create_backup(workspace_, config_, folder, stopping_);
  Status done;
  if (manifest) {
    // Devices may forget what is in it from now on. Not what is in a backup of another life.
    done = writer_.run([&](sync::HubTxn& txn) -> Status {
      if (txn.state().incarnation != manifest->incarnation) return {};
      return txn.set_backed_up_through(manifest->sequence);
    });
  } else {
    done = manifest.error();
  }
  if (done) {
    log(LogLevel::kInfo, "backup_made", {{"sequence", std::to_string(manifest->sequence)}});
  } else {
    log(LogLevel::kWarning, "backup_failed",
        {{"code", std::string(wire_name(done.error().code))}, {"detail", done.error().context}});
  }
  const std::lock_guard lock{mutex_};
  progress_.state = done ? State::kDone : State::kFailed;
  if (done) {
    progress_.manifest = std::move(*manifest);
  } else {
    progress_.error = done.error();
  }
}

}  // namespace satchel::server
