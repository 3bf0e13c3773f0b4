#include <unistd.h>

#include <set>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "crypto/keyring.hpp"
#include "tests/unit/crypto_fakes.hpp"

namespace satchel::crypto {
namespace {

class OpenedKeyring : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Keyring::make(store_filled(7), provider_, entropy_);
    ASSERT_TRUE(made);
    keyring_ = std::move(*made);
    auto path = keyring_->path(provider_);
    ASSERT_TRUE(path);
    path_ = std::move(*path);
  }
  Errc open_error(ByteView key_check, ByteView root_blob) {
    const auto opened = Keyring::open(key_check, root_blob, provider_);
    return opened ? Errc{} : opened.error().code;
  }
  void apply(Result<KeyChange> change) {
    ASSERT_TRUE(change);
    path_.key_check = change->path.key_check;
    path_.root_blob = change->path.root_blob;
    keyring_->adopt(std::move(*change));
  }

  SeededEntropy entropy_{1};
  MemoryKeyProvider provider_;
  std::unique_ptr<Keyring> keyring_;
  KeyPath path_;
};

TEST_F(OpenedKeyring, OpensAgainWithTheSameKeys) {
  const auto again = Keyring::open(path_.key_check, path_.root_blob, provider_);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->blob(), keyring_->blob());
  EXPECT_EQ((*again)->store(), store_filled(7));
  EXPECT_EQ(path_.key_check.size(), 94U);
}

TEST_F(OpenedKeyring, GivesEveryClassAKeyOfItsOwn) {
  std::set<Bytes> keys;
  for (std::size_t i = 0; i < kPrivacyClassCount; ++i) {
    const auto privacy_class = static_cast<PrivacyClass>(i);
    EXPECT_EQ(*keyring_->current_generation(privacy_class), 1U);
    keys.insert(Bytes{keyring_->segment_key(privacy_class, 1, {}, nullptr)->bytes()});
  }
  EXPECT_EQ(keys.size(), kPrivacyClassCount);
}

TEST_F(OpenedKeyring, TellsALostKeyFromAWrongOne) {
  MemoryKeyProvider empty;
  EXPECT_EQ(Keyring::open(path_.key_check, path_.root_blob, empty).error().code, Errc::kKeyLost);
  MemoryKeyProvider other;
  ASSERT_TRUE(other.put(1, key_filled('x')));
  EXPECT_EQ(Keyring::open(path_.key_check, path_.root_blob, other).error().code, Errc::kKeyWrong);
}

TEST_F(OpenedKeyring, TellsAShortKeyFromALostOne) {
  const TemporaryFolder folder;
  FileKeyProvider file{folder.file("keys")};
  ASSERT_TRUE(file.put(1, *provider_.get(1)));
  ASSERT_TRUE(Keyring::open(path_.key_check, path_.root_blob, file));
  ASSERT_EQ(truncate(folder.file("keys").c_str(), 50), 0);
  EXPECT_EQ(Keyring::open(path_.key_check, path_.root_blob, file).error().code,
            Errc::kKeyMalformed);
}

TEST_F(OpenedKeyring, SaysCorruptForEveryFlippedBitOfTheKeyCheck) {
  for (std::size_t bit = 0; bit < 8 * path_.key_check.size(); ++bit) {
    Bytes flipped = path_.key_check;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(open_error(flipped, path_.root_blob), Errc::kStoreCorrupt) << bit;
  }
}

TEST_F(OpenedKeyring, SaysCorruptForEveryFlippedBitOfTheRootBlob) {
  for (std::size_t bit = 0; bit < 8 * path_.root_blob.size(); ++bit) {
    Bytes flipped = path_.root_blob;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(open_error(path_.key_check, flipped), Errc::kStoreCorrupt) << bit;
  }
}

TEST_F(OpenedKeyring, SaysCorruptForEveryCut) {
  for (std::size_t size = 0; size < path_.key_check.size(); ++size) {
    EXPECT_EQ(open_error(path_.key_check.substr(0, size), path_.root_blob), Errc::kStoreCorrupt);
  }
  for (std::size_t size = 0; size < path_.root_blob.size(); ++size) {
    EXPECT_EQ(open_error(path_.key_check, path_.root_blob.substr(0, size)), Errc::kStoreCorrupt);
  }
}

TEST_F(OpenedKeyring, SaysNewerForALaterFormatWhateverItsLayout) {
  Bytes later = "SATCHKEY";
  append_u16(later, kKeyFormat + 1);
  later += "whatever a later version puts here";
  later += sha256(later);
  EXPECT_EQ(open_error(later, path_.root_blob), Errc::kStoreNewer);
}

