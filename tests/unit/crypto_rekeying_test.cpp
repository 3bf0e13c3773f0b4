#include <array>
#include <functional>
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "crypto/rekeying.hpp"
#include "tests/unit/crypto_fakes.hpp"

namespace satchel::crypto {
namespace {

// The power goes. Thrown by the fakes, which are the only ones to know of it.
struct Crash {};

// Counts the moments at which the power can go, two for each step, and lets it go at one of them.
class Power {
 public:
  void fail_at(int moment) { left_ = moment; }
  void never_fail() { left_.reset(); }
  template <class Step>
  auto around(const std::string& name, Step step) {
    pass();
    auto done = step();
    steps.push_back(name);
    pass();
    return done;
  }
  std::vector<std::string> steps;

 private:
  void pass() {
    if (left_ && (*left_)-- == 0) throw Crash{};
  }
  std::optional<int> left_;
};

// Survives crashes. Remembers every key it ever held.
class CrashingProvider final : public KeyProvider {
 public:
  explicit CrashingProvider(Power& power) : power_(power) {}
  Status put(RootGeneration generation, const Key32& key) override {
    return power_.around("put " + std::to_string(generation), [&] {
      ever.emplace_back(generation, key);
      return keys_.put(generation, key);
    });
  }
  Result<Key32> get(RootGeneration generation) override { return keys_.get(generation); }
  Status destroy(RootGeneration generation) override {
    return power_.around("destroy " + std::to_string(generation), [&] {
      if (before_destroy) before_destroy(generation);
      return keys_.destroy(generation);
    });
  }
  Result<std::vector<RootGeneration>> list() override { return keys_.list(); }
  [[nodiscard]] KeyStrength strength() const override { return KeyStrength::kOs; }

  std::vector<std::pair<RootGeneration, Key32>> ever;
  std::function<void(RootGeneration)> before_destroy;

 private:
  Power& power_;
  MemoryKeyProvider keys_;
};

// Survives crashes, as LMDB does: two pages, of which each commit overwrites the older one, and
// freed pages that keep what they held.
class CrashingStore final : public RekeyStore {
 public:
  struct Page {
    Bytes key_check;
    Bytes root_blob;
    std::map<BlockId, Bytes> blocks;
  };
  explicit CrashingStore(Power& power) : power_(power) {}

  Result<Bytes> read_block(BlockId block) override { return current().blocks.at(block); }
  Status commit_path(const KeyPath& path) override {
    return power_.around("commit_path", [&] {
      Page page = current();
      page.key_check = path.key_check;
      page.root_blob = path.root_blob;
      for (const auto& [id, sealed] : path.blocks) page.blocks[id] = sealed;
      return commit(std::move(page));
    });
  }
  Status commit_again() override {
    return power_.around("commit_again", [&] { return commit(current()); });
  }
  Status commit(Page page) {
    newest_ = 1 - newest_;
    ever.push_back(page);
    pages[newest_] = std::move(page);
    return {};
  }
  [[nodiscard]] const Page& current() const { return pages[newest_]; }

  std::array<Page, 2> pages;
  std::vector<Page> ever;

 private:
  Power& power_;
  std::size_t newest_ = 0;
};

// A store with one subject in a block, and what a crash leaves of it.
class CrashWorld {
 public:
  CrashWorld() {
    keyring = std::move(*Keyring::make(store_filled(7), provider, entropy));
    auto change = keyring->plan_block(provider, entropy);
    block_id = change->path.blocks.front().first;
    SubjectBlock block{block_id};
    slot = *block.add(entropy);
    neighbour = *block.add(entropy);
    subject_key = *block.get(slot);
    neighbour_key = *block.get(neighbour);
    change->path.blocks.front().second =
        *block.seal(change->blob.blocks.at(block_id), keyring->store());
    EXPECT_TRUE(store.commit_path(change->path));
    keyring->adopt(std::move(*change));
    EXPECT_TRUE(store.commit_again());
    provider.before_destroy = [this](RootGeneration generation) { check_destroy(generation); };
    power.steps.clear();
  }

  // The process ends and begins again.
  Status reopen() {
    keyring.reset();
    auto opened = Keyring::open(store.current().key_check, store.current().root_blob, provider);
    if (!opened) return opened.error();
    keyring = std::move(*opened);
    return settle(*keyring, provider, store);
  }

  // A key is destroyed only when no page of the store needs it any more.
  void check_destroy(RootGeneration generation) {
    for (const auto& page : store.pages) {
      const auto check = read_key_check(page.key_check);
      ASSERT_TRUE(check);
      EXPECT_NE(check->generation, generation) << "a page still needs the destroyed root key";
    }
  }

