#include "server/app/backup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "crypto/hash.hpp"
#include "schema/wire/frames.hpp"
#include "server/app/files.hpp"
#include "server/app/version.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyStoreBytesMax = std::size_t{1} << 30;
constexpr std::uint64_t kStoreFormat = 1;

// A file that is hashed as it is written.
class HashedFile {
 public:
  explicit HashedFile(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
  ~HashedFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  HashedFile(const HashedFile&) = delete;
  HashedFile& operator=(const HashedFile&) = delete;

  Status write(ByteView bytes) {
    hash_.update(bytes);
    size_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return Error{Errc::kFileWrite, path_ + ": " + std::strerror(errno)};
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }
  // Durable, and what the manifest says of it.
  Result<BackupFile> finish(const std::string& name) {
    if (::fsync(fd_) != 0) return Error{Errc::kFileWrite, path_ + ": " + std::strerror(errno)};
    return BackupFile{name, size_, to_hex(as_view(hash_.finish()))};
  }

 private:
  std::string path_;
  int fd_;
  crypto::Sha256 hash_;
  std::uint64_t size_ = 0;
};

// One backup while it is made. Thread-bound.
class Backup {
 public:
  Backup(Workspace& workspace, const Config& config, const std::string& folder,
         const std::atomic<bool>& stop)
      : workspace_(workspace), config_(config), folder_(folder), stop_(stop) {}

  Result<Manifest> make() {
    SATCHEL_TRY(take_folder());
    auto manifest = fill();
    if (!manifest) remove_what_was_made();
    return manifest;
  }

 private:
  Status take_folder() {
    if (!folder_.is_absolute())
      return Error{Errc::kInvalidArgument, "the path of a backup is absolute"};
    std::error_code unknown;
    existed_ = fs::exists(folder_, unknown);
    if (existed_ && (!fs::is_directory(folder_, unknown) || !fs::is_empty(folder_, unknown)))
      return Error{Errc::kAlreadyExists, folder_.string() + " is not an empty folder"};
    for (const char* each : {"data/store", "data/tls", "keys/store", "keys/tls"})
      SATCHEL_TRY(make_folder((folder_ / each).string()));
    return {};
  }

  Result<Manifest> fill() {
    SATCHEL_TRY(copy_store());
    SATCHEL_TRY(copy_rest());
    auto manifest = describe();
    if (!manifest) return manifest.error();
    auto keys = read_server_keys((folder_ / "keys/server.keys").string());
    if (!keys) return keys.error();
    const Bytes text = manifest_text(*manifest, keys->receipt.bytes());
    const BackupCheck check = verify_backup_against(text, {folder_.string(), {}});
    if (!check.bad.empty()) {
      const BackupFinding& first = check.bad.front();
      return Error{Errc::kStoreCorrupt, first.file + ": " + first.what};
    }
    if (stop_) return Error{Errc::kCancelled, "the server is stopping"};
    for (const char* each : {"data/store", "data/tls", "data", "keys/store", "keys/tls", "keys"})
      SATCHEL_TRY(sync_folder((folder_ / each).string()));
    SATCHEL_TRY(write_file((folder_ / kManifestFile).string(), text, kPlainMode));
    SATCHEL_TRY(sync_folder(folder_.parent_path().string()));
    return manifest;
  }

  // The keys are of the same moment as the data: a row never names a key that is not there.
  Status copy_store() {
    const Layout& layout = workspace_.layout();
    HashedFile data{(folder_ / "data/store/data.mdb").string()};
    sync::LmdbStore::CopySink sink;
    sink.beside = [&]() -> Status {
      const auto key_store = (fs::path(layout.keys()) / "store" / "data.mdb").string();
      SATCHEL_TRY(copy(key_store, "keys/store/data.mdb"));
      SATCHEL_TRY(copy(layout.root_key(), "keys/root.key"));
      return copy(layout.server_keys(), "keys/server.keys");
    };
    sink.write = [&](ByteView bytes) -> Status {
      if (stop_) return Error{Errc::kCancelled, "the server is stopping"};
      return data.write(bytes);
    };
    SATCHEL_TRY(workspace_.store().copy(sink));
    auto file = data.finish("data/store/data.mdb");
    if (!file) return file.error();
    files_.push_back(std::move(*file));
    return {};
  }

