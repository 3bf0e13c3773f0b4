// What lies under a memory store: the versions that would survive a crash.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "schema/model/result.hpp"
#include "sync/store/memory/persistent_map.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

// One version of everything a store holds. Value type: copies are free and do not change.
struct MemoryVersion {
  struct IdHash {
    std::uint64_t operator()(const RecordId& id) const { return MixedHash{}(id.octets); }
  };
  using Rows = PersistentMap<Bytes, std::shared_ptr<const Bytes>, MixedHash>;
  using Records = PersistentMap<RecordNumber, std::shared_ptr<const StoredRecord>, MixedHash>;
  using Numbers = PersistentMap<RecordId, RecordNumber, IdHash>;

  std::array<Rows, kTableCount> tables;
  Records records;
  Numbers numbers;
  std::shared_ptr<const std::vector<ReplicaId>> replicas;  // By replica number.
  RecordNumber next_number = 1;
  std::uint64_t revision = 0;
};

// A disk for one MemoryStore at a time; outlives it, as a disk outlives a process. The simulator's
// hooks are here. Thread-safe. Invariants: (1) the newest version is the last unsynced one, or the
// durable one where there is none; (2) after crash() or restore() the stores opened before answer
// kStoreLatched for ever.
class MemoryDisk {
 public:
  struct Options {
    StoreId id{};
    // False: commits are durable only after sync(), and a crash may lose them.
    bool sync_on_commit = true;
  };
  explicit MemoryDisk(Options options) : id_{options.id}, sync_on_commit_{options.sync_on_commit} {}
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  [[nodiscard]] const StoreId& id() const { return id_; }
  void set_sync_on_commit(bool on);
  void sync();                                       // Everything committed is durable.
  [[nodiscard]] std::size_t unsynced_count() const;  // Commits that a crash would lose.

  // The power fails: of the commits not yet synced only the first `keep_count` survive.
  void crash(std::size_t keep_count = 0);
  // The durable state as a backup would hold it; and its return ("server restored from an earlier
  // snapshot").
  [[nodiscard]] MemoryVersion snapshot() const;
  void restore(const MemoryVersion& version);

  // The `operation_count`-th put, erase or commit from now on (0: the next) fails once with `code`.
  // kStoreLatched latches the store as a failed fsync would.
  void fail_after(std::uint64_t operation_count, Errc code);
  [[nodiscard]] std::uint64_t commit_count() const;

 private:
  friend class MemoryStore;
  friend class MemoryWriteTxn;
  struct Failure {
    std::uint64_t operations_left = 0;
    Errc code = Errc::kStoreDiskFull;
  };
  [[nodiscard]] MemoryVersion newest() const;
  Status next_operation();  // The failure that is due now, if any.
  void append(const MemoryVersion& version, bool lazily);
  // Of a write transaction, which may change what bears it in place: no two of this process have
  // one in common, for a copy of a disk shares what it holds with the first.
  static std::uint64_t next_token();
  void sync_lazy();  // As sync(), where commits sync at all.

  const StoreId id_;
  mutable std::mutex mutex_;
  std::mutex writer_;  // Held by the one write transaction.
  bool sync_on_commit_;
  bool open_ = false;
  std::uint64_t epoch_ = 0;  // Rises with each crash and restore.
  std::uint64_t commit_count_ = 0;
  MemoryVersion durable_;
  std::deque<MemoryVersion> unsynced_;
  std::optional<Failure> failure_;
};

}  // namespace satchel::sync
