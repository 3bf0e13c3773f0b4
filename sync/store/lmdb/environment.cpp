#include "sync/store/lmdb/environment.hpp"

#include <cerrno>
#include <cstdlib>

#include <unistd.h>

namespace satchel::sync {

Error error_of(int code, const char* what) {
  const std::string context = std::string{what} + ": " + mdb_strerror(code);
  switch (code) {
    case MDB_MAP_FULL: return Error{Errc::kStoreFull, context};
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Error{Errc::kStoreDiskFull, context};
    case EROFS:
    case EACCES:
    case EPERM: return Error{Errc::kStoreReadOnly, context};
    case EMFILE:
    case ENFILE:  // The store is as it was; who runs out of descriptors tries again.
    case MDB_READERS_FULL:
    case MDB_TXN_FULL: return Error{Errc::kLimitExceeded, context};
    case MDB_BAD_VALSIZE: return Error{Errc::kInvalidArgument, context};
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CURSOR_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_NOTFOUND: return Error{Errc::kStoreCorrupt, context};
    default: return Error{Errc::kStoreLatched, context};
  }
}

namespace {

Result<Environment> open_with(unsigned flags, const std::string& folder, std::size_t map_bytes,
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
  if (int code = mdb_env_open(made, folder.c_str(), flags, 0600); code != 0) {
    if (code == ENOMEM) return Error{Errc::kLimitExceeded, "no address space for the map"};
    return error_of(code, "opening the environment");
  }
  int cleared = 0;
  if (int code = mdb_reader_check(made, &cleared); code != 0) {
    return error_of(code, "clearing dead readers");
  }
  return environment;
}

}  // namespace

Result<Environment> open_environment(const std::string& folder, std::size_t map_bytes,
                                     unsigned table_count, unsigned reader_count) {
  return open_with(MDB_NOTLS, folder, map_bytes, table_count, reader_count);
}

Result<Environment> open_environment_to_read(const std::string& folder, std::size_t map_bytes,
                                             unsigned table_count, unsigned reader_count) {
  return open_with(MDB_NOTLS | MDB_RDONLY | MDB_NOLOCK, folder, map_bytes, table_count,
                   reader_count);
}

Result<Txn> begin_txn(MDB_env* environment, unsigned flags) {
  MDB_txn* txn = nullptr;
  const int code = mdb_txn_begin(environment, nullptr, flags, &txn);
  if (code != 0) return error_of(code, "beginning a transaction");
  return Txn{txn};
}

namespace {

// LMDB calls a write that came out short an I/O error, which it is not where the disk is full: then
// the disk has no room for a few pages more either. Asks the disk.
bool disk_is_full(const char* folder) {
  std::string path = std::string{folder} + "/space-XXXXXX";
  const int descriptor = mkstemp(path.data());
  if (descriptor < 0) return errno == ENOSPC || errno == EDQUOT;
  const std::string pages(256 * 1024, '\0');
  std::size_t written = 0;
  ssize_t size = 1;
  while (written < pages.size() && size > 0) {
    size = ::write(descriptor, pages.data() + written, pages.size() - written);
    if (size > 0) written += static_cast<std::size_t>(size);
  }
  const bool full = size < 0 && (errno == ENOSPC || errno == EDQUOT);
  ::close(descriptor);
  ::unlink(path.c_str());
  return full;
}

}  // namespace

Status commit_txn(Txn txn, const char* what) {
  MDB_env* environment = mdb_txn_env(txn.get());
  int code = mdb_txn_commit(txn.release());
  if (code == 0) return {};
  const char* folder = nullptr;
  if (code == EIO && mdb_env_get_path(environment, &folder) == 0 && disk_is_full(folder)) {
    code = ENOSPC;
  }
  return error_of(code, what);
}

}  // namespace satchel::sync
