// The sealed keys of one store: a small LMDB environment of its own, apart from the data.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "crypto/rekeying.hpp"
#include "sync/store/lmdb/environment.hpp"

namespace satchel::sync {

// Rows of its only table: "format" (as the data's), "check" (key-check value), "root" (sealed root
// blob), "block" and a block id (u32, big-endian): sealed key blocks, "again" (a counter).
// Thread-bound: under the store's writer lock. Commits are durable when they return; after an error
// the store latches.
class KeyStore final : public crypto::RekeyStore {
 public:
  // Called before and after each commit with its name; for tests of crashes.
  using StepHook = std::function<void(std::string_view step)>;

  // Opens FOLDER/data.mdb; a missing one is made with kMake, and not even a lock file with kRead.
  // kKeyLost: there is none; kStoreCorrupt, kStoreNewer.
  enum class Mode : std::uint8_t { kOpen, kMake, kRead };
  static Result<std::unique_ptr<KeyStore>> open(const std::string& folder, Mode mode,
                                                StepHook step);

  // The whole of a new store's keys.
  Status write_first(const StoreId& store, const crypto::KeyPath& path);
  struct Head {
    StoreId store;
    Bytes check;
    Bytes root;
  };
  // kKeyLost: the rows are not there; kStoreCorrupt.
  Result<Head> read_head();

  Result<Bytes> read_block(crypto::BlockId block) override;
  Status commit_path(const crypto::KeyPath& path) override;
  Status commit_again() override;

 private:
  KeyStore(Environment environment, MDB_dbi table, StepHook step)
      : environment_{std::move(environment)}, table_{table}, step_{std::move(step)} {}
  Result<Bytes> get(MDB_txn* txn, ByteView key);
  Status put(MDB_txn* txn, ByteView key, ByteView value);
  Status put_path(MDB_txn* txn, const crypto::KeyPath& path);
  Status commit(Txn txn, std::string_view step);

  Environment environment_;
  MDB_dbi table_;
  StepHook step_;
};

}  // namespace satchel::sync
