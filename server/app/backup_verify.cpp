// Looking over a backup: first its bytes, then what they say.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "crypto/hash.hpp"
#include "server/app/backup.hpp"
#include "server/app/files.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

struct Measured {
  std::uint64_t size = 0;
  std::string sha256;
};

Result<Measured> measure(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{Errc::kFileRead, path};
  crypto::Sha256 hash;
  Measured measured;
  Bytes chunk(std::size_t{1} << 20, '\0');
  ssize_t count = 0;
  while ((count = ::read(fd, chunk.data(), chunk.size())) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    hash.update(ByteView{chunk}.substr(0, static_cast<std::size_t>(count)));
    measured.size += static_cast<std::uint64_t>(count);
  }
  ::close(fd);
  if (count < 0) return Error{Errc::kFileRead, path};
  measured.sha256 = to_hex(as_view(hash.finish()));
  return measured;
}

// One look over. Thread-bound.
class Verification {
 public:
  Verification(const Bytes& text, const BackupPlaces& places) : text_(text), places_(places) {}

  BackupCheck run() {
    auto manifest = parse_manifest(text_);
    if (!manifest) {
      add(kManifestFile, manifest.error().message());
      return std::move(check_);
    }
    check_.manifest = std::move(*manifest);
    for (const BackupFile& file : check_.manifest.files) compare(file);
    const auto keys = read_server_keys(place_of(places_, "keys/server.keys"));
    if (!keys) {
      add("keys/server.keys", keys.error().message());
    } else if (!proves_itself(text_, keys->receipt.bytes())) {
      add(kManifestFile, "it is not as it was written, or the keys are another server's");
    }
    open_store(keys ? fingerprint_of(*keys) : Bytes{});
    return std::move(check_);
  }

 private:
  void add(const std::string& file, std::string what) {
    check_.bad.push_back({file, std::move(what)});
  }

  void compare(const BackupFile& file) {
    const std::string path = place_of(places_, file.path);
    std::error_code unknown;
    if (!fs::exists(path, unknown)) return add(file.path, "it is missing");
    const auto measured = measure(path);
    if (!measured) return add(file.path, "it cannot be read");
    check_.bytes += measured->size;
    if (measured->size != file.size) {
      add(file.path, "it has " + std::to_string(measured->size) + " bytes, and had " +
                         std::to_string(file.size));
    } else if (measured->sha256 != file.sha256) {
      add(file.path, "its bytes are not those that were backed up");
    }
  }

  void open_store(const Bytes& fingerprint) {
    crypto::SystemEntropy entropy;
    crypto::FileKeyProvider provider{place_of(places_, "keys/root.key")};
    sync::LmdbOptions options;
    options.key_folder = backup_key_folder(places_);
    options.read_only = true;
    options.verify_bytes_max = 0;  // check() does it.
    auto store =
        sync::LmdbStore::open(backup_store_folder(places_), std::move(options), provider, entropy);
    if (!store) {
      const Errc code = store.error().code;
      const bool of_keys = code >= Errc::kKeyWrong && code <= Errc::kKeyProvider;
      return add(of_keys ? "keys" : "data/store/data.mdb", store.error().message());
    }
    auto report = (*store)->check();
    if (!report) return add("data/store/data.mdb", report.error().message());
    check_.values = report->values;
    for (std::string& each : report->bad) add("data/store/data.mdb", std::move(each));
    if ((*store)->id() != check_.manifest.store)
      add("data/store/data.mdb", "it is another store than the manifest's");
    const auto state = sync::Hub::read_state(**store);
    if (!state) return add("data/store/data.mdb", state.error().message());
    const Manifest& manifest = check_.manifest;
    if (state->workspace != manifest.workspace_id || state->incarnation != manifest.incarnation ||
        state->seq != manifest.sequence || state->tag != manifest.tag) {
      add("data/store/data.mdb", "it is of another moment than the manifest's");
    }
    const auto mark = keys_mark(**store);
    if (!mark || (!fingerprint.empty() && *mark != fingerprint))
      add("keys/server.keys", "they are not the keys of this store's server");
  }

  const Bytes& text_;
  const BackupPlaces& places_;
  BackupCheck check_;
};

}  // namespace

BackupCheck verify_backup_against(const Bytes& manifest, const BackupPlaces& places) {
  return Verification{manifest, places}.run();
}

Result<BackupCheck> verify_backup(const BackupPlaces& places) {
  std::error_code unknown;
  if (!fs::is_directory(places.folder, unknown))
    return Error{Errc::kNotFound, places.folder + ": no such folder"};
  const std::string path = (fs::path(places.folder) / kManifestFile).string();
  BackupCheck check;
  if (!fs::exists(path, unknown)) {
    check.bad.push_back({kManifestFile, "it is missing: this is no backup, or one that was cut"});
    return check;
  }
  auto text = read_file(path);
  if (!text) return text.error();
  return verify_backup_against(*text, places);
}

}  // namespace satchel::server
