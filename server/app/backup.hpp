// Making a backup of a running server's store, and looking over one.
//
//   DIR/data/store/data.mdb            the sealed store, as of one moment
//   DIR/data/satcheld.toml, data/tls   the configuration and the certificates
//   DIR/keys/root.key, server.keys, store, admin.token, tls       every secret that a restore needs
//   DIR/manifest.json                  written last: what each file is
//
// The two folders may be kept apart: without `keys` nobody reads `data`.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "server/app/manifest.hpp"
#include "server/app/workspace.hpp"

namespace satchel::server {

struct BackupPlaces {
  std::string folder;
  std::string keys;  // Where the keys are kept; empty: FOLDER/keys.
};

// Writes a backup into a folder that is missing or empty, and looks over all of it before it counts
// as one. Writing goes on meanwhile; `stop` ends it. What was begun and not finished is removed.
// kInvalidArgument: the path is not absolute; kAlreadyExists: the folder is not empty; kCancelled;
// kFileWrite, kFileRead; kStoreCorrupt: what was written is not sound, because the store is not.
Result<Manifest> create_backup(Workspace& workspace, const Config& config,
                               const std::string& folder, const std::atomic<bool>& stop);

struct BackupFinding {
  std::string file;  // "keys/root.key"
  std::string what;
};
struct BackupCheck {
  Manifest manifest;  // As far as it could be read.
  std::uint64_t bytes = 0;
  std::uint64_t values = 0;  // Opened and authenticated.
  std::vector<BackupFinding> bad;
};
// Compares every byte with the manifest, then opens the store with the keys and authenticates every
// value. Changes nothing, and needs no right to. kNotFound: there is no such folder.
Result<BackupCheck> verify_backup(const BackupPlaces& places);
// The same against a manifest that is not in its place yet.
BackupCheck verify_backup_against(const Bytes& manifest, const BackupPlaces& places);

// Where the file lies that a manifest names so.
std::string place_of(const BackupPlaces& places, const std::string& path);
// The keys that a backup's store is opened with.
std::string backup_store_folder(const BackupPlaces& places);
std::string backup_key_folder(const BackupPlaces& places);

}  // namespace satchel::server
