#include <malloc.h>

#include <cstdlib>
#include <memory>
#include <new>

#include <gtest/gtest.h>

#include "crypto/key_provider.hpp"
#include "crypto/keyring.hpp"
#include "crypto/secret.hpp"
#include "tests/unit/crypto_fakes.hpp"

namespace {

// What must not be in memory that is given back, and how often it was.
std::string_view canary;
int canaries_freed = 0;

void release(void* at) noexcept {
  if (at != nullptr && !canary.empty()) {
    const std::string_view freed{static_cast<const char*>(at), malloc_usable_size(at)};
    if (freed.find(canary) != std::string_view::npos) ++canaries_freed;
  }
  std::free(at);
}

}  // namespace

// Of the whole test binary: each block that the heap gets back is looked through.
void* operator new(std::size_t size) {
  if (void* const at = std::malloc(size)) return at;
  throw std::bad_alloc{};
}
void operator delete(void* at) noexcept { release(at); }
void operator delete(void* at, std::size_t) noexcept { release(at); }

namespace satchel::crypto {
namespace {

// Counts the canaries that `work` leaves in freed memory.
template <class Work>
int canaries_left_by(std::string_view searched, Work work) {
  canaries_freed = 0;
  canary = searched;
  work();
  canary = {};
  return canaries_freed;
}

constexpr std::string_view kCanary = "0123456789abcdefghijklmnopqrstuv";

TEST(Secret, IsZeroedWhenItGoes) {
  alignas(Key32) unsigned char place[sizeof(Key32)] = {};
  auto* const secret = std::construct_at(reinterpret_cast<Key32*>(place), key_of(kCanary));
  EXPECT_EQ(std::memcmp(place, kCanary.data(), 32), 0);
  std::destroy_at(secret);
  for (const unsigned char octet : place) EXPECT_EQ(octet, 0);
}

TEST(Secret, IsZeroedWhenMovedFrom) {
  Key32 secret = key_of(kCanary);
  const Key32 moved = std::move(secret);
  EXPECT_EQ(secret.bytes(), Bytes(32, '\0'));  // NOLINT: what moving leaves is the claim.
  EXPECT_EQ(moved.bytes(), kCanary);
}

TEST(Secret, HasExactlyItsLength) {
  EXPECT_EQ(Key32::from_bytes(kCanary.substr(1)).error().code, Errc::kKeyMalformed);
  EXPECT_EQ(Key32::from_bytes(std::string{kCanary} + "x").error().code, Errc::kKeyMalformed);
  EXPECT_TRUE(Key32::from_bytes(kCanary));
}

TEST(SecureZero, EmptiesAStringUpToItsCapacity) {
  Bytes bytes{kCanary};
  const char* const at = bytes.data();
  bytes.resize(4);
  secure_zero(bytes);
  EXPECT_TRUE(bytes.empty());
  ASSERT_EQ(bytes.data(), at);
  bytes.resize(32);
  EXPECT_EQ(bytes, Bytes(32, '\0'));
}

TEST(ConstantTimeEqual, ComparesBytes) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "abcd"));
}

TEST(FreedMemory, ShowsAPlainString) {
  // The control of the tests below: this is what they would see.
  EXPECT_GT(canaries_left_by(kCanary, [] { const Bytes plain{kCanary}; }), 0);
}

TEST(FreedMemory, ShowsNoSecretBytes) {
  EXPECT_EQ(canaries_left_by(kCanary,
                             [] {
                               SecretBytes bytes{kCanary};
                               for (int i = 0; i < 100; ++i) bytes.append("more");
                             }),
            0);
}

TEST(FreedMemory, ShowsNoKeyOfAKeyFile) {
  const TemporaryFolder folder;
  const Key32 key = key_of(kCanary);
  const std::string hex = to_hex(kCanary);
  const auto work = [&] {
    FileKeyProvider provider{folder.file("keys")};
    ASSERT_TRUE(provider.put(1, key));
    ASSERT_EQ(*provider.get(1), key);
    ASSERT_TRUE(provider.put(2, key_filled('2')));
    ASSERT_TRUE(provider.destroy(1));
  };
  EXPECT_EQ(canaries_left_by(hex, work), 0);
  EXPECT_EQ(canaries_left_by(kCanary, work), 0);
}

TEST(FreedMemory, ShowsNoClassKeyOfARootBlob) {
  SeededEntropy entropy{1};
  const Key32 root_key = key_filled('r');
  const auto work = [&] {
    auto blob = RootBlob::make(store_filled(1), 1, entropy);
    ASSERT_TRUE(blob);
    blob->classes[3].keys[1] = key_of(kCanary);
    const auto sealed = seal_root_blob(root_key, *blob);
    ASSERT_TRUE(sealed);
    const auto opened = open_root_blob(root_key, store_filled(1), 1, *sealed);
    ASSERT_TRUE(opened);
    ASSERT_EQ(*opened, *blob);
  };
  EXPECT_EQ(canaries_left_by(kCanary, work), 0);
}

}  // namespace
}  // namespace satchel::crypto
