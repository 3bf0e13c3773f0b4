#include "sync/store/lmdb/room.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace satchel::sync {
namespace {

constexpr std::uint64_t kCopiedBytes = 192 * 1024;  // Pages of trees, by a commit of a device.
constexpr MDB_dbi kFreeTable = 0;                   // LMDB's own: lists of page numbers.

// Bytes of pages inside the file that LMDB can use again; 0 where that cannot be told.
std::uint64_t free_bytes(MDB_env* environment) {
  MDB_stat about{};
  auto txn = begin_txn(environment, MDB_RDONLY);
  MDB_cursor* cursor = nullptr;
  if (!txn || mdb_env_stat(environment, &about) != 0 ||
      mdb_cursor_open(txn->get(), kFreeTable, &cursor) != 0) {
    return 0;
  }
  std::uint64_t pages = 0;
  MDB_val key{};
  MDB_val list{};
  while (mdb_cursor_get(cursor, &key, &list, MDB_NEXT) == 0) {
    std::size_t count = 0;
    if (list.mv_size >= sizeof count) std::memcpy(&count, list.mv_data, sizeof count);
    pages += count;
  }
  mdb_cursor_close(cursor);
  return pages * about.ms_psize;
}

// False if the disk has no space. Where the file system knows no such call, the commit will tell.
bool take_space(int file, std::uint64_t from, std::uint64_t to) {
  while (::fallocate(file, 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) != 0) {
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) return false;
    if (errno != EINTR) return true;
  }
  return true;
}

bool has_space(int file, std::uint64_t bytes) {
  struct statvfs disk {};
  return ::fstatvfs(file, &disk) != 0 || disk.f_bavail * disk.f_frsize >= bytes;
}

std::uint64_t size_of(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
}

// A small disk is not given up to it.
std::uint64_t room_bytes(const std::string& path) {
  struct statvfs disk {};
  if (::statvfs(path.substr(0, path.rfind('/')).c_str(), &disk) != 0) return kRoomBytes;
  return std::min<std::uint64_t>(kRoomBytes, disk.f_blocks * disk.f_frsize / 4);
}

}  // namespace

Status keep_room(MDB_env* environment, const std::string& path) {
  const std::uint64_t held = size_of(path);
  if (held >= kRoomBytes) return {};
  const std::uint64_t wanted = room_bytes(path);
  if (held >= wanted) return {};
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool whole = file >= 0 && take_space(file, held, wanted);
  const bool full = file >= 0 ? !whole : errno == ENOSPC || errno == EDQUOT;
  if (file >= 0) ::close(file);
  if (!full || free_bytes(environment) >= wanted) return {};
  return error_of(ENOSPC, "no room but for what makes room");
}

void use_room(MDB_env* environment, const std::string& path, std::uint64_t put_bytes) {
  const std::uint64_t held = size_of(path);
  int file = -1;
  MDB_envinfo info{};
  MDB_stat about{};
  struct stat data {};
  if (held == 0 || mdb_env_get_fd(environment, &file) != 0 || ::fstat(file, &data) != 0 ||
      mdb_env_info(environment, &info) != 0 || mdb_env_stat(environment, &about) != 0) {
    return;
  }
  const std::uint64_t size = static_cast<std::uint64_t>(data.st_size);
  const std::uint64_t used = (info.me_last_pgno + 1) * about.ms_psize;
  const std::uint64_t copied = kCopiedBytes + put_bytes + put_bytes / 4;  // Rows end within pages.
  const std::uint64_t wanted = std::min<std::uint64_t>(used + copied, info.me_mapsize);
  if (size >= wanted || has_space(file, 2 * copied)) return;
  if (take_space(file, size, wanted)) return;
  const std::uint64_t left = held - std::min(held, wanted - size);
  if (::truncate(path.c_str(), static_cast<off_t>(left)) == 0) take_space(file, size, wanted);
}

}  // namespace satchel::sync
