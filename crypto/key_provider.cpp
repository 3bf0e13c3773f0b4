#include "crypto/key_provider.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "crypto/key_file.hpp"

namespace satchel::crypto {
namespace {

constexpr std::string_view kTitle = "satchel-keys 1";
constexpr std::string_view kPrefix = "key ";

// "key GENERATION HEX".
std::optional<std::pair<RootGeneration, Key32>> parse_line(ByteView line) {
  if (!line.starts_with(kPrefix)) return std::nullopt;
  RootGeneration generation = 0;
  const char* const digits = line.data() + kPrefix.size();
  const auto [end, error] = std::from_chars(digits, line.data() + line.size(), generation);
  if (error != std::errc{} || generation == 0) return std::nullopt;
  const auto key = key_after(line.substr(static_cast<std::size_t>(end - line.data())), " ");
  if (!key) return std::nullopt;
  return std::pair{generation, *key};
}

template <class Keys>
Result<Key32> find_key(const Keys& keys, RootGeneration generation) {
  const auto found = keys.find(generation);
  if (found == keys.end()) {
    return Error{Errc::kKeyLost, "no root key of generation " + std::to_string(generation)};
  }
  return found->second;
}

template <class Keys>
std::vector<RootGeneration> generations_of(const Keys& keys) {
  std::vector<RootGeneration> generations;
  for (const auto& [generation, key] : keys) generations.push_back(generation);
  return generations;
}

}  // namespace

std::string_view name_of(KeyStrength strength) {
  switch (strength) {
    case KeyStrength::kHardware: return "hardware";
    case KeyStrength::kOs: return "os";
    case KeyStrength::kFile: return "file";
  }
  return "unknown";
}

Result<FileKeyProvider::Keys> FileKeyProvider::read() const {
  auto lines = read_key_file(path_, kTitle);
  if (!lines) {
    if (lines.error().code == Errc::kKeyLost) return Keys{};
    return lines.error();
  }
  Keys keys;
  for (const SecretBytes& line : *lines) {
    const auto entry = parse_line(line.bytes());
    if (!entry || !keys.insert(*entry).second) {
      return Error{Errc::kKeyMalformed, path_ + ": a line is not \"key GENERATION HEX\""};
    }
  }
  return keys;
}

Status FileKeyProvider::write(const Keys& keys) const {
  std::vector<SecretBytes> lines;
  for (const auto& [generation, key] : keys) {
    lines.push_back(key_line("key " + std::to_string(generation) + " ", key));
  }
  return write_key_file(path_, kTitle, lines);
}

Status FileKeyProvider::put(RootGeneration generation, const Key32& key) {
  auto keys = read();
  if (!keys) return keys.error();
  (*keys)[generation] = key;
  return write(*keys);
}

Result<Key32> FileKeyProvider::get(RootGeneration generation) {
  const auto keys = read();
  if (!keys) return keys.error();
  return find_key(*keys, generation);
}

Status FileKeyProvider::destroy(RootGeneration generation) {
  auto keys = read();
  if (!keys) return keys.error();
  if (keys->erase(generation) == 0) return {};
  return write(*keys);
}

Result<std::vector<RootGeneration>> FileKeyProvider::list() {
  const auto keys = read();
  if (!keys) return keys.error();
  return generations_of(*keys);
}

Status MemoryKeyProvider::put(RootGeneration generation, const Key32& key) {
  keys_[generation] = key;
  return {};
}

Result<Key32> MemoryKeyProvider::get(RootGeneration generation) {
  return find_key(keys_, generation);
}

Status MemoryKeyProvider::destroy(RootGeneration generation) {
  keys_.erase(generation);
  return {};
}

Result<std::vector<RootGeneration>> MemoryKeyProvider::list() { return generations_of(keys_); }

}  // namespace satchel::crypto
