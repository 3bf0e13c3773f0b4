// What a backup says of itself: the file that is written last, and without which there is none.
#pragma once

#include <string>
#include <vector>

#include "schema/model/bytes.hpp"
#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"

namespace satchel::server {

inline constexpr const char* kManifestFile = "manifest.json";
inline constexpr std::uint64_t kManifestFormat = 1;

struct BackupFile {
  std::string path;  // "data/store/data.mdb", "keys/root.key"
  std::uint64_t size = 0;
  std::string sha256;  // In hexadecimal.
  friend bool operator==(const BackupFile&, const BackupFile&) = default;
};

// Value type.
struct Manifest {
  std::uint64_t format = kManifestFormat;
  std::uint64_t store_format = 0;
  std::uint64_t protocol = 0;
  std::string program;    // The version of this program that wrote it.
  std::string workspace;  // Its name, "main".
  WorkspaceId workspace_id;
  StoreId store;
  IncarnationId incarnation;
  Sequence sequence = 0;
  std::uint64_t tag = 0;  // Of commit `sequence`.
  std::string schema_hash;
  std::int64_t made_us = 0;
  std::string ledger;  // Where the ledger lay: it is not in the backup.
  std::vector<BackupFile> files;
};

// JSON text with, as its last member, a MAC over all of it under a key of the server's: who may
// write a backup's files may not make one up.
Bytes manifest_text(const Manifest& manifest, ByteView receipt_key);
// kStoreCorrupt where it does not follow its form; kStoreNewer. Says nothing of the MAC.
Result<Manifest> parse_manifest(const Bytes& text);
[[nodiscard]] bool proves_itself(const Bytes& text, ByteView receipt_key);

}  // namespace satchel::server
