// The inner keys of a store, sealed under its root key, and the key-check value beside them.
//
// Root blob, plaintext (numbers little-endian):
//   offset  size  field
//        0     1  format, 1
//        1    16  store id
//       17     4  root generation
//       21    32  index key
//       53    32  blind key
//       85    32  digest key
//      117     1  class count; then for each, ascending:
//                   1 class | 4 current generation (0: locked) | 4 last generation | 1 key count
//                   then for each key, ascending: 4 generation | 32 key
//        .     4  block count; then for each, ascending: 4 block id | 32 key
// Root blob, sealed: tag (16) and ciphertext of AES-256-SIV under HKDF(root key, "satchel root
// blob"), with the associated data "satchel root blob" | store id | root generation | format.
//
// Key-check value, plain:
//   offset  size  field
//        0     8  "SATCHKEY"
//        8     2  format, 1: of this value, the root blob and the key blocks together
//       10    16  store id
//       26     4  root generation
//       30    32  HMAC(root key, "satchel key check" | store id | root generation)
//       62    32  SHA-256 of all bytes above; in every later format too it is the last 32 bytes
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "crypto/entropy.hpp"
#include "crypto/key_provider.hpp"
#include "crypto/secret.hpp"
#include "schema/model/bytes.hpp"
#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

inline constexpr std::uint16_t kKeyFormat = 1;

using ClassGeneration = std::uint32_t;
using BlockId = std::uint32_t;

// The keys of one privacy class. Invariant: current is 0 (locked) or one of the keys.
struct ClassKeys {
  ClassGeneration current = 0;  // What new segments are sealed under.
  ClassGeneration last = 0;     // The highest ever, so that no generation number comes twice.
  std::map<ClassGeneration, Key32> keys;

  friend bool operator==(const ClassKeys&, const ClassKeys&) = default;
};

// All inner keys of one store. Value type.
struct RootBlob {
  StoreId store;
  RootGeneration generation = 0;
  Key32 index_key;
  Key32 blind_key;
  Key32 digest_key;
  std::array<ClassKeys, kPrivacyClassCount> classes;  // By PrivacyClass.
  std::map<BlockId, Key32> blocks;

  // Fresh keys for every class, at generation 1; no blocks. kEntropy.
  static Result<RootBlob> make(const StoreId& store, RootGeneration generation, Entropy& entropy);

  friend bool operator==(const RootBlob&, const RootBlob&) = default;
};

Result<Bytes> seal_root_blob(const Key32& root_key, const RootBlob& blob);
// kStoreCorrupt: these are not the bytes that were sealed under this key for this store and
// generation.
Result<RootBlob> open_root_blob(const Key32& root_key, const StoreId& store,
                                RootGeneration generation, ByteView sealed);

struct KeyCheck {
  StoreId store;
  RootGeneration generation = 0;
};
Bytes make_key_check(const Key32& root_key, const StoreId& store, RootGeneration generation);
// What the value says without any key. kStoreCorrupt; kStoreNewer: made by a later version.
Result<KeyCheck> read_key_check(ByteView check);
// kKeyWrong; kStoreCorrupt; kStoreNewer.
Status test_key_check(ByteView check, const Key32& root_key);

}  // namespace satchel::crypto