  // Of all root keys that ever were, exactly one opens the store, and the provider holds that one
  // alone.
  void check_one_key() {
    int opening = 0;
    const auto& page = store.current();
    const auto check = read_key_check(page.key_check);
    ASSERT_TRUE(check);
    for (const auto& [generation, key] : provider.ever) {
      opening += open_root_blob(key, check->store, check->generation, page.root_blob).has_value();
    }
    EXPECT_EQ(opening, 1);
    EXPECT_EQ(*provider.list(), std::vector<RootGeneration>{check->generation});
  }

  // What an attacker finds who has every page that was ever written, and the provider's keys.
  bool subject_key_recoverable() {
    for (const RootBlob& blob : recoverable_blobs()) {
      for (const auto& page : store.ever) {
        const auto sealed = page.blocks.find(block_id);
        const auto block_key = blob.blocks.find(block_id);
        if (sealed == page.blocks.end() || block_key == blob.blocks.end()) continue;
        const auto block =
            SubjectBlock::open(block_key->second, blob.store, block_id, sealed->second);
        if (block && block->get(slot) && *block->get(slot) == subject_key) return true;
      }
    }
    return false;
  }
  bool class_key_recoverable(PrivacyClass privacy_class) {
    for (const RootBlob& blob : recoverable_blobs()) {
      if (!blob.classes[static_cast<std::size_t>(privacy_class)].keys.empty()) return true;
    }
    return false;
  }

  Power power;
  SeededEntropy entropy{1};
  CrashingProvider provider{power};
  CrashingStore store{power};
  std::unique_ptr<Keyring> keyring;
  BlockId block_id = 0;
  SubjectBlock::Slot slot = 0;
  SubjectBlock::Slot neighbour = 0;
  Key32 subject_key;
  Key32 neighbour_key;

