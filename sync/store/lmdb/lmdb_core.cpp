#include "sync/store/lmdb/lmdb_core.hpp"

#include "sync/store/lmdb/lmdb_reading.hpp"

namespace satchel::sync {

Status LmdbCore::usable() const {
  if (latched.load(std::memory_order_acquire)) {
    return Error{Errc::kStoreLatched, "open the store again"};
  }
  return {};
}

Error LmdbCore::met(Error error) {
  if (error.code == Errc::kStoreLatched) latched.store(true, std::memory_order_release);
  return error;
}

Result<std::unique_ptr<ReaderSlot>> LmdbCore::take_reader() {
  std::unique_ptr<ReaderSlot> slot;
  {
    const std::lock_guard guard{pool_mutex};
    if (!pool.empty()) {
      slot = std::move(pool.back());
      pool.pop_back();
    }
  }
  if (slot == nullptr) slot = std::make_unique<ReaderSlot>(*keyring, entropy, options.trace);
  if (options.trace != nullptr) options.trace->note(StoreTrace::Kind::kBeginRead);
  if (slot->txn == nullptr) {
    auto txn = begin_txn(environment.get(), MDB_RDONLY);
    if (!txn) return met(txn.error());
    slot->txn = std::move(*txn);
  } else if (int code = mdb_txn_renew(slot->txn.get()); code != 0) {
    return met(error_of(code, "renewing a read transaction"));
  }
  return slot;
}

void LmdbCore::give_back(std::unique_ptr<ReaderSlot> slot) {
  mdb_txn_reset(slot->txn.get());
  if (options.trace != nullptr) options.trace->note(StoreTrace::Kind::kEndRead);
  const std::lock_guard guard{pool_mutex};
  pool.push_back(std::move(slot));
}

Result<StoreState> LmdbCore::read_state(MDB_txn* txn, Sealer& reader) const {
  MDB_val key = to_mdb(kStoreStateKey);
  MDB_val row{};
  if (int code = mdb_get(txn, main, &key, &row); code != 0) {
    return Error{Errc::kStoreCorrupt, std::string{"state: "} + mdb_strerror(code)};
  }
  Bytes plain;
  if (auto opened = reader.open_row(kStateTable, kStoreStateKey, from_mdb(row), plain); !opened) {
    return Error{opened.error().code, "state: " + opened.error().context};
  }
  return decode_state(plain);
}

Status put_state(LmdbCore& core, MDB_txn* txn, const StoreState& state, Bytes& row) {
  Bytes plain;
  encode_state(state, plain);
  const Sealer::RowPlace place{kStateTable, kStoreStateKey, PrivacyClass::kStructure,
                               state.revision};
  SATCHEL_TRY(core.sealer->seal_row(place, plain, row));
  if (StoreTrace* trace = core.options.trace; trace != nullptr) {
    trace->note_row(StoreTrace::Kind::kPut, kStateTable, kStoreStateKey, row.size());
  }
  MDB_val key = to_mdb(kStoreStateKey);
  MDB_val value = to_mdb(row);
  if (int code = mdb_put(txn, core.main, &key, &value, 0); code != 0) {
    return error_of(code, "state");
  }
  return {};
}

std::array<std::uint64_t, kPrivacyClassCount> LmdbCore::seals() const {
  std::array<std::uint64_t, kPrivacyClassCount> total = seals_before;
  for (std::size_t i = 0; i < total.size(); ++i) total[i] += sealer->seal_counts()[i];
  return total;
}

Status LmdbCore::renew_generations() {
  const auto counted = seals();
  for (std::size_t i = 0; i < counted.size(); ++i) {
    const auto privacy = static_cast<PrivacyClass>(i);
    if (counted[i] < options.seals_per_key_max || keyring->is_locked(privacy)) continue;
    SATCHEL_TRY(adopt(keyring->plan_next_generation(privacy, provider, entropy)));
    seals_before[i] -= counted[i];  // What `sealer` has counted so far belongs to the old key.
  }
  return {};
}

Status LmdbCore::adopt(Result<crypto::KeyChange> change) {
  if (!change) return change.error();
  if (auto status = keys->commit_path(change->path); !status) {
    // Whether the old or the new path is durable decides the next open.
    latched.store(true, std::memory_order_release);
    return status;
  }
  keyring->adopt(std::move(*change));
  return {};
}

}  // namespace satchel::sync