TEST_F(OpenedKeyring, SaysCorruptForTheRootBlobOfAnotherStoreUnderTheSameKey) {
  auto other = Keyring::make(store_filled(8), provider_, entropy_);  // Borrows the key.
  ASSERT_TRUE(other);
  const auto path = (*other)->path(provider_);
  ASSERT_TRUE(path);
  EXPECT_EQ(open_error(path->key_check, path->root_blob), Errc{});
  EXPECT_EQ(open_error(path_.key_check, path->root_blob), Errc::kStoreCorrupt);
}

TEST_F(OpenedKeyring, IsNotReplacedByAnotherAttemptToMakeAStore) {
  const Key32 before = *provider_.get(1);
  ASSERT_TRUE(Keyring::make(store_filled(9), provider_, entropy_));
  EXPECT_EQ(*provider_.get(1), before);
  ASSERT_TRUE(provider_.put(2, key_filled('2')));
  EXPECT_EQ(Keyring::make(store_filled(9), provider_, entropy_).error().code,
            Errc::kAlreadyExists);
}

TEST_F(OpenedKeyring, MakesNothingWithoutEntropy) {
  FailingEntropy entropy;
  MemoryKeyProvider provider;
  EXPECT_EQ(Keyring::make(store_filled(9), provider, entropy).error().code, Errc::kEntropy);
  EXPECT_TRUE(provider.list()->empty());
}

TEST_F(OpenedKeyring, KeepsOldGenerationsReadable) {
  const Key32 first = *keyring_->segment_key(PrivacyClass::kPersonal, 1, {}, nullptr);
  apply(keyring_->plan_next_generation(PrivacyClass::kPersonal, provider_, entropy_));
  EXPECT_EQ(*keyring_->current_generation(PrivacyClass::kPersonal), 2U);
  EXPECT_EQ(*keyring_->segment_key(PrivacyClass::kPersonal, 1, {}, nullptr), first);
  EXPECT_FALSE(*keyring_->segment_key(PrivacyClass::kPersonal, 2, {}, nullptr) == first);
  const auto again = Keyring::open(path_.key_check, path_.root_blob, provider_);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->blob(), keyring_->blob());
}

TEST_F(OpenedKeyring, SaysLockedForAGenerationItDoesNotHold) {
  EXPECT_EQ(keyring_->segment_key(PrivacyClass::kPersonal, 2, {}, nullptr).error().code,
            Errc::kClassLocked);
  EXPECT_EQ(keyring_->segment_key(PrivacyClass::kPersonal, 0, {}, nullptr).error().code,
            Errc::kClassLocked);
}

TEST_F(OpenedKeyring, TakesNoClassKeyOlderThanTheNewestNorAnotherOfTheSameGeneration) {
  const PrivacyClass personal = PrivacyClass::kPersonal;
  apply(keyring_->plan_class_key(personal, 5, key_filled('5'), provider_));
  EXPECT_EQ(keyring_->plan_class_key(personal, 4, key_filled('4'), provider_).error().code,
            Errc::kInvalidArgument);
  EXPECT_EQ(keyring_->plan_class_key(personal, 5, key_filled('x'), provider_).error().code,
            Errc::kInvalidArgument);
  EXPECT_EQ(keyring_->plan_class_key(personal, 0, key_filled('x'), provider_).error().code,
            Errc::kInvalidArgument);
  apply(keyring_->plan_class_key(personal, 5, key_filled('5'), provider_));
}

class HeldSubjects final : public SubjectKeys {
 public:
  Result<Key32> get(const SubjectRef& subject) override {
    if (subject == lost_) return Error{Errc::kKeyShredded, "gone"};
    return Key32{sha256_digest(subject.bytes())};
  }
  void lose(const SubjectRef& subject) { lost_ = subject; }

 private:
  SubjectRef lost_;
};

