// The ledger's file: what it vouches for, and what is found of it after harm.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "server/app/files.hpp"
#include "server/app/ledger_file.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 96;

class LedgerFiles : public testing::Test {
 protected:
  LedgerFiles() {
    std::string pattern = (fs::temp_directory_path() / "ledger-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/main.ledger";
    workspace_.octets[0] = 7;
  }
  ~LedgerFiles() override { fs::remove_all(folder_); }

  void make(bool after_loss = false) {
    ASSERT_TRUE(LedgerFile::make(path_, "key", workspace_, after_loss, entropy_));
  }
  std::unique_ptr<LedgerFile> opened() {
    auto ledger = LedgerFile::open(path_, "key", workspace_);
    EXPECT_TRUE(ledger);
    return ledger ? std::move(*ledger) : nullptr;
  }
  static sync::LedgerEntry revocation(char of) {
    return {sync::LedgerKind::kRevocation, 0, 1'000, Bytes(16, of)};
  }
  void add(std::initializer_list<sync::LedgerEntry> entries) {
    const std::vector<sync::LedgerEntry> all{entries};
    ASSERT_TRUE(opened()->append(all));
  }
  void flip(std::size_t at) {
    Bytes bytes = *read_file(path_);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    ASSERT_TRUE(write_file(path_, bytes, kSecretMode));
  }

  crypto::SystemEntropy entropy_;
  WorkspaceId workspace_;
  std::string folder_;
  std::string path_;
};

TEST_F(LedgerFiles, GiveBackWhatTheyWereTold) {
  make();
  add({revocation('a'), {sync::LedgerKind::kUserDisabled, 3, 2'000, Bytes(32, 'u')}});
  add({revocation('b')});
  const auto ledger = opened();
  ASSERT_EQ(ledger->entries().size(), 3U);
  EXPECT_EQ(ledger->entries()[0], revocation('a'));
  EXPECT_EQ(ledger->entries()[1].flags, 3);
  EXPECT_EQ(ledger->entries()[1].subject, Bytes(32, 'u'));
  EXPECT_EQ(ledger->entries()[2], revocation('b'));
  EXPECT_FALSE(ledger->after_loss());
}

TEST_F(LedgerFiles, ThatWereCutWhileAnEntryWasWrittenGoOnWithoutIt) {
  make();
  add({revocation('a'), revocation('b')});
  fs::resize_file(path_, 3 * kBlock - 1);
  add({revocation('c')});
  const auto ledger = opened();
  ASSERT_EQ(ledger->entries().size(), 2U);
  EXPECT_EQ(ledger->entries()[1], revocation('c'));
  EXPECT_EQ(ledger->damaged(), 0U);
}

TEST_F(LedgerFiles, LoseNoMoreThanTheEntryThatIsDamaged) {
  make();
  add({revocation('a'), revocation('b'), revocation('c')});
  flip(2 * kBlock + 40);
  const auto ledger = opened();
  ASSERT_EQ(ledger->entries().size(), 2U);
  EXPECT_EQ(ledger->entries()[1], revocation('c'));
  EXPECT_EQ(ledger->damaged(), 1U);
  EXPECT_EQ(ledger->count(), 3U);
}

TEST_F(LedgerFiles, DoNotTakeAnEntryInAnothersPlace) {
  make();
  add({revocation('a'), revocation('b')});
  Bytes bytes = *read_file(path_);
  bytes.replace(2 * kBlock, kBlock, bytes.substr(kBlock, kBlock));
  ASSERT_TRUE(write_file(path_, bytes, kSecretMode));
  EXPECT_EQ(opened()->damaged(), 1U);
}

TEST_F(LedgerFiles, OfAnotherServerOrWorkspaceAreRefused) {
  make();
  EXPECT_EQ(LedgerFile::read(path_, "other", workspace_).error().code, Errc::kKeyWrong);
  EXPECT_EQ(LedgerFile::read(path_, "key", WorkspaceId{}).error().code, Errc::kKeyWrong);
  flip(20);
  EXPECT_EQ(LedgerFile::open(path_, "key", workspace_).error().code, Errc::kKeyWrong);
  EXPECT_EQ(LedgerFile::read(path_ + "x", "key", workspace_).error().code, Errc::kNotFound);
}

TEST_F(LedgerFiles, ThatAreShorterThanTheStoreKnowsAreFoundOut) {
  make();
  add({revocation('a'), revocation('b'), revocation('c')});
  const Bytes place = opened()->place();
  EXPECT_EQ(entries_gone(place, *opened()), 0U);
  fs::resize_file(path_, 2 * kBlock);
  EXPECT_EQ(entries_gone(place, *opened()), 2U);
  EXPECT_EQ(entries_gone({}, *opened()), 0U) << "it had never heard of one";
}

TEST_F(LedgerFiles, SayForGoodThatOneBeforeThemWasLost) {
  make(true);
  add({revocation('a')});
  EXPECT_TRUE(opened()->after_loss());
}

TEST_F(LedgerFiles, AreNotMadeOverAnother) {
  make();
  add({revocation('a')});
  EXPECT_EQ(LedgerFile::make(path_, "key", workspace_, false, entropy_).error().code,
            Errc::kAlreadyExists);
  EXPECT_EQ(opened()->count(), 1U);
}

}  // namespace
}  // namespace satchel::server
