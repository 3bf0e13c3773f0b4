// One LMDB environment under the rules of docs/STORAGE.md, and LMDB's complaints in our words.
#pragma once

#include <memory>
#include <string>

#include <lmdb.h>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::sync {

inline MDB_val to_mdb(ByteView bytes) {
  return MDB_val{bytes.size(), const_cast<char*>(bytes.data())};
}
inline ByteView from_mdb(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// `code` is what LMDB returned, never 0. kStoreFull: the map reached its limit; kStoreDiskFull;
// kStoreReadOnly; kStoreCorrupt; kLimitExceeded: too many readers or too large a transaction;
// kStoreLatched for everything after which nobody knows what is durable.
Error error_of(int code, const char* what);

struct EnvironmentClose {
  void operator()(MDB_env* environment) const noexcept { mdb_env_close(environment); }
};
using Environment = std::unique_ptr<MDB_env, EnvironmentClose>;

// Opens FOLDER/data.mdb, made if it is missing, with MDB_NOTLS alone: commits are synced, pages are
// zeroed before use, and nothing writes through the map. The map takes `map_bytes` of address
// space; the file grows as it must. Clears the readers of dead processes.
Result<Environment> open_environment(const std::string& folder, std::size_t map_bytes,
                                     unsigned table_count, unsigned reader_count);
// The same for a file that nobody writes, such as a backup's: nothing is made, nothing is changed.
Result<Environment> open_environment_to_read(const std::string& folder, std::size_t map_bytes,
                                             unsigned table_count, unsigned reader_count);

struct TxnAbort {
  void operator()(MDB_txn* txn) const noexcept { mdb_txn_abort(txn); }
};
using Txn = std::unique_ptr<MDB_txn, TxnAbort>;
Result<Txn> begin_txn(MDB_env* environment, unsigned flags);
// The transaction is gone, whatever the answer.
Status commit_txn(Txn txn, const char* what);

}  // namespace satchel::sync