TEST_F(OpenedKeyring, DerivesASegmentKeyFromTheClassAndEverySubject) {
  HeldSubjects held;
  const SubjectRef ann[] = {subject_filled(1)};
  const SubjectRef both[] = {subject_filled(2), subject_filled(1)};
  const auto derive = [&](PrivacyClass privacy_class, const SubjectSet& subjects) {
    return Bytes{keyring_->segment_key(privacy_class, 1, subjects, &held)->bytes()};
  };
  const std::set<Bytes> keys = {
      derive(PrivacyClass::kPersonal, {}),
      derive(PrivacyClass::kPersonal, *SubjectSet::from(ann)),
      derive(PrivacyClass::kPersonal, *SubjectSet::from(both)),
      derive(PrivacyClass::kFinancial, *SubjectSet::from(both)),
  };
  EXPECT_EQ(keys.size(), 4U);

  // Recomputed from the formula.
  Bytes context = "satchel segment" + Bytes{store_filled(7).bytes()} + '\x04';
  append_u32(context, 1);
  context += '\x02';
  context += subject_filled(1).bytes();
  context += subject_filled(2).bytes();
  const RootBlob blob = keyring_->blob();
  Digest expected = HmacKey{blob.classes[4].keys.at(1)}.mac(context);
  for (const SubjectRef& subject : {subject_filled(1), subject_filled(2)}) {
    const Digest half = HmacKey{*held.get(subject)}.mac(context);
    for (std::size_t i = 0; i < 32; ++i) {
      expected[i] = static_cast<std::uint8_t>(expected[i] ^ half[i]);
    }
  }
  EXPECT_EQ(derive(PrivacyClass::kPersonal, *SubjectSet::from(both)), as_view(expected));
}

TEST_F(OpenedKeyring, GivesNoSegmentKeyOnceASubjectIsShredded) {
  HeldSubjects held;
  const SubjectRef both[] = {subject_filled(2), subject_filled(1)};
  const SubjectSet subjects = *SubjectSet::from(both);
  SegmentKeys keys{*keyring_, &held};
  ASSERT_TRUE(keys.aead(PrivacyClass::kPersonal, 1, subjects));
  held.lose(subject_filled(2));
  // A cached key lasts until the keyring changes, which every shredding does.
  apply(keyring_->plan_next_generation(PrivacyClass::kPublic, provider_, entropy_));
  EXPECT_EQ(keys.aead(PrivacyClass::kPersonal, 1, subjects).error().code, Errc::kKeyShredded);
  EXPECT_TRUE(keys.aead(PrivacyClass::kPersonal, 1));
}

TEST_F(OpenedKeyring, SchedulesASegmentKeyOnce) {
  SegmentKeys keys{*keyring_};
  AeadKey* const personal = *keys.aead(PrivacyClass::kPersonal, 1);
  EXPECT_EQ(*keys.aead(PrivacyClass::kPersonal, 1), personal);
  EXPECT_NE(*keys.aead(PrivacyClass::kPublic, 1), personal);
  EXPECT_EQ(keys.aead(PrivacyClass::kPublic, 2).error().code, Errc::kClassLocked);

  NonceSource nonces{entropy_};
  Bytes sealed;
  ASSERT_TRUE(personal->seal_with(nonces, "place", "a value", sealed));
  SegmentKeys others{*keyring_};
  Bytes out;
  EXPECT_TRUE((*others.aead(PrivacyClass::kPersonal, 1))->open_with_nonce("place", sealed, out));
  EXPECT_FALSE((*others.aead(PrivacyClass::kPublic, 1))->open_with_nonce("place", sealed, out));
}

TEST_F(OpenedKeyring, BlindsByTableAndStore) {
  const Blinded blinded = keyring_->blind(1, "id");
  EXPECT_EQ(keyring_->blind(1, "id"), blinded);
  EXPECT_NE(keyring_->blind(2, "id"), blinded);
  EXPECT_NE(keyring_->blind(1, "ie"), blinded);
  MemoryKeyProvider provider;
  const auto other = Keyring::make(store_filled(7), provider, entropy_);
  ASSERT_TRUE(other);
  EXPECT_NE((*other)->blind(1, "id"), blinded);
}

TEST_F(OpenedKeyring, MakesBlocksOfSubjectKeys) {
  auto change = keyring_->plan_block(provider_, entropy_);
  ASSERT_TRUE(change);
  ASSERT_EQ(change->path.blocks.size(), 1U);
  const auto [id, sealed] = change->path.blocks.front();
  apply(std::move(change));
  const auto key = keyring_->block_key(id);
  ASSERT_TRUE(key);
  const auto block = SubjectBlock::open(*key, keyring_->store(), id, sealed);
  ASSERT_TRUE(block);
  EXPECT_EQ(*block, SubjectBlock{id});
  EXPECT_EQ(keyring_->block_key(id + 1).error().code, Errc::kNotFound);
}

