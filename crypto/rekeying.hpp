// Shredding: the leaf goes, and every node up to the root gets a fresh key.
//
//   1  new root key durable in the provider
//   2  one store transaction: values, blocks, root blob, key-check value
//   3  a second small commit, so that no page of the store's past needs the old root
//   4  old root key destroyed in the provider
//   -  only now is it acknowledged
//
// A crash between any two steps leaves exactly one key that opens the store; settle() finishes or
// undoes.
#pragma once

#include <cstdint>

#include "crypto/entropy.hpp"
#include "crypto/key_provider.hpp"
#include "crypto/keyring.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

// What re-keying needs of the store. Thread-bound. Commits are durable when they return.
class RekeyStore {
 public:
  virtual ~RekeyStore() = default;
  // The sealed bytes of a block. kStoreCorrupt where there is none.
  virtual Result<Bytes> read_block(BlockId block) = 0;
  // One transaction: the path, and whatever else goes with the leaf (values, index entries). After
  // an error nobody knows what is durable: the store latches and is opened anew.
  virtual Status commit_path(const KeyPath& path) = 0;
  // A transaction after it, whatever it writes.
  virtual Status commit_again() = 0;
};

// What is destroyed.
struct RekeyRequest {
  enum class Kind : std::uint8_t { kRotate, kDestroyClass, kDestroySubject };
  Kind kind = Kind::kRotate;
  PrivacyClass privacy_class = PrivacyClass::kStructure;
  BlockId block = 0;
  SubjectBlock::Slot slot = 0;

  static RekeyRequest rotate() { return {}; }
  // All generations of the class.
  static RekeyRequest destroy_class(PrivacyClass privacy_class) {
    return {.kind = Kind::kDestroyClass, .privacy_class = privacy_class};
  }
  static RekeyRequest destroy_subject(BlockId block, SubjectBlock::Slot slot) {
    return {.kind = Kind::kDestroySubject, .block = block, .slot = slot};
  }
};

// A re-keying thought through to its end, before any step is taken. Pure data.
struct RekeyPlan {
  RootGeneration from = 0;
  RootGeneration to = 0;
  Key32 root_key;    // Step 1 puts it at `to`.
  KeyChange change;  // Step 2 commits its path.
};
// kInvalidArgument: the structure class cannot be destroyed; kNotFound: no such block;
// kStoreCorrupt: the block does not open; kEntropy. An empty slot is not an error.
Result<RekeyPlan> plan_rekeying(const Keyring& keyring, const RekeyRequest& request,
                                RekeyStore& store, Entropy& entropy);

// kInvalidArgument: the keys changed since the plan was made. Runs all steps. The keyring has the
// new keys from step 2 on. On success the answer is what the provider's destruction is worth. On an
// error the caller must not acknowledge; an error of the store in step 2 or 3 means: open the store
// anew, and settle() finishes what was begun.
Result<KeyStrength> run_rekeying(Keyring& keyring, RekeyPlan plan, KeyProvider& provider,
                                 RekeyStore& store);

// Plans and runs.
Result<KeyStrength> rekey(Keyring& keyring, const RekeyRequest& request, KeyProvider& provider,
                          RekeyStore& store, Entropy& entropy);

// After Keyring::open and before anything is read: discards a root key that never came into use,
// and destroys one that was replaced (after a commit, as in steps 3 and 4). Costs one list() where
// nothing is left over.
Status settle(const Keyring& keyring, KeyProvider& provider, RekeyStore& store);

}  // namespace satchel::crypto
