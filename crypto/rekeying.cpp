#include "crypto/rekeying.hpp"

#include <utility>

namespace satchel::crypto {
namespace {

// Gives the block a fresh key and takes the subject's key out of it.
Status shred_subject(const Keyring& keyring, const RekeyRequest& request, RekeyStore& store,
                     Entropy& entropy, KeyChange& change) {
  const auto old_key = keyring.block_key(request.block);
  if (!old_key) return old_key.error();
  const auto sealed = store.read_block(request.block);
  if (!sealed) return sealed.error();
  auto block = SubjectBlock::open(*old_key, keyring.store(), request.block, *sealed);
  if (!block) return Error{Errc::kStoreCorrupt, "a block of subject keys does not open"};
  block->remove(request.slot);
  const auto fresh = random_secret<32>(entropy);
  if (!fresh) return fresh.error();
  auto resealed = block->seal(*fresh, keyring.store());
  if (!resealed) return resealed.error();
  change.blob.blocks[request.block] = *fresh;
  change.path.blocks.emplace_back(request.block, std::move(*resealed));
  return {};
}

}  // namespace

Result<RekeyPlan> plan_rekeying(const Keyring& keyring, const RekeyRequest& request,
                                RekeyStore& store, Entropy& entropy) {
  RekeyPlan plan;
  plan.change.epoch = keyring.epoch();
  RootBlob& blob = plan.change.blob;
  blob = keyring.blob();
  plan.from = blob.generation;
  plan.to = blob.generation + 1;
  blob.generation = plan.to;
  SATCHEL_TRY(entropy.fill(plan.root_key.octets()));
  SATCHEL_TRY(entropy.fill(blob.index_key.octets()));
  if (request.kind == RekeyRequest::Kind::kDestroyClass) {
    if (request.privacy_class == PrivacyClass::kStructure) {
      return Error{Errc::kInvalidArgument, "without the structure class nothing could be read"};
    }
    ClassKeys& keys = blob.classes[static_cast<std::size_t>(request.privacy_class)];
    keys.current = 0;
    keys.keys.clear();
  }
  if (request.kind == RekeyRequest::Kind::kDestroySubject) {
    SATCHEL_TRY(shred_subject(keyring, request, store, entropy, plan.change));
  }
  auto sealed = seal_root_blob(plan.root_key, blob);
  if (!sealed) return sealed.error();
  plan.change.path.root_blob = std::move(*sealed);
  plan.change.path.key_check = make_key_check(plan.root_key, keyring.store(), plan.to);
  return plan;
}

Result<KeyStrength> run_rekeying(Keyring& keyring, RekeyPlan plan, KeyProvider& provider,
                                 RekeyStore& store) {
  if (keyring.epoch() != plan.change.epoch) {
    return Error{Errc::kInvalidArgument, "the keys changed since this re-keying was planned"};
  }
  SATCHEL_TRY(provider.put(plan.to, plan.root_key));
  SATCHEL_TRY(store.commit_path(plan.change.path));
  keyring.adopt(std::move(plan.change));
  SATCHEL_TRY(store.commit_again());
  SATCHEL_TRY(provider.destroy(plan.from));
  return provider.strength();
}

Result<KeyStrength> rekey(Keyring& keyring, const RekeyRequest& request, KeyProvider& provider,
                          RekeyStore& store, Entropy& entropy) {
  auto plan = plan_rekeying(keyring, request, store, entropy);
  if (!plan) return plan.error();
  return run_rekeying(keyring, std::move(*plan), provider, store);
}

Status settle(const Keyring& keyring, KeyProvider& provider, RekeyStore& store) {
  const RootGeneration current = keyring.root_generation();
  const auto held = provider.list();
  if (!held) return held.error();
  bool committed = false;
  for (const RootGeneration generation : *held) {
    if (generation == current) continue;
    // An older one was replaced, perhaps a moment before the crash: the store's previous page may
    // still need it until a commit has gone over that page. A newer one never came into use.
    if (generation < current && !committed) {
      SATCHEL_TRY(store.commit_again());
      committed = true;
    }
    SATCHEL_TRY(provider.destroy(generation));
  }
  return {};
}

}  // namespace satchel::crypto
