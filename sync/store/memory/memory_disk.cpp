#include "sync/store/memory/memory_disk.hpp"

#include <algorithm>
#include <atomic>

namespace satchel::sync {

void MemoryDisk::set_sync_on_commit(bool on) {
  const std::lock_guard lock{mutex_};
  sync_on_commit_ = on;
}

void MemoryDisk::sync() {
  const std::lock_guard lock{mutex_};
  if (unsynced_.empty()) return;
  durable_ = unsynced_.back();
  unsynced_.clear();
}

void MemoryDisk::sync_lazy() {
  if (sync_on_commit_) sync();
}

std::size_t MemoryDisk::unsynced_count() const {
  const std::lock_guard lock{mutex_};
  return unsynced_.size();
}

void MemoryDisk::crash(std::size_t keep_count) {
  const std::lock_guard lock{mutex_};
  const std::size_t kept = std::min(keep_count, unsynced_.size());
  if (kept > 0) durable_ = unsynced_[kept - 1];
  unsynced_.clear();
  failure_.reset();
  open_ = false;
  ++epoch_;
}

std::uint64_t MemoryDisk::next_token() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

MemoryVersion MemoryDisk::snapshot() const {
  const std::lock_guard lock{mutex_};
  return durable_;
}

void MemoryDisk::restore(const MemoryVersion& version) {
  const std::lock_guard lock{mutex_};
  durable_ = version;
  unsynced_.clear();
  open_ = false;
  ++epoch_;
}

void MemoryDisk::fail_after(std::uint64_t operation_count, Errc code) {
  const std::lock_guard lock{mutex_};
  failure_ = Failure{operation_count, code};
}

std::uint64_t MemoryDisk::commit_count() const {
  const std::lock_guard lock{mutex_};
  return commit_count_;
}

MemoryVersion MemoryDisk::newest() const {
  const std::lock_guard lock{mutex_};
  return unsynced_.empty() ? durable_ : unsynced_.back();
}

Status MemoryDisk::next_operation() {
  const std::lock_guard lock{mutex_};
  if (!failure_) return {};
  if (failure_->operations_left > 0) {
    --failure_->operations_left;
    return {};
  }
  const Errc code = failure_->code;
  failure_.reset();
  return Error{code, "injected"};
}

void MemoryDisk::append(const MemoryVersion& version, bool lazily) {
  const std::lock_guard lock{mutex_};
  ++commit_count_;
  if (sync_on_commit_ && lazily) {
    if (!unsynced_.empty()) durable_ = unsynced_.back();
    unsynced_ = {version};
  } else if (sync_on_commit_) {
    durable_ = version;
    unsynced_.clear();
  } else {
    unsynced_.push_back(version);
  }
}

}  // namespace satchel::sync
