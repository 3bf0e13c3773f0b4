// What an open store and its transactions share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "sync/store/lmdb/environment.hpp"
#include "sync/store/lmdb/folder.hpp"
#include "sync/store/lmdb/key_store.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"
#include "sync/store/lmdb/sealer.hpp"

namespace satchel::sync {

// A reader's place: a transaction that is renewed from use to use, and its keys. Thread-bound.
struct ReaderSlot {
  ReaderSlot(const crypto::Keyring& keyring, crypto::Entropy& entropy, StoreTrace* trace)
      : sealer{keyring, entropy, trace} {}
  Sealer sealer;
  Txn txn;
};

// Thread-safe where it says so; the rest belongs to whoever holds `writer`.
struct LmdbCore {
  LmdbCore(LmdbOptions given, crypto::KeyProvider& key_provider, crypto::Entropy& source)
      : options{std::move(given)}, provider{key_provider}, entropy{source} {}

  // Thread-safe.
  [[nodiscard]] MDB_dbi table(std::uint8_t number) const { return tables[number]; }
  [[nodiscard]] Status usable() const;
  // Latches the store if the error says that nobody knows what is durable. Answers the error.
  Error met(Error error);
  Result<std::unique_ptr<ReaderSlot>> take_reader();
  void give_back(std::unique_ptr<ReaderSlot> slot);

  // The bookkeeping as `txn` sees it. kStoreCorrupt.
  Result<StoreState> read_state(MDB_txn* txn, Sealer& sealer) const;
  // Brings classes whose newest key has sealed enough to a new generation. Under `writer`.
  Status renew_generations();
  Status adopt(Result<crypto::KeyChange> change);  // Durable, then in force.
  [[nodiscard]] std::array<std::uint64_t, kPrivacyClassCount> seals() const;

  const LmdbOptions options;
  crypto::KeyProvider& provider;
  crypto::Entropy& entropy;
  std::string path;  // Of the data file.
  std::unique_ptr<FolderLock> lock;
  std::unique_ptr<KeyStore> keys;
  std::unique_ptr<crypto::Keyring> keyring;
  Environment environment;
  std::array<MDB_dbi, kTableCount> tables{};
  MDB_dbi main = 0;
  std::atomic<bool> latched = false;
  std::atomic<bool> lazy = false;  // The newest commit may be undone by a power cut.
  ReplicaNumbers numbers;

  std::mutex writer;
  std::unique_ptr<Sealer> sealer;  // The writer's.
  StoreState state;                // Of the newest commit.
  std::size_t replicas_durable = 0;
  std::vector<std::string> mended;  // At open, for the next check() to tell.
  std::array<std::uint64_t, kPrivacyClassCount> seals_before{};  // Not counted by `sealer`.

  std::mutex pool_mutex;
  std::vector<std::unique_ptr<ReaderSlot>> pool;  // Under pool_mutex; goes before the environment.
};

inline constexpr ByteView kFormatKey = "satchel.format";
inline constexpr ByteView kStoreStateKey = "satchel.state";

// The transactions (lmdb_read.cpp, lmdb_write.cpp).
std::unique_ptr<ReadTxn> make_read_txn(LmdbCore& core, std::unique_ptr<ReaderSlot> slot);
std::unique_ptr<WriteTxn> make_write_txn(LmdbCore& core, std::unique_lock<std::mutex> writer,
                                         Txn txn);
// Writes the row of the bookkeeping; for creation and commits.
Status put_state(LmdbCore& core, MDB_txn* txn, const StoreState& state, Bytes& row);
Result<Store::CheckReport> check_store(LmdbCore& core);

// A row whose first octet is not the store's row format.
struct OddRow {
  std::uint8_t table = 0;
  Bytes key;
};
Error odd_format(std::uint8_t table, ByteView key);
// Before anybody else has the store. kStoreLatched; that it could not be written is no error.
Status mend_formats(LmdbCore& core, std::span<const OddRow> odd);

}  // namespace satchel::sync
