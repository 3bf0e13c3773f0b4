#include "sync/store/lmdb/folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace satchel::sync {
namespace {

constexpr std::size_t kPidBytes = 16;  // Of store.lock.
constexpr std::uint64_t kFuse = 0x65735546;
constexpr std::array<std::uint64_t, 11> kRemote = {
    0x6969,      // NFS
    0x517B,      // SMB
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB 2
    0x5346414F,  // AFS
    0x6B414653,  // AFS in the kernel
    0x73757245,  // Coda
    0x564C,      // NCP
    0x01021997,  // 9P
    0x00C36400,  // Ceph
    0x0BD00BD0,  // Lustre
};

// The type column of the mount that a device number belongs to; empty if it is not listed.
std::string mount_type(dev_t device) {
  std::ostringstream wanted;
  wanted << major(device) << ':' << minor(device);
  std::ifstream mounts{"/proc/self/mountinfo"};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words{line};
    std::string word;
    words >> word >> word >> word;
    if (word != wanted.str()) continue;
    while (words >> word && word != "-") continue;
    words >> word;
    return word;
  }
  return {};
}

Error cannot_write(int error, const char* what) {
  if (error == EROFS || error == EACCES || error == EPERM) {
    return Error{Errc::kStoreReadOnly, what};
  }
  if (error == ENOSPC || error == EDQUOT) return Error{Errc::kStoreDiskFull, what};
  return Error{Errc::kFileWrite, std::string{what} + ": " + std::strerror(error)};
}

std::string read_text(int descriptor) {
  std::array<char, kPidBytes> text{};
  const ssize_t size = pread(descriptor, text.data(), text.size(), 0);
  const std::string whole{text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  return whole.substr(0, whole.find('\n'));
}

}  // namespace

bool is_remote_file_system(std::uint64_t magic, std::string_view type) {
  magic &= 0xFFFFFFFF;  // Some systems sign-extend it.
  if (std::find(kRemote.begin(), kRemote.end(), magic) != kRemote.end()) return true;
  if (magic != kFuse) return false;
  // FUSE is anything. Disks and container layers are local; whoever we do not know is not trusted.
  constexpr std::array<std::string_view, 4> kLocal = {"fuseblk", "fuse.fuse-overlayfs",
                                                      "fuse.ntfs-3g", "fuse.unionfs"};
  return std::find(kLocal.begin(), kLocal.end(), type) == kLocal.end();
}

Result<std::unique_ptr<FolderLock>> FolderLock::take(const std::string& folder) {
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return Error{Errc::kStoreMissing, "no such folder"};
  }
  struct statfs system {};
  if (statfs(folder.c_str(), &system) != 0) return Error{Errc::kFileRead, "statfs"};
  const auto magic = static_cast<std::uint64_t>(system.f_type);
  const std::string type = (magic & 0xFFFFFFFF) == kFuse ? mount_type(info.st_dev) : "";
  if (is_remote_file_system(magic, type)) return Error{Errc::kStoreRemote, type};

  const std::string path = folder + "/store.lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return cannot_write(errno, "store.lock");
  std::unique_ptr<FolderLock> lock{new FolderLock{descriptor}};
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error{Errc::kFileWrite, "flock of store.lock"};
    return Error{Errc::kStoreBusy, "held by process " + read_text(descriptor)};
  }
  // Always of one size: a truncation costs a millisecond on some file systems.
  std::string pid = std::to_string(getpid()) + "\n";
  pid.resize(kPidBytes, ' ');
  if (pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    // The text is a courtesy to people; a full disk must not keep a store from being read.
    if (errno != ENOSPC && errno != EDQUOT) return cannot_write(errno, "store.lock");
  }
  return lock;
}

FolderLock::~FolderLock() { ::close(descriptor_); }

Status make_folder(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path path{folder};
  if (std::filesystem::is_directory(path, error)) return {};
  if (path.has_parent_path()) {
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) return cannot_write(error.value(), "the folder above the store");
  }
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return cannot_write(errno, "the store's folder");
  }
  if (!path.has_parent_path()) return {};
  return sync_folder(path.parent_path().string());
}

Status sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Error{Errc::kFileWrite, "opening a folder to sync it"};
  const bool synced = fsync(descriptor) == 0;
  ::close(descriptor);
  if (!synced) return Error{Errc::kFileWrite, "fsync of a folder"};
  return {};
}

}  // namespace satchel::sync