TEST(Block, KeepsItsKeysAndForgetsTheRemoved) {
  SeededEntropy entropy{1};
  SubjectBlock block{3};
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(block.add(entropy));
  const Key32 shredded = *block.get(2);
  block.remove(2);
  const auto sealed = block.seal(key_filled('b'), store_filled(1));
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed->size(), 16U + 7201U);
  const auto opened = SubjectBlock::open(key_filled('b'), store_filled(1), 3, *sealed);
  ASSERT_TRUE(opened);
  EXPECT_EQ(*opened, block);
  EXPECT_EQ(opened->get(2).error().code, Errc::kKeyShredded);
  EXPECT_EQ(*opened->find_free(), 2);
  for (SubjectBlock::Slot slot = 0; slot < 5; ++slot) {
    if (slot == 2) continue;
    EXPECT_FALSE(*opened->get(slot) == shredded);
  }
}

TEST(Block, HoldsTwoHundredAndTwentyFourKeysAndNoMore) {
  SeededEntropy entropy{1};
  SubjectBlock block{3};
  std::set<Bytes> keys;
  for (std::size_t i = 0; i < SubjectBlock::kSlots; ++i) {
    const auto slot = block.add(entropy);
    ASSERT_TRUE(slot);
    keys.insert(Bytes{block.get(*slot)->bytes()});
  }
  EXPECT_EQ(keys.size(), SubjectBlock::kSlots);
  EXPECT_EQ(block.add(entropy).error().code, Errc::kLimitExceeded);
}

TEST(Block, OpensInItsOwnPlaceOnly) {
  const auto sealed = SubjectBlock{3}.seal(key_filled('b'), store_filled(1));
  ASSERT_TRUE(sealed);
  const auto code = [&](char key, std::uint8_t store, BlockId id) {
    const auto opened = SubjectBlock::open(key_filled(key), store_filled(store), id, *sealed);
    return opened ? Errc{} : opened.error().code;
  };
  EXPECT_EQ(code('b', 1, 3), Errc{});
  EXPECT_EQ(code('c', 1, 3), Errc::kSealBroken);
  EXPECT_EQ(code('b', 2, 3), Errc::kSealBroken);
  EXPECT_EQ(code('b', 1, 4), Errc::kSealBroken);
}

TEST(Digests, DependOnTableKeyTagAndLength) {
  RowDigest digest{key_filled('d')};
  RowDigest other{key_filled('e')};
  std::set<RowDigest::Value> values = {
      digest.of(1, "row", 5),        digest.of(2, "row", 5), digest.of(1, "row", 6),
      digest.of(1, "rox", 5),        digest.of(1, {"row\0", 4}, 5),
      digest.of(1, "", 5),           digest.of(1, Bytes(16, 'r'), 5),
      digest.of(1, Bytes(17, 'r'), 5), other.of(1, "row", 5)};
  EXPECT_EQ(values.size(), 9U);
  EXPECT_EQ(digest.of(1, "row", 5), digest.of(1, "row", 5));
}

TEST(Digests, AreTheLastBlockOfAesCbc) {
  const Key32 key = key_filled('d');
  RowDigest digest{key};
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 100U}) {
    const Bytes row(size, 'r');
    Bytes message;
    append_u64(message, 0x1122334455667788);
    message += "\x02" + Bytes(3, '\0');
    append_u32(message, static_cast<std::uint32_t>(size));
    message += row;
    message.resize((message.size() + 15) / 16 * 16, '\0');
    EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
    const std::array<unsigned char, 16> zeros{};
    ASSERT_EQ(EVP_EncryptInit_ex(context, EVP_aes_256_cbc(), nullptr, key.octets().data(),
                                 zeros.data()),
              1);
    Bytes out(message.size(), '\0');
    int written = 0;
    ASSERT_EQ(EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(out.data()), &written,
                                as_octets(message).data(), static_cast<int>(message.size())),
              1);
    EVP_CIPHER_CTX_free(context);
    ByteReader reader{ByteView{out}.substr(out.size() - 16)};
    const std::uint64_t low = reader.u64();
    EXPECT_EQ(digest.of(2, row, 0x1122334455667788), (RowDigest::Value{low, reader.u64()})) << size;
  }
}

TEST(Digests, CancelWhenARowIsTakenOut) {
  RowDigest digest{key_filled('d')};
  RowDigest::Value sum{};
  RowDigest::toggle(sum, digest.of(1, "a", 1));
  const RowDigest::Value before = sum;
  RowDigest::toggle(sum, digest.of(1, "b", 2));
  EXPECT_NE(sum, before);
  RowDigest::toggle(sum, digest.of(1, "b", 2));
  EXPECT_EQ(sum, before);
}

}  // namespace
}  // namespace satchel::crypto