 private:
  std::vector<RootBlob> recoverable_blobs() {
    std::vector<RootBlob> blobs;
    for (const auto& page : store.ever) {
      const auto check = read_key_check(page.key_check);
      for (const RootGeneration generation : *provider.list()) {
        auto blob = open_root_blob(*provider.get(generation), check->store, check->generation,
                                   page.root_blob);
        if (blob) blobs.push_back(std::move(*blob));
      }
    }
    return blobs;
  }
};

constexpr PrivacyClass kPersonal = PrivacyClass::kPersonal;

using MakeRequest = RekeyRequest (*)(const CrashWorld&);
const std::map<std::string, MakeRequest> kRequests = {
    {"rotate", [](const CrashWorld&) { return RekeyRequest::rotate(); }},
    {"destroy class", [](const CrashWorld&) { return RekeyRequest::destroy_class(kPersonal); }},
    {"destroy subject",
     [](const CrashWorld& world) {
       return RekeyRequest::destroy_subject(world.block_id, world.slot);
     }},
};

// What the request was to destroy is gone; the rest is not.
void check_destroyed(CrashWorld& world, const RekeyRequest& request) {
  const bool class_gone = request.kind == RekeyRequest::Kind::kDestroyClass;
  const bool subject_gone = request.kind == RekeyRequest::Kind::kDestroySubject;
  EXPECT_EQ(world.keyring->is_locked(kPersonal), class_gone);
  EXPECT_EQ(world.class_key_recoverable(kPersonal), !class_gone);
  EXPECT_EQ(world.subject_key_recoverable(), !subject_gone);
  EXPECT_FALSE(world.keyring->is_locked(PrivacyClass::kPublic));
  const auto block =
      SubjectBlock::open(*world.keyring->block_key(world.block_id), world.keyring->store(),
                         world.block_id, world.store.current().blocks.at(world.block_id));
  ASSERT_TRUE(block);
  EXPECT_EQ(*block->get(world.neighbour), world.neighbour_key);
  EXPECT_EQ(block->get(world.slot).has_value(), !subject_gone);
}

// Runs the work; true if the power went before it was done.
template <class Work>
bool crashes(CrashWorld& world, Work work) {
  try {
    work();
  } catch (const Crash&) {
    world.power.never_fail();
    return true;
  }
  world.power.never_fail();
  return false;
}

TEST(Rekeying, TakesItsStepsInOrder) {
  CrashWorld world;
  const auto strength =
      rekey(*world.keyring, RekeyRequest::rotate(), world.provider, world.store, world.entropy);
  ASSERT_TRUE(strength);
  EXPECT_EQ(*strength, KeyStrength::kOs);
  EXPECT_EQ(world.power.steps,
            (std::vector<std::string>{"put 2", "commit_path", "commit_again", "destroy 1"}));
}

TEST(Rekeying, DestroysWhatItWasAskedToAndNothingElse) {
  for (const auto& [name, make_request] : kRequests) {
    SCOPED_TRACE(name);
    CrashWorld world;
    const RekeyRequest request = make_request(world);
    const Key32 index_key = world.keyring->index_key();
    const Blinded blinded = world.keyring->blind(1, "id");
    EXPECT_TRUE(world.class_key_recoverable(kPersonal));
    EXPECT_TRUE(world.subject_key_recoverable());
    ASSERT_TRUE(
        rekey(*world.keyring, request, world.provider, world.store, world.entropy));
    check_destroyed(world, request);
    EXPECT_FALSE(world.keyring->index_key() == index_key);
    EXPECT_EQ(world.keyring->blind(1, "id"), blinded);
    world.check_one_key();
    ASSERT_TRUE(world.reopen());
    check_destroyed(world, request);
  }
}

TEST(Rekeying, LeavesExactlyOneKeyAfterACrashAtAnyMoment) {
  for (const auto& [name, make_request] : kRequests) {
    int moment = 0;
    for (;; ++moment) {
      SCOPED_TRACE(name + ", moment " + std::to_string(moment));
      CrashWorld world;
      const RekeyRequest request = make_request(world);
      world.power.fail_at(moment);
      const bool crashed = crashes(world, [&] {
        ASSERT_TRUE(rekey(*world.keyring, request, world.provider, world.store, world.entropy));
      });
      ASSERT_TRUE(world.reopen());
      world.check_one_key();
      // All or nothing, and never nothing after it was acknowledged.
      const bool done = world.keyring->root_generation() == 2;
      check_destroyed(world, done ? request : RekeyRequest::rotate());
      if (!crashed) {
        EXPECT_TRUE(done);
        break;
      }
      // What was cut can be asked for again.
      ASSERT_TRUE(rekey(*world.keyring, request, world.provider, world.store, world.entropy));
      check_destroyed(world, request);
      world.check_one_key();
    }
    EXPECT_EQ(moment, 8) << "four steps, a moment before and a moment after each";
  }
}

TEST(Rekeying, SettlesEvenIfEverySettlingCrashesToo) {
  for (int moment = 0; moment < 8; ++moment) {
    for (int second = 0; second < 4; ++second) {
      SCOPED_TRACE(std::to_string(moment) + ", then " + std::to_string(second));
      CrashWorld world;
      const RekeyRequest request = RekeyRequest::destroy_class(kPersonal);
      world.power.fail_at(moment);
      ASSERT_TRUE(crashes(world, [&] {
        ASSERT_TRUE(rekey(*world.keyring, request, world.provider, world.store, world.entropy));
      }));
      world.power.fail_at(second);
      crashes(world, [&] { ASSERT_TRUE(world.reopen()); });
      ASSERT_TRUE(world.reopen());
      world.check_one_key();
      const bool done = world.keyring->root_generation() == 2;
      check_destroyed(world, done ? request : RekeyRequest::rotate());
    }
  }
}

TEST(Rekeying, NeedsTheSecondCommit) {
  // The control of check_destroy: without step 3 the store's other page would still need the old
  // root key.
  CrashWorld world;
  auto plan = plan_rekeying(*world.keyring, RekeyRequest::rotate(), world.store, world.entropy);
  ASSERT_TRUE(plan);
  ASSERT_TRUE(world.store.commit_path(plan->change.path));
  int pages_of_the_past = 0;
  for (const auto& page : world.store.pages) {
    pages_of_the_past += read_key_check(page.key_check)->generation == 1;
  }
  EXPECT_EQ(pages_of_the_past, 1);
}

TEST(Rekeying, WrapsNoOldKeyOfThePathAgain) {
  CrashWorld world;
  const Key32 block_key = *world.keyring->block_key(world.block_id);
  ASSERT_TRUE(rekey(*world.keyring, RekeyRequest::destroy_subject(world.block_id, world.slot),
                    world.provider, world.store, world.entropy));
  EXPECT_FALSE(*world.keyring->block_key(world.block_id) == block_key);
}

TEST(Rekeying, DropsScheduledKeysOfADestroyedClass) {
  CrashWorld world;
  SegmentKeys keys{*world.keyring};
  ASSERT_TRUE(keys.aead(kPersonal, 1));
  ASSERT_TRUE(rekey(*world.keyring, RekeyRequest::destroy_class(kPersonal), world.provider,
                    world.store, world.entropy));
  EXPECT_EQ(keys.aead(kPersonal, 1).error().code, Errc::kClassLocked);
  EXPECT_TRUE(keys.aead(PrivacyClass::kPublic, 1));
}

TEST(Rekeying, TakesBackTheSameClassKeyAfterALease) {
  CrashWorld world;
  const Key32 key = world.keyring->blob().classes[4].keys.at(1);
  const Key32 before = *world.keyring->segment_key(kPersonal, 1, {}, nullptr);
  ASSERT_TRUE(rekey(*world.keyring, RekeyRequest::destroy_class(kPersonal), world.provider,
                    world.store, world.entropy));
  auto change = world.keyring->plan_class_key(kPersonal, 1, key, world.provider);
  ASSERT_TRUE(change);
  ASSERT_TRUE(world.store.commit_path(change->path));
  world.keyring->adopt(std::move(*change));
  EXPECT_EQ(*world.keyring->segment_key(kPersonal, 1, {}, nullptr), before);
  ASSERT_TRUE(world.reopen());
  EXPECT_EQ(*world.keyring->segment_key(kPersonal, 1, {}, nullptr), before);
}

TEST(Rekeying, NeverRepeatsAGenerationOfADestroyedClass) {
  CrashWorld world;
  ASSERT_TRUE(rekey(*world.keyring, RekeyRequest::destroy_class(kPersonal), world.provider,
                    world.store, world.entropy));
  const auto change =
      world.keyring->plan_next_generation(kPersonal, world.provider, world.entropy);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->blob.classes[4].current, 2U);
}

TEST(Rekeying, RefusesAPlanThatTheKeysHaveOutrun) {
  CrashWorld world;
  auto plan = plan_rekeying(*world.keyring, RekeyRequest::rotate(), world.store, world.entropy);
  ASSERT_TRUE(plan);
  ASSERT_TRUE(rekey(*world.keyring, RekeyRequest::destroy_class(kPersonal), world.provider,
                    world.store, world.entropy));
  EXPECT_EQ(run_rekeying(*world.keyring, std::move(*plan), world.provider, world.store)
                .error()
                .code,
            Errc::kInvalidArgument);
  EXPECT_TRUE(world.keyring->is_locked(kPersonal));
}

TEST(Rekeying, DestroysNeitherTheStructureClassNorAnUnknownBlock) {
  CrashWorld world;
  EXPECT_EQ(plan_rekeying(*world.keyring, RekeyRequest::destroy_class(PrivacyClass::kStructure),
                          world.store, world.entropy)
                .error()
                .code,
            Errc::kInvalidArgument);
  EXPECT_EQ(plan_rekeying(*world.keyring, RekeyRequest::destroy_subject(99, 0), world.store,
                          world.entropy)
                .error()
                .code,
            Errc::kNotFound);
  EXPECT_TRUE(world.power.steps.empty());
}

TEST(Rekeying, OpensNoStoreThatWasRolledBackPastIt) {
  CrashWorld world;
  const CrashingStore::Page copy = world.store.current();
  ASSERT_TRUE(rekey(*world.keyring, RekeyRequest::rotate(), world.provider, world.store,
                    world.entropy));
  EXPECT_EQ(Keyring::open(copy.key_check, copy.root_blob, world.provider).error().code,
            Errc::kKeyLost);
  // And the attempt did not cost the real store its key.
  EXPECT_TRUE(world.reopen());
}

class RefusingStore final : public RekeyStore {
 public:
  Result<Bytes> read_block(BlockId) override { return Error{Errc::kStoreCorrupt, ""}; }
  Status commit_path(const KeyPath&) override { return Error{Errc::kStoreLatched, ""}; }
  Status commit_again() override { return Error{Errc::kStoreLatched, ""}; }
};

TEST(Rekeying, KeepsBothKeysWhereTheCommitIsInDoubt) {
  CrashWorld world;
  RefusingStore refusing;
  EXPECT_EQ(rekey(*world.keyring, RekeyRequest::rotate(), world.provider, refusing, world.entropy)
                .error()
                .code,
            Errc::kStoreLatched);
  EXPECT_EQ(world.provider.list()->size(), 2U);
  ASSERT_TRUE(world.reopen());
  world.check_one_key();
}

}  // namespace
}  // namespace satchel::crypto
