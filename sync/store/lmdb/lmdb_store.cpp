#include "sync/store/lmdb/lmdb_store.hpp"

#include <sys/stat.h>

#include "sync/store/lmdb/lmdb_core.hpp"

namespace satchel::sync {

LmdbStore::LmdbStore(std::unique_ptr<LmdbCore> core) : core_{std::move(core)} {}

LmdbStore::~LmdbStore() {
  core_->pool.clear();  // Readers before the environment that they read.
}

Result<std::unique_ptr<ReadTxn>> LmdbStore::begin_read() {
  if (auto status = core_->usable(); !status) return status.error();
  auto slot = core_->take_reader();
  if (!slot) return slot.error();
  return make_read_txn(*core_, std::move(*slot));
}

Result<std::unique_ptr<WriteTxn>> LmdbStore::begin_write() {
  if (core_->options.read_only) return Error{Errc::kStoreReadOnly, "opened to be read"};
  std::unique_lock writer{core_->writer};
  if (auto status = core_->usable(); !status) return status.error();
  if (auto status = core_->renew_generations(); !status) return status.error();
  if (StoreTrace* trace = core_->options.trace; trace != nullptr) {
    trace->note(StoreTrace::Kind::kBeginWrite);
  }
  auto txn = begin_txn(core_->environment.get(), 0);
  if (!txn) return core_->met(txn.error());
  return make_write_txn(*core_, std::move(writer), std::move(*txn));
}

Status LmdbStore::sync() {
  if (!core_->lazy) return {};
  const std::lock_guard guard{core_->writer};
  if (auto status = core_->usable(); !status) return status.error();
  if (const int code = mdb_env_sync(core_->environment.get(), 1); code != 0)
    return core_->met(error_of(code, "syncing"));
  core_->lazy = false;
  return {};
}

ReplicaNumbers& LmdbStore::numbers() { return core_->numbers; }
const StoreId& LmdbStore::id() const { return core_->keyring->store(); }
const crypto::Keyring& LmdbStore::keyring() const { return *core_->keyring; }
Result<Store::CheckReport> LmdbStore::check() { return check_store(*core_); }

Result<crypto::KeyStrength> LmdbStore::rekey(const crypto::RekeyRequest& request) {
  const std::lock_guard guard{core_->writer};
  if (auto status = core_->usable(); !status) return status.error();
  auto plan = crypto::plan_rekeying(*core_->keyring, request, *core_->keys, core_->entropy);
  if (!plan) return plan.error();
  auto strength =
      crypto::run_rekeying(*core_->keyring, std::move(*plan), core_->provider, *core_->keys);
  if (strength) return strength;
  // The provider's failures leave a store that opens; of ours, half may be durable, and opening
  // anew finishes or undoes it.
  const Errc code = strength.error().code;
  if (code != Errc::kKeyProvider && code != Errc::kKeyMalformed && code != Errc::kKeyLost) {
    core_->latched.store(true, std::memory_order_release);
  }
  return strength;
}

Status LmdbStore::put_class_key(PrivacyClass privacy, crypto::ClassGeneration generation,
                                const crypto::Key32& key) {
  const std::lock_guard guard{core_->writer};
  SATCHEL_TRY(core_->usable());
  SATCHEL_TRY(
      core_->adopt(core_->keyring->plan_class_key(privacy, generation, key, core_->provider)));
  const auto at = static_cast<std::size_t>(privacy);
  core_->seals_before[at] -= core_->seals()[at];
  return {};
}

LmdbStore::Usage LmdbStore::usage() const {
  struct stat info {};
  Usage usage{.bytes = 0, .bytes_max = core_->options.map_bytes_max};
  if (stat(core_->path.c_str(), &info) == 0) usage.bytes = static_cast<std::uint64_t>(info.st_size);
  return usage;
}

std::vector<std::string> LmdbStore::mended() const {
  const std::lock_guard guard{core_->writer};
  return core_->mended;
}

void LmdbStore::note_mended(std::string what) {
  const std::lock_guard guard{core_->writer};
  core_->mended.push_back(std::move(what));
}

void LmdbStore::drop_nonces() {
  const std::lock_guard guard{core_->writer};
  core_->sealer->drop_nonces();
}

}  // namespace satchel::sync
