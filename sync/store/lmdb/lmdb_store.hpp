// The store engine of devices and servers: sealed rows in LMDB.
//
//   LmdbOptions options;
//   options.map_bytes_max = kServerMapBytes;
//   auto store = LmdbStore::open(folder, options, provider, entropy);
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "crypto/rekeying.hpp"
#include "sync/store/lmdb/trace.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

inline constexpr std::size_t kServerMapBytes = std::size_t{64} << 30;
inline constexpr std::size_t kDeviceMapBytes = std::size_t{4} << 30;

struct LmdbOptions {
  // Address space taken, and the most the data may be.
  std::size_t map_bytes_max = kDeviceMapBytes;
  unsigned readers_max = 510;  // Read transactions at once.
  std::string key_folder{};    // Empty: FOLDER/keys.
  // Data files up to this size have every page's structure looked over at open; larger ones only in
  // check(), since that costs about 1 s for each 2 GiB.
  std::size_t examine_bytes_max = std::size_t{4} << 30;
  // Up to this size the tables' digests too; whole scans verify them in any case.
  std::size_t verify_bytes_max = std::size_t{256} << 20;
  std::uint64_t seals_per_key_max = crypto::kSealsPerKeyMax;
  // Looks and touches nothing: no lock is taken, no file is made, and what is damaged stays so. For
  // a store that nobody writes, such as a backup's.
  bool read_only = false;
  StoreTrace* trace = nullptr;
  std::function<void(std::string_view step)> step_hook{};  // For tests of crashes; see KeyStore.
};

struct LmdbCore;

// When to use: always, on devices and servers. Layout of the files: docs/STORAGE.md.
// Thread-safe; transactions are thread-bound, and all are over before the store goes. A process
// that forked must not use it in the child. Invariants: (1) no plaintext byte reaches a file; (2) a
// row names only keys that are durable; (3) after an I/O error every call answers kStoreLatched.
class LmdbStore final : public Store {
 public:
  // Makes the folder and a new store in it. kAlreadyExists; kStoreReadOnly, kStoreRemote,
  // kStoreBusy, kStoreDiskFull; kKeyProvider and the like from the provider; kEntropy. What a
  // creation that was cut left behind is replaced. Provider and entropy outlive the store.
  static Result<std::unique_ptr<LmdbStore>> create(const std::string& folder, LmdbOptions options,
                                                   crypto::KeyProvider& provider,
                                                   crypto::Entropy& entropy);
  // kStoreMissing, kStoreNewer, kStoreCorrupt, kStoreReadOnly, kStoreRemote, kStoreBusy (names the
  // process); kKeyWrong: another store's key; kKeyLost: the provider or the key store has none;
  // kKeyMalformed; kKeyProvider.
  static Result<std::unique_ptr<LmdbStore>> open(const std::string& folder, LmdbOptions options,
                                                 crypto::KeyProvider& provider,
                                                 crypto::Entropy& entropy);
  ~LmdbStore() override;
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;

  Result<std::unique_ptr<ReadTxn>> begin_read() override;
  Result<std::unique_ptr<WriteTxn>> begin_write() override;
  Status sync() override;
  ReplicaNumbers& numbers() override;
  [[nodiscard]] const StoreId& id() const override;
  Result<CheckReport> check() override;

  [[nodiscard]] const crypto::Keyring& keyring() const;

  // Fresh keys for every node up to the root; the answer says what destroying the old ones is
  // worth. Waits for the write transaction. An error of the store latches it: open it anew, which
  // finishes or undoes what was begun.
  Result<crypto::KeyStrength> rotate_keys() { return rekey(crypto::RekeyRequest::rotate()); }
  Result<crypto::KeyStrength> rekey(const crypto::RekeyRequest& request);
  // A class key handed out by the server with a lease. kInvalidArgument: older than one seen
  // before.
  Status put_class_key(PrivacyClass privacy, crypto::ClassGeneration generation,
                       const crypto::Key32& key);
  // A copy of one moment, while writing goes on.
  struct CopySink {
    // First, while nobody writes: for what must be of the same moment, such as the keys.
    std::function<Status()> beside;
    // Then the bytes of the data file, in order. An error of either ends the copy.
    std::function<Status(ByteView bytes)> write;
  };
  // What it gives opens as this store does. kFileRead, and the sink's own errors.
  Status copy(const CopySink& sink);
  // Bytes of the data file and of the most it may have.
  struct Usage {
    std::uint64_t bytes = 0;
    std::uint64_t bytes_max = 0;
  };
  [[nodiscard]] Usage usage() const;
  // What was put right when the store was opened: rows of which open() put the format right, as
  // check() names them, and what note_mended() adds. The next check() tells it too, once.
  [[nodiscard]] std::vector<std::string> mended() const;
  void note_mended(std::string what);
  // For clock jumps and resumes: memory may have been copied (crypto/aead.hpp).
  void drop_nonces();

 private:
  explicit LmdbStore(std::unique_ptr<LmdbCore> core);
  std::unique_ptr<LmdbCore> core_;
};

}  // namespace satchel::sync
