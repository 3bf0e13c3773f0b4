// The engines that the contract is put to, and short words for tests to speak with a store.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "crypto/entropy.hpp"
#include "crypto/key_provider.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"
#include "sync/store/memory/memory_store.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync::contract {

// One store's disk. open() may be called again once the store before is gone.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual Result<std::unique_ptr<Store>> open() = 0;
};

class MemoryEngine final : public Engine {
 public:
  Result<std::unique_ptr<Store>> open() override {
    auto store = MemoryStore::open(disk_);
    if (!store) return store.error();
    return std::unique_ptr<Store>{std::move(*store)};
  }

 private:
  std::shared_ptr<MemoryDisk> disk_ =
      std::make_shared<MemoryDisk>(MemoryDisk::Options{.id = {}, .sync_on_commit = true});
};

// A folder that goes with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "satchel-store-XXXXXX").string();
    SATCHEL_ASSERT(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A sealed store in a folder of its own; its root key stays in memory.
class LmdbEngine final : public Engine {
 public:
  Result<std::unique_ptr<Store>> open() override {
    auto store = open_lmdb();
    if (!store) return store.error();
    return std::unique_ptr<Store>{std::move(*store)};
  }
  Result<std::unique_ptr<LmdbStore>> open_lmdb() {
    const bool known = std::filesystem::exists(data_file());
    return known ? LmdbStore::open(folder(), options, provider, entropy)
                 : LmdbStore::create(folder(), options, provider, entropy);
  }
  [[nodiscard]] const std::string& home() const { return temporary_.path(); }
  [[nodiscard]] std::string folder() const { return home() + "/store"; }
  [[nodiscard]] std::string data_file() const { return folder() + "/data.mdb"; }
  [[nodiscard]] std::string key_file() const { return folder() + "/keys/data.mdb"; }

  LmdbOptions options{.map_bytes_max = std::size_t{1} << 30};
  crypto::MemoryKeyProvider provider;
  crypto::SystemEntropy entropy;

 private:
  TemporaryFolder temporary_;
};

struct EngineKind {
  const char* name;
  std::function<std::unique_ptr<Engine>()> make;
};
inline void PrintTo(const EngineKind& kind, std::ostream* out) { *out << kind.name; }
std::vector<EngineKind> all_engines();

inline RecordId record_id(std::uint64_t n) {
  RecordId id;
  for (std::size_t i = 0; i < 8; ++i) id.octets[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  id.octets[0] = 0x01;
  return id;
}

inline Segment segment(PrivacyClass privacy, Bytes bytes) {
  Segment made;
  made.privacy = privacy;
  made.bytes = std::move(bytes);
  return made;
}

inline StoredRecord record(RecordNumber number, Bytes header, Bytes company, Bytes personal) {
  StoredRecord made;
  made.number = number;
  made.header = std::move(header);
  made.segments.push_back(segment(PrivacyClass::kCompany, std::move(company)));
  made.segments.push_back(segment(PrivacyClass::kPersonal, std::move(personal)));
  return made;
}

// The plaintext of each segment in order, after the header: what a reader can see of a record.
inline Result<std::vector<Bytes>> opened(ReadTxn& txn, const StoredRecord& stored) {
  std::vector<Bytes> parts{stored.header};
  for (const Segment& part : stored.segments) {
    auto bytes = txn.open_segment(stored, part);
    if (!bytes) return bytes.error();
    parts.push_back(std::move(*bytes));
  }
  return parts;
}

#define ASSERT_OK(expression)                                                     \
  do {                                                                            \
    const auto& assert_ok = (expression);                                         \
    ASSERT_TRUE(assert_ok.has_value()) << assert_ok.error().message();            \
  } while (false)

}  // namespace satchel::sync::contract
