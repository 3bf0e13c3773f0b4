// The folder of one replica: where its files are, who holds it, and whether it was copied.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "crypto/entropy.hpp"
#include "schema/model/result.hpp"

namespace satchel::sdk {

//   FOLDER/replica   the store              FOLDER/lock      who holds the folder
//   FOLDER/key       root keys (0600)       FOLDER/install   tells a copy from the original
//   FOLDER/signer    signing key (0600)
struct HomePaths {
  std::string folder;
  std::string store;
  std::string key_file;
  std::string signer_file;
  std::string install_file;
  std::string lock_file;
  std::string wiping_file;  // There while a wipe is under way.
};
// Empty overrides stand for the places above.
HomePaths home_paths(std::string folder, std::string key_file, std::string install_file);

// Makes the folder, for its owner alone. kFileWrite.
Status make_folder(const std::string& folder);
[[nodiscard]] bool path_exists(const std::string& path);

// Held by one handle of one process. Released by the destructor and by the kernel.
class HomeLock {
 public:
  // Waits for the present holder at most `wait`. kStoreBusy names its pid; kStoreMissing: no
  // folder.
  static Result<std::unique_ptr<HomeLock>> take(const std::string& lock_file,
                                                std::chrono::milliseconds wait);
  ~HomeLock();
  HomeLock(const HomeLock&) = delete;
  HomeLock& operator=(const HomeLock&) = delete;

 private:
  explicit HomeLock(int file) : file_(file) {}
  int file_;
};

// The install mark: a random value beside its own inode and the machine's id, so that a copied or
// restored folder is noticed. `expected` is what the store remembers, empty before the first time.
struct InstallMark {
  Bytes value;         // 32 bytes that name the mark as it stands.
  bool moved = false;  // The file is missing, was copied, or is another one than the store knows.
};
// Makes a new mark where `expected` is empty, or where it does not fit. kFileRead, kFileWrite,
// kEntropy.
Result<InstallMark> check_install(const std::string& install_file, ByteView expected,
                                  crypto::Entropy& entropy);

// Deletes what home_paths names, overwriting key files first; other files stay. The folder's own
// lock is kept by the caller. kFileWrite.
Status wipe_home(const HomePaths& paths);

// All of a small file; kFileRead. Writes a file of mode 0600 as a whole, durably; kFileWrite.
Result<Bytes> read_small_file(const std::string& path, std::size_t bytes_max);
Status write_private_file(const std::string& path, ByteView content);

}  // namespace satchel::sdk
