#include "sync/store/lmdb/environment.hpp"

#include <cerrno>

namespace satchel::sync {

Error error_of(int code, const char* what) {
  const std::string context = std::string{what} + ": " + mdb_strerror(code);
  switch (code) {
    case MDB_MAP_FULL:
      return Error{Errc::kStoreFull, context};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Error{Errc::kStoreDiskFull, context};
    case EROFS:
    case EACCES:
    case EPERM:
      return Error{Errc::kStoreReadOnly, context};
    case MDB_READERS_FULL:
    case MDB_TXN_FULL:
      return Error{Errc::kLimitExceeded, context};
    case MDB_BAD_VALSIZE:
      return Error{Errc::kInvalidArgument, context};
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CURSOR_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_NOTFOUND:
      return Error{Errc::kStoreCorrupt, context};
    default:
      return Error{Errc::kStoreLatched, context};
  }
}

Result<Environment> open_environment(const std::string& folder, std::size_t map_bytes,
                                     unsigned table_count, unsigned reader_count) {
  MDB_env* made = nullptr;
  if (mdb_env_create(&made) != 0) return Error{Errc::kInternal, "mdb_env_create"};
  Environment environment{made};
  if (int code = mdb_env_set_mapsize(made, map_bytes); code != 0) {
    return error_of(code, "the map's size");
  }
  if (int code = mdb_env_set_maxdbs(made, table_count); code != 0) return error_of(code, "tables");
  if (int code = mdb_env_set_maxreaders(made, reader_count); code != 0) {
    return error_of(code, "readers");
  }
  if (int code = mdb_env_open(made, folder.c_str(), MDB_NOTLS, 0600); code != 0) {
    if (code == ENOMEM) return Error{Errc::kLimitExceeded, "no address space for the map"};
    return error_of(code, "opening the environment");
  }
  int cleared = 0;
  if (int code = mdb_reader_check(made, &cleared); code != 0) {
    return error_of(code, "clearing dead readers");
  }
  return environment;
}

Result<Txn> begin_txn(MDB_env* environment, unsigned flags) {
  MDB_txn* txn = nullptr;
  const int code = mdb_txn_begin(environment, nullptr, flags, &txn);
  if (code != 0) return error_of(code, "beginning a transaction");
  return Txn{txn};
}

Status commit_txn(Txn txn, const char* what) {
  const int code = mdb_txn_commit(txn.release());
  if (code != 0) return error_of(code, what);
  return {};
}

}  // namespace satchel::sync
