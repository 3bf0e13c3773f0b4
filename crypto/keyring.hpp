// The keys of an opened store.
//
//   root key (KeyProvider)
//     root blob: class keys, index key, blind key, digest key, block keys
//       block: subject keys
//   segment key = HMAC(class key, ctx) XOR HMAC(subject key 1, ctx) XOR ...
//
// A store makes a Keyring once, or opens it and calls settle() (crypto/rekeying.hpp) before
// anything else. It keeps the key-check value, the root blob and the key blocks for it, as bytes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crypto/aead.hpp"
#include "crypto/associated_data.hpp"
#include "crypto/entropy.hpp"
#include "crypto/hash.hpp"
#include "crypto/key_provider.hpp"
#include "crypto/root_blob.hpp"
#include "crypto/subject_block.hpp"
#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

using Blinded = std::array<std::uint8_t, 16>;

// What one store transaction writes: always check value and root blob together, and the changed
// blocks.
struct KeyPath {
  Bytes key_check;
  Bytes root_blob;
  std::vector<std::pair<BlockId, Bytes>> blocks;
};

// A change of keys that is not in force yet: the store commits `path`, then the keyring adopts it.
struct KeyChange {
  RootBlob blob;
  KeyPath path;
  std::uint64_t epoch = 0;  // The keyring's, when it was planned: a plan is good for that one only.
};

// Keyed 128-bit digests of the rows of a table: AES-256 CBC-MAC over a block (tag | table | zeros |
// length) and the row key, zero-padded. A table's digest is the XOR over its rows. Movable;
// thread-bound.
class RowDigest {
 public:
  using Value = std::array<std::uint64_t, 2>;

  explicit RowDigest(const Key32& key);
  // The row's share of the digest: of `row_key` with the 8-byte `tag` of its value (from its seal,
  // say).
  Value of(std::uint8_t table, ByteView row_key, std::uint64_t tag);
  // Adds a row's share to a digest, or takes it out again.
  static void toggle(Value& digest, const Value& share) {
    digest[0] ^= share[0];
    digest[1] ^= share[1];
  }

 private:
  CipherContext context_;
};

// Where subject keys are found. Implemented by the store, over its blocks. Thread-safe.
class SubjectKeys {
 public:
  virtual ~SubjectKeys() = default;
  virtual Result<Key32> get(const SubjectRef& subject) = 0;  // kKeyShredded.
};

// Thread-safe. Invariants: (1) holds no root key; (2) what adopt() removed is used by no later
// call.
class Keyring {
 public:
  // A new store: puts a root key into the provider, durable, before it returns. The store then
  // writes path() in its first transaction. A provider that holds one key already (of an attempt
  // that was cut) keeps it and lends it. kAlreadyExists: the provider holds more than one key;
  // kKeyProvider, kKeyMalformed, kEntropy.
  static Result<std::unique_ptr<Keyring>> make(const StoreId& store, KeyProvider& provider,
                                               Entropy& entropy);
  // Changes nothing anywhere. kKeyLost: the provider has no key of the store's generation;
  // kKeyMalformed: what it has is no key; kKeyWrong: it is another store's key; kStoreCorrupt: the
  // bytes given are damaged; kStoreNewer: made by a later version; kKeyProvider.
  static Result<std::unique_ptr<Keyring>> open(ByteView key_check, ByteView root_blob,
                                               KeyProvider& provider);
  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;

  [[nodiscard]] const StoreId& store() const { return store_; }
  [[nodiscard]] RootGeneration root_generation() const;
  // What the store must hold. kKeyLost and the like, from the provider.
  [[nodiscard]] Result<KeyPath> path(KeyProvider& provider) const;

  // What new segments of the class are sealed under. kClassLocked.
  [[nodiscard]] Result<ClassGeneration> current_generation(PrivacyClass privacy_class) const;
  [[nodiscard]] bool is_locked(PrivacyClass privacy_class) const {
    return !current_generation(privacy_class);
  }
  // kClassLocked: the class key of that generation is not here; kKeyShredded: a subject's key is
  // gone. `keys` may be null where `subjects` is empty. Takes 1 us and more: AeadKeys come from
  // SegmentKeys.
  [[nodiscard]] Result<Key32> segment_key(PrivacyClass privacy_class, ClassGeneration generation,
                                          const SubjectSet& subjects, SubjectKeys* keys) const;

  // The id under which a table finds the record's local number.
  [[nodiscard]] Blinded blind(std::uint8_t table, ByteView id) const;
  [[nodiscard]] RowDigest row_digest() const;  // One for each thread.
  // For snapshots of indexes. Every re-keying replaces it.
  [[nodiscard]] Key32 index_key() const;
  // kNotFound.
  [[nodiscard]] Result<Key32> block_key(BlockId block) const;
  [[nodiscard]] RootBlob blob() const;

  // Changes that only add. The store commits `path` of the answer, then calls adopt().
  // A key handed out by the server. kInvalidArgument: the generation is older than one seen before.
  [[nodiscard]] Result<KeyChange> plan_class_key(PrivacyClass privacy_class,
                                                 ClassGeneration generation, const Key32& key,
                                                 KeyProvider& provider) const;
  // A key made here; due at kSealsPerKeyMax.
  [[nodiscard]] Result<KeyChange> plan_next_generation(PrivacyClass privacy_class,
                                                       KeyProvider& provider,
                                                       Entropy& entropy) const;
  // A new, empty block of subject keys under a fresh key; its bytes are in the path.
  [[nodiscard]] Result<KeyChange> plan_block(KeyProvider& provider, Entropy& entropy) const;
  // The change is durable in the store: puts it in force. Changes are planned, committed and
  // adopted one after the other.
  void adopt(KeyChange change);

  // Rises with each adopt(); whoever keeps derived keys or plaintext drops them when it changed.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

 private:
  explicit Keyring(RootBlob blob);
  Result<KeyChange> seal_change(RootBlob blob, KeyProvider& provider) const;

  const StoreId store_;
  const HmacKey blind_key_;  // Never changes in a store's life; nor does the digest key.
  mutable std::mutex mutex_;
  RootBlob blob_;  // Under mutex_.
  std::atomic<std::uint64_t> epoch_{1};
};

// Scheduled keys of segments, kept while the keyring's epoch lasts. Thread-bound: one for each
// thread that seals or opens.
class SegmentKeys {
 public:
  explicit SegmentKeys(const Keyring& keyring, SubjectKeys* subject_keys = nullptr)
      : keyring_(keyring), subject_keys_(subject_keys) {}

  // Good until the next call. kClassLocked, kKeyShredded.
  Result<AeadKey*> aead(PrivacyClass privacy_class, ClassGeneration generation,
                        const SubjectSet& subjects = {});

 private:
  struct Slot {
    ClassGeneration generation = 0;
    std::unique_ptr<AeadKey> key;
  };
  void drop_if_stale();

  const Keyring& keyring_;
  SubjectKeys* subject_keys_;
  std::uint64_t epoch_ = 0;
  std::array<std::vector<Slot>, kPrivacyClassCount> plain_;     // Without subjects.
  std::unordered_map<Bytes, std::unique_ptr<AeadKey>> shared_;  // With; emptied when it is full.
};

}  // namespace satchel::crypto