  Status copy_rest() {
    const fs::path authority_key = fs::path(config_.ca_file).parent_path() / "ca.key";
    const fs::path toml = fs::path(workspace_.layout().folder) / kConfigFile;
    SATCHEL_TRY(copy(toml.string(), "data/satcheld.toml"));
    SATCHEL_TRY(copy(config_.ca_file, "data/tls/ca.pem"));
    SATCHEL_TRY(copy(config_.cert_file, "data/tls/server.pem"));
    SATCHEL_TRY(copy(config_.key_file, "keys/tls/server.key"));
    SATCHEL_TRY(copy(workspace_.layout().admin_token(), "keys/admin.token"));
    // Only a server's own authority has its key here; another's certificate is renewed elsewhere.
    std::error_code missing;
    if (!fs::exists(authority_key, missing)) return {};
    return copy(authority_key.string(), "keys/tls/ca.key");
  }

  Status copy(const std::string& from, const std::string& name) {
    auto bytes = read_file(from, kKeyStoreBytesMax);
    if (!bytes) return bytes.error();
    HashedFile to{(folder_ / name).string()};
    const Status written = to.write(*bytes);
    crypto::secure_zero(*bytes);
    SATCHEL_TRY(written);
    auto file = to.finish(name);
    if (!file) return file.error();
    files_.push_back(std::move(*file));
    return {};
  }

  // What the copy says of itself: the store has gone on meanwhile.
  Result<Manifest> describe() {
    const BackupPlaces places{folder_.string(), {}};
    crypto::FileKeyProvider provider{place_of(places, "keys/root.key")};
    sync::LmdbOptions options;
    options.key_folder = backup_key_folder(places);
    options.read_only = true;
    options.verify_bytes_max = 0;  // All of it is looked over in a moment.
    auto store = sync::LmdbStore::open(backup_store_folder(places), std::move(options), provider,
                                       workspace_.entropy());
    if (!store) return store.error();
    auto state = sync::Hub::read_state(**store);
    if (!state) return state.error();
    Manifest manifest;
    manifest.store_format = kStoreFormat;
    manifest.protocol = wire::kProtocolVersion;
    manifest.program = kVersion;
    manifest.workspace = workspace_.layout().workspace;
    manifest.workspace_id = state->workspace;
    manifest.store = (*store)->id();
    manifest.incarnation = state->incarnation;
    manifest.sequence = state->seq;
    manifest.tag = state->tag;
    manifest.schema_hash = to_hex(workspace_.hub().catalog()->hash());
    manifest.made_us = workspace_.clock().wall_us();
    manifest.ledger = config_.ledger_file;
    manifest.files = std::move(files_);
    return manifest;
  }

  void remove_what_was_made() {
    std::error_code ignored;
    for (const char* each : {"data", "keys"}) fs::remove_all(folder_ / each, ignored);
    fs::remove(folder_ / kManifestFile, ignored);
    if (!existed_) fs::remove(folder_, ignored);
  }

  Workspace& workspace_;
  const Config& config_;
  const fs::path folder_;
  const std::atomic<bool>& stop_;
  bool existed_ = false;
  std::vector<BackupFile> files_;
};

}  // namespace

Result<Manifest> create_backup(Workspace& workspace, const Config& config,
                               const std::string& folder, const std::atomic<bool>& stop) {
  return Backup{workspace, config, folder, stop}.make();
}

std::string place_of(const BackupPlaces& places, const std::string& path) {
  constexpr std::string_view kKeys = "keys/";
  if (places.keys.empty() || !path.starts_with(kKeys))
    return (fs::path(places.folder) / path).string();
  return (fs::path(places.keys) / path.substr(kKeys.size())).string();
}

std::string backup_store_folder(const BackupPlaces& places) {
  return place_of(places, "data/store");
}

std::string backup_key_folder(const BackupPlaces& places) { return place_of(places, "keys/store"); }

}  // namespace satchel::server
