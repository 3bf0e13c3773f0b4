#include "server/app/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Error failed(Errc code, const std::string& path) {
  return Error{code, path + ": " + std::strerror(errno)};
}

bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Status sync_folder(const std::string& path) {
  const Descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return failed(Errc::kFileWrite, path);
  return {};
}

Status copy_file(const std::string& from, const std::string& to, unsigned mode) {
  const Descriptor in{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
  if (in.get() < 0) return failed(Errc::kFileRead, from);
  const Descriptor out{::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
  if (out.get() < 0) return failed(Errc::kFileWrite, to);
  Bytes chunk(std::size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t count = ::read(in.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(Errc::kFileRead, from);
    if (count == 0) break;
    if (!write_all(out.get(), ByteView{chunk}.substr(0, static_cast<std::size_t>(count))))
      return failed(Errc::kFileWrite, to);
  }
  if (::fsync(out.get()) != 0) return failed(Errc::kFileWrite, to);
  return sync_folder(fs::path(to).parent_path().string());
}

Result<Bytes> read_file(const std::string& path, std::size_t size_max) {
  const Descriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (fd.get() < 0) return failed(Errc::kFileRead, path);
  Bytes bytes;
  char chunk[16384];
  for (;;) {
    const ssize_t count = ::read(fd.get(), chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(Errc::kFileRead, path);
    if (count == 0) return bytes;
    bytes.append(chunk, static_cast<std::size_t>(count));
    if (bytes.size() > size_max) return Error{Errc::kLimitExceeded, path + " is too large"};
  }
}

Status write_file(const std::string& path, ByteView bytes, unsigned mode) {
  const std::string beside = path + ".new";
  {
    const Descriptor fd{
        ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)};
    if (fd.get() < 0) return failed(Errc::kFileWrite, beside);
    if (::fchmod(fd.get(), mode) != 0 || !write_all(fd.get(), bytes) || ::fsync(fd.get()) != 0) {
      return failed(Errc::kFileWrite, beside);
    }
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed(Errc::kFileWrite, path);
  return sync_folder(fs::path(path).parent_path().string());
}

Status make_folder(const std::string& path) {
  const fs::path whole{path};
  fs::path so_far;
  for (const fs::path& part : whole) {
    so_far /= part;
    if (::mkdir(so_far.c_str(), 0700) == 0) {
      // What lies in a folder is as durable as the folder's own name.
      const fs::path above = so_far.has_parent_path() ? so_far.parent_path() : fs::path{"."};
      SATCHEL_TRY(sync_folder(above));
    } else if (errno != EEXIST) {
      std::error_code ignored;
      if (!fs::is_directory(so_far, ignored)) return failed(Errc::kFileWrite, so_far.string());
    }
  }
  return {};
}

Status check_secret_mode(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return failed(Errc::kFileRead, path);
  if ((info.st_mode & 077) != 0) {
    return Error{Errc::kConfigInvalid,
                 path + ": others than its owner may use it; run: chmod 600 " + path};
  }
  return {};
}

}  // namespace satchel::server
