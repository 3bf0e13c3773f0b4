// Whole small files, written so that a crash leaves the old or the new one.
#pragma once

#include <string>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::server {

// Who may read a file that holds a secret: its owner alone.
inline constexpr unsigned kSecretMode = 0600;
inline constexpr unsigned kPlainMode = 0644;

// kFileRead names the path; kLimitExceeded where it is larger than `size_max`.
Result<Bytes> read_file(const std::string& path, std::size_t size_max = 16 * 1024 * 1024);
// Durable when it returns: a file beside it, fsync, rename, fsync of the folder. kFileWrite.
Status write_file(const std::string& path, ByteView bytes, unsigned mode);
// Makes a folder and those above it, mode 0700 for those it makes. kFileWrite.
Status make_folder(const std::string& path);
// What is in a folder, by name, is durable when it returns. kFileWrite.
Status sync_folder(const std::string& path);
// The whole of a file, of any size, durable when it returns. kFileRead, kFileWrite.
Status copy_file(const std::string& from, const std::string& to, unsigned mode);
// kKeyProvider where others than the owner may read the file, kFileRead where it is not there.
Status check_secret_mode(const std::string& path);

}  // namespace satchel::server
