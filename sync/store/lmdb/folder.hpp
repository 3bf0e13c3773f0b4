// The folder of a store: may it be used, and is it ours alone?
#pragma once

#include <memory>
#include <string>

#include "schema/model/result.hpp"

namespace satchel::sync {

// A file system that a store must not lie on: another machine can change its pages under the map.
// `magic` as statfs gives it; `type` as /proc/self/mountinfo names it, needed for FUSE alone.
bool is_remote_file_system(std::uint64_t magic, std::string_view type);

// Holds the folder for this process until it is destroyed: an flock on FOLDER/store.lock, which
// carries the holder's process id as text. Thread-compatible.
class FolderLock {
 public:
  // kStoreMissing: no such folder; kStoreReadOnly; kStoreRemote; kStoreBusy names the process that
  // holds it, which may be this one.
  static Result<std::unique_ptr<FolderLock>> take(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int descriptor) : descriptor_{descriptor} {}
  int descriptor_;
};

// Makes the folder (mode 0700) and those above it where they are missing. kStoreReadOnly,
// kStoreDiskFull, kFileWrite.
Status make_folder(const std::string& folder);
// Makes the names inside durable. kFileWrite.
Status sync_folder(const std::string& folder);

}  // namespace satchel::sync
