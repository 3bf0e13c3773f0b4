// What a host gives when it opens a replica.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "crypto/key_provider.hpp"
#include "crypto/sign.hpp"

namespace satchel::sdk {

enum class LogLevel : std::uint8_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// Value type. Empty texts stand for the defaults of satchel.h.
struct Config {
  std::string path;
  std::string key_file;
  std::string install_file;
  std::string boot_id_file;
  std::string connect;
  std::uint64_t quota_bytes = 0;
  std::chrono::milliseconds lock_wait{0};
  LogLevel log_level = LogLevel::kWarning;
  std::function<void(LogLevel, std::string_view line)> log;
  // Takes a task to the host's loop; nothing: the engine's own thread.
  std::function<void(std::function<void()> run)> post;
  std::shared_ptr<crypto::KeyProvider> key_provider;  // Null: a FileKeyProvider.
  std::shared_ptr<crypto::Signer> signer;             // Null: a FileSigner.
};

}  // namespace satchel::sdk
