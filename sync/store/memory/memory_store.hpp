// The store engine of simulations and tests: everything in memory, nothing sealed.
#pragma once

#include <atomic>
#include <memory>

#include "sync/store/memory/memory_disk.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

// When to use: simulator and tests. A device or server never runs on it: it keeps values in the
// clear. Thread-safe. Transactions hold a version of their own (see MemoryVersion), so a reader
// never waits and a rollback is the loss of a pointer.
class MemoryStore final : public Store {
 public:
  // Opens what the disk holds. kStoreBusy while another store is open on it.
  static Result<std::unique_ptr<MemoryStore>> open(std::shared_ptr<MemoryDisk> disk);
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  Result<std::unique_ptr<ReadTxn>> begin_read() override;
  Result<std::unique_ptr<WriteTxn>> begin_write() override;
  Status sync() override;
  ReplicaNumbers& numbers() override { return numbers_; }
  [[nodiscard]] const StoreId& id() const override { return disk_->id(); }
  Result<CheckReport> check() override;

 private:
  friend class MemoryWriteTxn;
  explicit MemoryStore(std::shared_ptr<MemoryDisk> disk);
  [[nodiscard]] Status usable() const;

  const std::shared_ptr<MemoryDisk> disk_;
  std::uint64_t epoch_ = 0;
  std::atomic<bool> latched_ = false;
  ReplicaNumbers numbers_;
};

}  // namespace satchel::sync
