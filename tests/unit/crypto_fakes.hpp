// What the tests of crypto/ share: repeatable randomness, hexadecimal literals, a folder that goes
// away.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "crypto/entropy.hpp"
#include "crypto/hash.hpp"
#include "schema/model/varint.hpp"

namespace satchel::crypto {

inline Bytes operator""_hex(const char* text, std::size_t size) {
  Bytes bytes;
  SATCHEL_ASSERT(from_hex({text, size}, bytes));
  return bytes;
}

inline Key32 key_of(ByteView bytes) { return *Key32::from_bytes(bytes); }
// A key that is easy to tell from others.
inline Key32 key_filled(char filler) { return key_of(Bytes(32, filler)); }

inline StoreId store_filled(std::uint8_t filler) {
  StoreId store;
  store.octets.fill(filler);
  return store;
}
inline SubjectRef subject_filled(std::uint8_t filler) {
  SubjectRef subject;
  subject.octets.fill(filler);
  return subject;
}

// The same seed gives the same octets.
class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) { append_u64(seed_, seed); }
  Status fill(std::span<std::uint8_t> out) override {
    ++fills_;
    while (!out.empty()) {
      Bytes message = seed_;
      append_u64(message, counter_++);
      const Digest digest = sha256_digest(message);
      const std::size_t size = std::min(out.size(), digest.size());
      std::copy_n(digest.begin(), size, out.begin());
      out = out.subspan(size);
    }
    return {};
  }
  [[nodiscard]] int fills() const { return fills_; }

 private:
  Bytes seed_;
  std::uint64_t counter_ = 0;
  int fills_ = 0;
};

class FailingEntropy final : public Entropy {
 public:
  Status fill(std::span<std::uint8_t>) override { return Error{Errc::kEntropy, "none"}; }
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "satchel-XXXXXX").string();
    SATCHEL_ASSERT(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + "/" + std::string{name};
  }

 private:
  std::string path_;
};

}  // namespace satchel::crypto
