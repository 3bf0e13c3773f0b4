#include "server/app/restore.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "server/app/files.hpp"
#include "server/app/init.hpp"
#include "server/app/log.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

// Puts a restored server together beside its place. Thread-bound.
class Restore {
 public:
  explicit Restore(const RestoreRequest& request) : request_(request) {
    std::error_code ignored;
    into_ = fs::absolute(request.into, ignored).lexically_normal();
    if (into_.filename().empty()) into_ = into_.parent_path();
    staging_ = into_.string() + ".restoring";
  }

  Result<RestoreReport> run() {
    SATCHEL_TRY(check_place());
    SATCHEL_TRY(check_backup());
    SATCHEL_TRY(take_staging());
    std::error_code ignored;
    const Status made = fill();
    if (!made) {
      fs::remove_all(staging_, ignored);
      return made.error();
    }
    return std::move(report_);
  }

 private:
  Status check_place() {
    std::error_code unknown;
    if (!fs::exists(into_, unknown)) return make_folder(into_.parent_path().string());
    if (fs::is_directory(into_, unknown) && fs::is_empty(into_, unknown)) return {};
    return Error{Errc::kAlreadyExists, into_.string() + " is not an empty folder"};
  }

  // One restore at a time has it; what one that was cut left behind goes.
  Status take_staging() {
    SATCHEL_TRY(make_folder(staging_.string()));
    held_.number = ::open(staging_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const Error busy{Errc::kStoreBusy, "another restore is at work in " + staging_.string()};
    struct stat held {};
    struct stat named {};
    if (held_.number < 0 || ::flock(held_.number, LOCK_EX | LOCK_NB) != 0) return busy;
    // It may have become somebody's finished work between the two.
    if (::fstat(held_.number, &held) != 0 || ::stat(staging_.c_str(), &named) != 0) return busy;
    if (held.st_ino != named.st_ino || held.st_dev != named.st_dev) return busy;
    std::error_code ignored;
    for (const auto& each : fs::directory_iterator{staging_, ignored})
      fs::remove_all(each.path(), ignored);
    return {};
  }

  Status check_backup() {
    auto check = verify_backup(request_.from);
    if (!check) return check.error();
    if (!check->bad.empty()) {
      const BackupFinding& first = check->bad.front();
      const std::size_t more = check->bad.size() - 1;
      return Error{Errc::kStoreCorrupt,
                   first.file + ": " + first.what +
                       (more == 0 ? "" : ", and " + std::to_string(more) + " more")};
    }
    report_.manifest = std::move(check->manifest);
    return check_workspace_name(report_.manifest.workspace);
  }

  Status fill() {
    layout_ = Layout{staging_.string(), report_.manifest.workspace};
    SATCHEL_TRY(copy_files());
    SATCHEL_TRY(settle_config());
    SATCHEL_TRY(bring_ledger());
    SATCHEL_TRY(begin_life());
    return put_in_place();
  }

  Status copy_files() {
    const fs::path workspace = fs::path(layout_.data()).parent_path();
    for (const fs::path& each :
         {workspace / "data", workspace / "keys" / "store", staging_ / "tls", staging_ / "ledger"})
      SATCHEL_TRY(make_folder(each.string()));
    struct Way {
      const char* from;
      std::string to;
      unsigned mode;
    };
    const auto tls = [this](const char* name) { return (staging_ / "tls" / name).string(); };
    for (const Way& way :
         {Way{"data/store/data.mdb", layout_.data() + "/data.mdb", kSecretMode},
          Way{"keys/store/data.mdb", layout_.keys() + "/store/data.mdb", kSecretMode},
          Way{"keys/root.key", layout_.root_key(), kSecretMode},
          Way{"keys/server.keys", layout_.server_keys(), kSecretMode},
          Way{"keys/admin.token", layout_.admin_token(), kSecretMode},
          Way{"keys/tls/server.key", tls("server.key"), kSecretMode},
          Way{"data/tls/ca.pem", tls("ca.pem"), kPlainMode},
          Way{"data/tls/server.pem", tls("server.pem"), kPlainMode},
          Way{"data/satcheld.toml", (staging_ / kConfigFile).string(), kPlainMode}}) {
      SATCHEL_TRY(copy_file(place_of(request_.from, way.from), way.to, way.mode));
    }
    const std::string authority_key = place_of(request_.from, "keys/tls/ca.key");
    std::error_code missing;
    if (!fs::exists(authority_key, missing)) return {};
    return copy_file(authority_key, tls("ca.key"), kSecretMode);
  }

  // Certificates that lay elsewhere lie below the folder now. A file that needs no change keeps its
  // comments.
  Status settle_config() {
    auto config = read_config(staging_.string());
    if (!config) return config.error();
    const auto tls = [this](const char* name) { return (staging_ / "tls" / name).string(); };
    const bool usual = config->ca_file == tls("ca.pem") && config->cert_file == tls("server.pem") &&
                       config->key_file == tls("server.key");
    config->ca_file = tls("ca.pem");
    config->cert_file = tls("server.pem");
    config->key_file = tls("server.key");
    const auto path = (staging_ / kConfigFile).string();
    if (!usual) SATCHEL_TRY(write_file(path, config_text(*config, staging_.string()), kPlainMode));
    const auto below = fs::path(config->ledger_file).lexically_relative(staging_);
    const bool outside = below.empty() || *below.begin() == "..";
    if (outside) ledger_outside_ = config->ledger_file;
    ledger_below_ =
        outside ? staging_ / default_ledger(config->workspace) : fs::path(config->ledger_file);
    config->ledger_file = ledger_below_.string();
    config_ = std::move(*config);
    return {};
  }

  // The newest that can be had: the one that was named, or the one that is still in its place.
  Result<std::string> find_ledger() {
    std::error_code unknown;
    if (!request_.ledger.empty()) {
      if (fs::exists(request_.ledger, unknown)) return request_.ledger;
      return Error{Errc::kNotFound, request_.ledger};
    }
    std::vector<std::string> places;
    if (!ledger_outside_.empty()) places.push_back(ledger_outside_);
    if (!request_.old_data.empty()) {
      // What is left of it may be the ledger alone.
      const auto old = read_config(request_.old_data);
      const auto usual = fs::path(request_.old_data) / default_ledger(report_.manifest.workspace);
      places.push_back(old ? old->ledger_file : usual.string());
    }
    places.push_back(report_.manifest.ledger);
    for (const std::string& each : places) {
      if (fs::exists(each, unknown)) return each;
    }
    return std::string{};
  }

  Status bring_ledger() {
    auto keys = read_server_keys(layout_.server_keys());
    if (!keys) return keys.error();
    auto found = find_ledger();
    if (!found) return found.error();
    if (found->empty()) return {};
    auto contents = LedgerFile::read(*found, keys->receipt.bytes(), report_.manifest.workspace_id);
    if (!contents) return contents.error();
    report_.ledger_from = *found;
    SATCHEL_TRY(make_folder(ledger_below_.parent_path().string()));
    return copy_file(*found, ledger_below_.string(), kSecretMode);
  }

  Status begin_life() {
    auto workspace = Workspace::open(layout_, config_);
    if (!workspace) return workspace.error();
    auto txn = (*workspace)->hub().begin();
    if (!txn) return txn.error();
    SATCHEL_TRY((*txn)->begin_incarnation());
    SATCHEL_TRY((*txn)->commit());
    txn->reset();
    const LedgerFile& ledger = (*workspace)->ledger();
    report_.incarnation = (*workspace)->hub().state().incarnation;
    report_.ledger_entries = ledger.count();
    report_.ledger_damaged = ledger.damaged();
    report_.ledger_lost = ledger.after_loss();
    return {};
  }

  Status put_in_place() {
    std::error_code unknown;
    if (!ledger_outside_.empty() && !fs::exists(ledger_outside_, unknown)) {
      SATCHEL_TRY(make_folder(fs::path(ledger_outside_).parent_path().string()));
      SATCHEL_TRY(copy_file(ledger_below_.string(), ledger_outside_, kSecretMode));
    }
    if (!ledger_outside_.empty()) fs::remove_all(ledger_below_.parent_path(), unknown);
    SATCHEL_TRY(sync_folder(staging_.string()));
    // Over an empty folder too; over one that has been filled meanwhile it fails.
    if (std::rename(staging_.c_str(), into_.c_str()) != 0) {
      const Errc code =
          errno == ENOTEMPTY || errno == EEXIST ? Errc::kAlreadyExists : Errc::kFileWrite;
      return Error{code, into_.string() + ": " + std::strerror(errno)};
    }
    return sync_folder(into_.parent_path().string());
  }

  const RestoreRequest& request_;
  fs::path into_;
  fs::path staging_;
  struct Held {
    int number = -1;
    ~Held() {
      if (number >= 0) ::close(number);
    }
  } held_;  // The staging folder, locked while it is filled.
  Layout layout_;
  Config config_;
  std::string ledger_outside_;  // Where the configuration wants it, if not below the folder.
  fs::path ledger_below_;
  RestoreReport report_;
};

}  // namespace

Result<RestoreReport> restore(const RestoreRequest& request) { return Restore{request}.run(); }

}  // namespace satchel::server
