// Key material in memory: zeroed when it goes, compared in constant time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

// Writes zeros that the optimiser does not remove.
void secure_zero(void* at, std::size_t size) noexcept;
// Zeroes what the string holds (its short buffer too) and empties it.
void secure_zero(Bytes& bytes) noexcept;

// Takes the same time wherever the bytes differ. Strings of different sizes are unequal at once.
bool constant_time_equal(ByteView a, ByteView b) noexcept;

// Exactly N secret bytes. Value type: copies are zeroed like the original, and so is what was moved
// from.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(const std::array<std::uint8_t, N>& octets) : octets_(octets) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&& other) noexcept : octets_(other.octets_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      octets_ = other.octets_;
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  // kKeyMalformed unless exactly N bytes.
  static Result<Secret> from_bytes(ByteView bytes) {
    if (bytes.size() != N) return Error{Errc::kKeyMalformed, "a key of another length was given"};
    Secret secret;
    std::memcpy(secret.octets_.data(), bytes.data(), N);
    return secret;
  }

  [[nodiscard]] static constexpr std::size_t size() { return N; }
  [[nodiscard]] ByteView bytes() const { return as_view(octets_); }
  [[nodiscard]] std::span<std::uint8_t, N> octets() { return octets_; }
  [[nodiscard]] std::span<const std::uint8_t, N> octets() const { return octets_; }
  void wipe() noexcept { secure_zero(octets_.data(), N); }

  friend bool operator==(const Secret& a, const Secret& b) noexcept {
    return constant_time_equal(a.bytes(), b.bytes());
  }

 private:
  std::array<std::uint8_t, N> octets_{};
};

using Key32 = Secret<32>;

// Zeroes memory before it is given back, also when a container grows.
template <class T>
struct ZeroingAllocator {
  using value_type = T;
  ZeroingAllocator() = default;
  template <class U>
  explicit ZeroingAllocator(const ZeroingAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) { return std::allocator<T>{}.allocate(count); }
  void deallocate(T* at, std::size_t count) noexcept {
    secure_zero(at, count * sizeof(T));
    std::allocator<T>{}.deallocate(at, count);
  }
  friend bool operator==(const ZeroingAllocator&, const ZeroingAllocator&) { return true; }
};

// Secret bytes of any length, on the heap, zeroed when they go. Value type.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : octets_(size) {}
  explicit SecretBytes(ByteView bytes) { append(bytes); }

  void append(ByteView bytes) {
    const auto octets = as_octets(bytes);
    octets_.insert(octets_.end(), octets.begin(), octets.end());
  }
  void resize(std::size_t size) { octets_.resize(size); }
  [[nodiscard]] std::size_t size() const { return octets_.size(); }
  [[nodiscard]] ByteView bytes() const { return as_view(octets_); }
  [[nodiscard]] std::span<std::uint8_t> octets() { return octets_; }

  friend bool operator==(const SecretBytes& a, const SecretBytes& b) noexcept {
    return constant_time_equal(a.bytes(), b.bytes());
  }

 private:
  std::vector<std::uint8_t, ZeroingAllocator<std::uint8_t>> octets_;
};

}  // namespace satchel::crypto
