#include "sdk/engine/home.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "crypto/hash.hpp"

namespace satchel::sdk {
namespace {

constexpr std::size_t kMarkFileBytesMax = 4096;
constexpr int kNameLooks = 20;  // Of 5 ms, for the name of who has just taken a lock.
constexpr const char* kMachineIdFile = "/etc/machine-id";

Error file_error(Errc code, std::string_view doing, const std::string& path) {
  return Error{code, std::string{doing} + " " + path + ": " + std::strerror(errno)};
}

class File {
 public:
  explicit File(int number) : number_(number) {}
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

bool write_whole(int file, ByteView content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path{path}.parent_path().string();
  return parent.empty() ? "." : parent;
}

// What the mark's value covers: its random nonce, where the file lies, and on which machine.
Bytes mark_value(ByteView nonce, const struct stat& about) {
  Bytes covered{nonce};
  covered += '|' + std::to_string(about.st_ino) + '|';
  if (auto machine = read_small_file(kMachineIdFile, kMarkFileBytesMax)) covered += *machine;
  return crypto::sha256(covered);
}

Result<InstallMark> make_mark(const std::string& install_file, bool moved,
                              crypto::Entropy& entropy) {
  std::array<std::uint8_t, 16> nonce{};
  SATCHEL_TRY(entropy.fill(nonce));
  const std::string text = to_hex(as_view(nonce)) + "\n";
  SATCHEL_TRY(write_private_file(install_file, text));
  struct stat about {};
  if (::stat(install_file.c_str(), &about) != 0)
    return file_error(Errc::kFileRead, "looking at", install_file);
  return InstallMark{mark_value(text, about), moved};
}

// A name is durable only once its folder is.
Status sync_folder(const std::string& folder) {
  const File opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (opened.number() < 0 && errno == EACCES) return {};  // Not ours to read, or to sync.
  if (opened.number() < 0 || ::fsync(opened.number()) != 0)
    return file_error(Errc::kFileWrite, "making durable", folder);
  return {};
}

// So that an undelete of the file's blocks finds nothing; what the file system copied is beyond us.
void overwrite(const std::string& path) {
  const File file{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)};
  struct stat about {};
  if (file.number() < 0 || ::fstat(file.number(), &about) != 0) return;
  const Bytes zeros(static_cast<std::size_t>(std::min<off_t>(about.st_size, 1 << 20)), '\0');
  if (write_whole(file.number(), zeros)) ::fsync(file.number());
}

}  // namespace

HomePaths home_paths(std::string folder, std::string key_file, std::string install_file) {
  HomePaths paths;
  paths.store = folder + "/replica";
  paths.key_file = key_file.empty() ? folder + "/key" : std::move(key_file);
  paths.signer_file = folder + "/signer";
  paths.install_file = install_file.empty() ? folder + "/install" : std::move(install_file);
  paths.lock_file = folder + "/lock";
  paths.wiping_file = folder + "/wiping";
  paths.folder = std::move(folder);
  return paths;
}

Status make_folder(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  std::filesystem::create_directories(parent_of(folder), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return file_error(Errc::kFileWrite, "making the folder", folder);
  }
  return sync_folder(parent_of(folder));
}

bool path_exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

Result<std::unique_ptr<HomeLock>> HomeLock::take(const std::string& lock_file,
                                                 std::chrono::milliseconds wait) {
  File file{::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (file.number() < 0) {
    if (errno == ENOENT) return Error{Errc::kStoreMissing, "no folder " + parent_of(lock_file)};
    const bool read_only = errno == EROFS || errno == EACCES;
    return file_error(read_only ? Errc::kStoreReadOnly : Errc::kFileWrite, "opening", lock_file);
  }
  const auto deadline = std::chrono::steady_clock::now() + wait;
  while (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return file_error(Errc::kFileWrite, "locking", lock_file);
    if (std::chrono::steady_clock::now() >= deadline) {
      auto holder = read_small_file(lock_file, 32);
      // Who has just taken it is about to write his name.
      for (int i = 0; i < kNameLooks && holder && holder->empty(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
        holder = read_small_file(lock_file, 32);
      }
      const std::string pid = holder && !holder->empty() ? *holder : "unknown";
      return Error{Errc::kStoreBusy, "held by process " + pid.substr(0, pid.find('\n'))};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  const bool written = ::ftruncate(file.number(), 0) == 0 && write_whole(file.number(), pid);
  // The text is a courtesy to people; a full disk must not keep a home from being read.
  if (!written && errno != ENOSPC && errno != EDQUOT) {
    return file_error(Errc::kFileWrite, "writing", lock_file);
  }
  return std::unique_ptr<HomeLock>{new HomeLock(file.release())};
}

HomeLock::~HomeLock() { ::close(file_); }

Result<InstallMark> check_install(const std::string& install_file, ByteView expected,
                                  crypto::Entropy& entropy) {
  if (expected.empty()) return make_mark(install_file, false, entropy);
  auto text = read_small_file(install_file, kMarkFileBytesMax);
  if (!text) return make_mark(install_file, true, entropy);
  struct stat about {};
  if (::stat(install_file.c_str(), &about) != 0)
    return file_error(Errc::kFileRead, "looking at", install_file);
  Bytes value = mark_value(*text, about);
  if (value != expected) return make_mark(install_file, true, entropy);
  return InstallMark{std::move(value), false};
}

Status wipe_home(const HomePaths& paths) {
  for (const std::string& secret : {paths.key_file, paths.signer_file}) overwrite(secret);
  std::error_code error;
  std::filesystem::remove_all(paths.store, error);
  if (error) return Error{Errc::kFileWrite, "deleting " + paths.store + ": " + error.message()};
  // Where these lie is the caller's choice: only a file is ours to delete.
  for (const std::string& path : {paths.key_file, paths.signer_file, paths.install_file}) {
    if (!std::filesystem::is_regular_file(path, error)) continue;
    std::filesystem::remove(path, error);
    if (error) return Error{Errc::kFileWrite, "deleting " + path + ": " + error.message()};
  }
  std::filesystem::remove(paths.wiping_file, error);
  if (error) return Error{Errc::kFileWrite, "deleting " + paths.wiping_file};
  return {};
}

Result<Bytes> read_small_file(const std::string& path, std::size_t bytes_max) {
  // A pipe nobody writes to must not hold us up.
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number() < 0) return file_error(Errc::kFileRead, "opening", path);
  Bytes content(bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = ::read(file.number(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(Errc::kFileRead, "reading", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) return Error{Errc::kFileRead, path + " is larger than it should be"};
  content.resize(size);
  return content;
}

Status write_private_file(const std::string& path, ByteView content) {
  struct stat held {};
  if (::stat(path.c_str(), &held) == 0 && !S_ISREG(held.st_mode))
    return Error{Errc::kFileWrite, path + " is not a regular file; name another"};
  const std::string draft = path + ".new";
  const File file{::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (file.number() < 0) return file_error(Errc::kFileWrite, "making", draft);
  if (!write_whole(file.number(), content) || ::fsync(file.number()) != 0) {
    return file_error(Errc::kFileWrite, "writing", draft);
  }
  if (::rename(draft.c_str(), path.c_str()) != 0)
    return file_error(Errc::kFileWrite, "replacing", path);
  return sync_folder(parent_of(path));
}

}  // namespace satchel::sdk
