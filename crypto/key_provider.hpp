// The port to the host's key store, which alone holds the root key of one store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/secret.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

// Counts the root keys of one store, from 1.
using RootGeneration = std::uint32_t;

// What destroying a key means here; acknowledgements of an erasure carry it.
enum class KeyStrength : std::uint8_t {
  kHardware = 1,  // The key never leaves a chip; destroyed is destroyed.
  kOs = 2,        // The operating system's key store.
  kFile = 3,      // Overwritten as well as a file system allows: copies may remain.
};
std::string_view name_of(KeyStrength strength);  // "hardware", "os", "file"

// Holds the root keys of exactly one store, by generation; two at most, and only while it is
// re-keyed. Thread-bound. put and destroy are durable when they return.
class KeyProvider {
 public:
  virtual ~KeyProvider() = default;

  // Replaces what the generation held. kKeyProvider.
  virtual Status put(RootGeneration generation, const Key32& key) = 0;
  // kKeyLost: there is none; kKeyMalformed: there is something of another length or form;
  // kKeyProvider.
  virtual Result<Key32> get(RootGeneration generation) = 0;
  // Not there is not an error. kKeyProvider, kKeyMalformed.
  virtual Status destroy(RootGeneration generation) = 0;
  // Ascending. kKeyProvider, kKeyMalformed.
  virtual Result<std::vector<RootGeneration>> list() = 0;
  [[nodiscard]] virtual KeyStrength strength() const = 0;
};

// Keys in a file of mode 0600, replaced as a whole (write, fsync, rename, fsync of the folder), the
// replaced file overwritten. A missing file holds no keys. Text, one line each:
//
//   satchel-keys 1
//   key GENERATION 64-HEX-DIGITS
//   sum SHA-256 of all bytes above, in hexadecimal
class FileKeyProvider final : public KeyProvider {
 public:
  explicit FileKeyProvider(std::string path) : path_(std::move(path)) {}

  Status put(RootGeneration generation, const Key32& key) override;
  Result<Key32> get(RootGeneration generation) override;
  Status destroy(RootGeneration generation) override;
  Result<std::vector<RootGeneration>> list() override;
  [[nodiscard]] KeyStrength strength() const override { return KeyStrength::kFile; }

 private:
  using Keys = std::map<RootGeneration, Key32>;
  Result<Keys> read() const;
  Status write(const Keys& keys) const;

  std::string path_;
};

// Keys in memory, for tests and for hosts that hand the key over at each start.
class MemoryKeyProvider final : public KeyProvider {
 public:
  explicit MemoryKeyProvider(KeyStrength strength = KeyStrength::kOs) : strength_(strength) {}

  Status put(RootGeneration generation, const Key32& key) override;
  Result<Key32> get(RootGeneration generation) override;
  Status destroy(RootGeneration generation) override;
  Result<std::vector<RootGeneration>> list() override;
  [[nodiscard]] KeyStrength strength() const override { return strength_; }

 private:
  std::map<RootGeneration, Key32> keys_;
  KeyStrength strength_;
};

}  // namespace satchel::crypto
