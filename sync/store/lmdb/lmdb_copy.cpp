// Copying a store while it is written to.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "sync/store/lmdb/lmdb_core.hpp"

namespace satchel::sync {
namespace {

constexpr std::uint64_t kMetaPages = 2;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

// The data file, read beside LMDB's map of it: what LMDB writes is seen at once by both.
class DataFileReader {
 public:
  explicit DataFileReader(const std::string& path)
      : fd_{::open(path.c_str(), O_RDONLY | O_CLOEXEC)} {}
  ~DataFileReader() {
    if (fd_ >= 0) ::close(fd_);
  }
  DataFileReader(const DataFileReader&) = delete;
  DataFileReader& operator=(const DataFileReader&) = delete;

  // Up to `size` bytes; fewer only where the file ends.
  Status read(std::uint64_t offset, std::size_t size, Bytes& out) const {
    out.resize(size);
    std::size_t done = 0;
    while (done < size) {
      const ssize_t count =
          ::pread(fd_, out.data() + done, size - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Error{Errc::kFileRead, std::string{"copying: "} + std::strerror(errno)};
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    out.resize(done);
    return {};
  }

 private:
  int fd_;
};

struct Extent {
  std::uint64_t meta_bytes = 0;
  std::uint64_t bytes = 0;  // As far as the newest commit reaches; the file may be shorter.
};

Extent extent_of(MDB_env* environment) {
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(environment, &info);
  mdb_env_stat(environment, &stat);
  return {kMetaPages * stat.ms_psize, (info.me_last_pgno + 1) * std::uint64_t{stat.ms_psize}};
}

}  // namespace

Status LmdbStore::copy(const CopySink& sink) {
  std::unique_ptr<ReaderSlot> slot;
  const DataFileReader file{core_->path};
  Extent extent;
  Bytes bytes;
  {
    // While nobody writes, the meta pages are those of the commit that the reader holds.
    const std::lock_guard guard{core_->writer};
    SATCHEL_TRY(core_->usable());
    extent = extent_of(core_->environment.get());
    SATCHEL_TRY(file.read(0, extent.meta_bytes, bytes));
    SATCHEL_TRY(sink.beside());
    auto taken = core_->take_reader();
    if (!taken) return taken.error();
    slot = std::move(*taken);
  }
  // As long as the reader stands, no page that its commit reaches is written over. Those that it
  // does not reach may be torn, and nobody looks at them.
  Status copied = sink.write(bytes);
  std::uint64_t at = extent.meta_bytes;
  while (copied && at < extent.bytes) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, extent.bytes - at));
    copied = file.read(at, size, bytes);
    if (!copied || bytes.empty()) break;
    at += bytes.size();
    copied = sink.write(bytes);
  }
  core_->give_back(std::move(slot));
  return copied;
}

}  // namespace satchel::sync
