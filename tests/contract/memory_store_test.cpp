// What only the memory engine can do: lose what was not synced, fail when told, go back to a
// snapshot.
#include "tests/contract/store_engines.hpp"

namespace satchel::sync::contract {
namespace {

class MemoryDiskTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store_.reset();
    auto opened = MemoryStore::open(disk_);
    ASSERT_OK(opened);
    store_ = std::move(*opened);
  }
  Status put(ByteView key) {
    auto txn = store_->begin_write();
    if (!txn) return txn.error();
    SATCHEL_TRY((*txn)->put(Table::kMeta, key, "v"));
    return (*txn)->commit();
  }
  bool has(ByteView key) { return (*(*store_->begin_read())->find(Table::kMeta, key)).has_value(); }

  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>(MemoryDisk::Options{});
  std::unique_ptr<MemoryStore> store_;
};

TEST_F(MemoryDiskTest, ACrashLosesOnlyWhatWasNotSynced) {
  disk_->set_sync_on_commit(false);
  ASSERT_OK(put("durable"));
  disk_->sync();
  for (const char* key : {"one", "two", "three"}) ASSERT_OK(put(key));
  EXPECT_EQ(disk_->unsynced_count(), 3u);
  disk_->crash(1);
  EXPECT_EQ(put("dead").error().code, Errc::kStoreLatched);
  reopen();
  EXPECT_TRUE(has("durable"));
  EXPECT_TRUE(has("one"));
  EXPECT_FALSE(has("two"));
  EXPECT_FALSE(has("three"));
}

TEST_F(MemoryDiskTest, ACopyOnAnotherDiskChangesNothingOfTheFirst) {
  for (const char* key : {"one", "two", "three"}) ASSERT_OK(put(key));
  const auto first = std::exchange(disk_, std::make_shared<MemoryDisk>(MemoryDisk::Options{}));
  store_.reset();
  disk_->restore(first->snapshot());
  reopen();
  const auto keys = {"four", "five", "six", "seven", "eight"};
  for (const char* key : keys) ASSERT_OK(put(key));
  disk_ = first;
  reopen();
  EXPECT_TRUE(has("three"));
  for (const char* key : keys) EXPECT_FALSE(has(key)) << key;
}

TEST_F(MemoryDiskTest, AStoreThatSyncsOnCommitLosesNothing) {
  ASSERT_OK(put("k"));
  disk_->crash();
  reopen();
  EXPECT_TRUE(has("k"));
}

TEST_F(MemoryDiskTest, ACrashTakesBackTheLastLazyCommitAndNoOther) {
  for (const char* key : {"one", "two"}) {
    auto txn = store_->begin_write();
    ASSERT_OK((*txn)->put(Table::kMeta, key, "v"));
    ASSERT_OK((*txn)->commit_lazily());
  }
  EXPECT_TRUE(has("two"));
  disk_->crash();
  reopen();
  EXPECT_TRUE(has("one"));
  EXPECT_FALSE(has("two"));
}

TEST_F(MemoryDiskTest, ASnapshotBringsBackWhatItHeld) {
  ASSERT_OK(put("early"));
  const MemoryVersion snapshot = disk_->snapshot();
  ASSERT_OK(put("late"));
  disk_->restore(snapshot);
  reopen();
  EXPECT_TRUE(has("early"));
  EXPECT_FALSE(has("late"));
  ASSERT_OK(put("other"));
  EXPECT_TRUE(snapshot.tables[static_cast<std::size_t>(Table::kMeta)].find("other") == nullptr);
}

TEST_F(MemoryDiskTest, AFailureComesOnceAndLeavesNothingOfItsTransaction) {
  ASSERT_OK(put("before"));
  disk_->fail_after(1, Errc::kStoreDiskFull);  // The put goes well, the commit does not.
  EXPECT_EQ(put("lost").error().code, Errc::kStoreDiskFull);
  EXPECT_FALSE(has("lost"));
  ASSERT_OK(put("after"));
  EXPECT_TRUE(has("before"));
  EXPECT_TRUE(has("after"));
}

TEST_F(MemoryDiskTest, ALatchedStoreStaysLatchedUntilItIsOpenedAnew) {
  ASSERT_OK(put("before"));
  disk_->fail_after(0, Errc::kStoreLatched);
  EXPECT_EQ(put("lost").error().code, Errc::kStoreLatched);
  EXPECT_EQ(put("lost").error().code, Errc::kStoreLatched);
  reopen();
  EXPECT_TRUE(has("before"));
  ASSERT_OK(put("after"));
}

TEST_F(MemoryDiskTest, ThousandsOfSmallTransactionsDoNotCopyTheStore) {
  std::vector<std::unique_ptr<ReadTxn>> held;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_OK(put("key" + std::to_string(i)));
    if (i % 1000 == 0) held.push_back(std::move(*store_->begin_read()));
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    int count = 0;
    ASSERT_OK(held[i]->scan(Table::kMeta, "", [&](ByteView, ByteView) { return ++count > 0; }));
    EXPECT_EQ(count, static_cast<int>(i) * 1000 + 1);
  }
}

}  // namespace
}  // namespace satchel::sync::contract
