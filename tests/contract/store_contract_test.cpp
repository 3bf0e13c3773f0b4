// What every store engine promises (sync/store/store.hpp).
#include <atomic>
#include <map>
#include <thread>

#include "tests/contract/store_engines.hpp"

namespace satchel::sync::contract {
namespace {

class StoreContract : public testing::TestWithParam<EngineKind> {
 protected:
  void SetUp() override {
    engine_ = GetParam().make();
    reopen();
  }
  void reopen() {
    store_.reset();
    auto opened = engine_->open();
    ASSERT_OK(opened);
    store_ = std::move(*opened);
  }
  std::unique_ptr<WriteTxn> write() { return std::move(*store_->begin_write()); }
  std::unique_ptr<ReadTxn> read() { return std::move(*store_->begin_read()); }
  void put_row(Table table, ByteView key, ByteView value) {
    const auto txn = write();
    ASSERT_OK(txn->put(table, key, value));
    ASSERT_OK(txn->commit());
  }
  std::optional<Bytes> row(Table table, ByteView key) { return *read()->find(table, key); }
  // Puts a record whose parts are made of `text`.
  RecordNumber put_record(std::uint64_t n, const Bytes& text) {
    const auto txn = write();
    const RecordNumber number = *txn->number_for(record_id(n));
    std::vector<StoredRecord> records{record(number, "h" + text, "c" + text, "p" + text)};
    EXPECT_TRUE(txn->put_many(records).has_value());
    EXPECT_TRUE(txn->commit().has_value());
    return number;
  }
  static void expect_record(ReadTxn& txn, RecordNumber number, const Bytes& text) {
    std::vector<StoredRecord> found;
    ASSERT_OK(txn.find_many(std::vector{number}, found));
    ASSERT_EQ(found.size(), 1u);
    ASSERT_EQ(found[0].number, number);
    const auto parts = opened(txn, found[0]);
    ASSERT_OK(parts);
    EXPECT_EQ(*parts, (std::vector<Bytes>{"h" + text, "c" + text, "p" + text}));
  }

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, AnEmptyStoreHoldsNothing) {
  const auto txn = read();
  EXPECT_EQ(*txn->find(Table::kMeta, "name"), std::nullopt);
  EXPECT_EQ(*txn->count_records(), 0u);
  EXPECT_EQ(*txn->last_record(), 0u);
  EXPECT_EQ(txn->find_numbers(std::vector{record_id(1)})->at(0), 0u);
  std::vector<StoredRecord> found;
  ASSERT_OK(txn->find_many(std::vector<RecordNumber>{1, 2}, found));
  EXPECT_EQ(found.at(1).number, 0u);
}

TEST_P(StoreContract, RowsSurviveReopening) {
  put_row(Table::kMeta, "name", "value");
  put_row(Table::kMeta, "empty", "");
  reopen();
  EXPECT_EQ(row(Table::kMeta, "name"), "value");
  EXPECT_EQ(row(Table::kMeta, "empty"), "");
  EXPECT_EQ(row(Table::kInbox, "name"), std::nullopt);
}

TEST_P(StoreContract, AReplacedRowHoldsTheLastValue) {
  put_row(Table::kOutbox, "k", Bytes(100, 'a'));
  put_row(Table::kOutbox, "k", "b");
  EXPECT_EQ(row(Table::kOutbox, "k"), "b");
  reopen();
  EXPECT_EQ(row(Table::kOutbox, "k"), "b");
}

TEST_P(StoreContract, AnErasedRowIsGoneAndAnAbsentOneIsNoError) {
  put_row(Table::kMeta, "name", "value");
  {
    const auto txn = write();
    ASSERT_OK(txn->erase(Table::kMeta, "name"));
    ASSERT_OK(txn->erase(Table::kMeta, "never"));
    ASSERT_OK(txn->commit());
  }
  reopen();
  EXPECT_EQ(row(Table::kMeta, "name"), std::nullopt);
  EXPECT_TRUE(store_->check()->bad.empty());
}

TEST_P(StoreContract, ATransactionSeesItsOwnWrites) {
  const auto txn = write();
  ASSERT_OK(txn->put(Table::kMeta, "k", "v"));
  EXPECT_EQ(**txn->find(Table::kMeta, "k"), "v");
  const RecordNumber number = *txn->number_for(record_id(7));
  EXPECT_EQ(*txn->number_for(record_id(7)), number);
  EXPECT_EQ(txn->find_numbers(std::vector{record_id(7)})->at(0), number);
  std::vector<StoredRecord> records{record(number, "h", "c", "p")};
  ASSERT_OK(txn->put_many(records));
  EXPECT_EQ(*txn->count_records(), 1u);
  expect_record(*txn, number, "");
  ASSERT_OK(txn->erase(Table::kMeta, "k"));
  EXPECT_EQ(*txn->find(Table::kMeta, "k"), std::nullopt);
  ASSERT_OK(txn->erase_record(number, record_id(7)));
  EXPECT_EQ(txn->find_numbers(std::vector{record_id(7)})->at(0), 0u);
  EXPECT_EQ(*txn->count_records(), 0u);
}

TEST_P(StoreContract, WhatIsNotCommittedIsRolledBack) {
  put_row(Table::kMeta, "k", "old");
  {
    const auto txn = write();
    ASSERT_OK(txn->put(Table::kMeta, "k", "new"));
    const RecordNumber number = *txn->number_for(record_id(1));
    std::vector<StoredRecord> records{record(number, "h", "c", "p")};
    ASSERT_OK(txn->put_many(records));
  }
  EXPECT_EQ(row(Table::kMeta, "k"), "old");
  EXPECT_EQ(*read()->count_records(), 0u);
  EXPECT_EQ(read()->find_numbers(std::vector{record_id(1)})->at(0), 0u);
  put_row(Table::kMeta, "other", "x");
  EXPECT_TRUE(store_->check()->bad.empty());
}

TEST_P(StoreContract, ASnapshotDoesNotSeeLaterCommits) {
  const RecordNumber number = put_record(1, "one");
  put_row(Table::kMeta, "k", "old");
  const auto before = read();
  EXPECT_EQ(**before->find(Table::kMeta, "k"), "old");
  put_row(Table::kMeta, "k", "new");
  put_record(1, "two");
  put_record(2, "more");
  EXPECT_EQ(**before->find(Table::kMeta, "k"), "old");
  expect_record(*before, number, "one");
  EXPECT_EQ(*before->count_records(), 1u);
  EXPECT_EQ(row(Table::kMeta, "k"), "new");
  expect_record(*read(), number, "two");
}

TEST_P(StoreContract, RowsAreScannedInKeyOrderFromTheKeyGiven) {
  const auto txn = write();
  for (const char* key : {"b", "a", "ab", "c", "\xFF", "aa"}) {
    ASSERT_OK(txn->put(Table::kCommits, key, key));
  }
  ASSERT_OK(txn->commit());
  std::vector<Bytes> keys;
  const auto collect = [&](ByteView key, ByteView value) {
    EXPECT_EQ(key, value);
    keys.emplace_back(key);
    return keys.size() < 4;
  };
  ASSERT_OK(read()->scan(Table::kCommits, "aa", collect));
  EXPECT_EQ(keys, (std::vector<Bytes>{"aa", "ab", "b", "c"}));
  keys.clear();
  ASSERT_OK(read()->scan(Table::kCommits, "d", collect));
  EXPECT_EQ(keys, std::vector<Bytes>{"\xFF"});
  keys.clear();
  ASSERT_OK(read()->scan(Table::kInbox, "", collect));
  EXPECT_TRUE(keys.empty());
}

TEST_P(StoreContract, AScanMayEraseTheRowsItVisits) {
  {
    const auto txn = write();
    for (int i = 0; i < 500; ++i) {
      ASSERT_OK(txn->put(Table::kOutbox, "key" + std::to_string(1000 + i), Bytes(200, 'x')));
    }
    ASSERT_OK(txn->commit());
  }
  int visited = 0;
  {
    const auto txn = write();
    ASSERT_OK(txn->scan(Table::kOutbox, "", [&](ByteView key, ByteView) {
      ++visited;
      return txn->erase(Table::kOutbox, Bytes{key}).has_value();
    }));
    ASSERT_OK(txn->commit());
  }
  EXPECT_EQ(visited, 500);
  int left = 0;
  ASSERT_OK(read()->scan(Table::kOutbox, "", [&](ByteView, ByteView) { return ++left > 0; }));
  EXPECT_EQ(left, 0);
  EXPECT_TRUE(store_->check()->bad.empty());
}

TEST_P(StoreContract, RecordsComeInRisingNumberAndInTheOrderAsked) {
  std::vector<RecordNumber> numbers;
  for (std::uint64_t n = 1; n <= 5; ++n) numbers.push_back(put_record(n, std::to_string(n)));
  EXPECT_EQ(numbers, (std::vector<RecordNumber>{1, 2, 3, 4, 5}));
  const auto txn = read();
  const std::vector<RecordId> ids{record_id(3), record_id(99), record_id(1)};
  EXPECT_EQ(*txn->find_numbers(ids), (std::vector<RecordNumber>{numbers[2], 0, numbers[0]}));
  std::vector<StoredRecord> found;
  ASSERT_OK(txn->find_many(std::vector<RecordNumber>{4, 77, 2}, found));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].number, 4u);
  EXPECT_EQ(found[1].number, 0u);
  EXPECT_TRUE(found[1].segments.empty());
  EXPECT_EQ(found[2].header, "h2");
  std::vector<RecordNumber> scanned;
  ASSERT_OK(txn->scan_records(2, [&](StoredRecord& stored) {
    const auto parts = opened(*txn, stored);
    EXPECT_EQ(parts->at(2), "p" + std::to_string(stored.number));
    scanned.push_back(stored.number);
    return stored.number < 4;
  }));
  EXPECT_EQ(scanned, (std::vector<RecordNumber>{2, 3, 4}));
}

TEST_P(StoreContract, ANumberIsStableAndNeverGivenTwice) {
  const RecordNumber first = put_record(1, "a");
  const RecordNumber second = put_record(2, "b");
  {
    const auto txn = write();
    ASSERT_OK(txn->erase_record(second, record_id(2)));
    ASSERT_OK(txn->commit());
  }
  reopen();
  EXPECT_EQ(put_record(1, "again"), first);
  EXPECT_NE(put_record(2, "anew"), second);
  expect_record(*read(), first, "again");
  EXPECT_EQ(*read()->count_records(), 2u);
  EXPECT_EQ(*read()->last_record(), 3u);
}

TEST_P(StoreContract, ALazyCommitIsSeenAtOnceAndIsThereAfterTheNextOneOrASync) {
  for (const bool by_sync : {false, true}) {
    const std::uint64_t id = by_sync ? 21 : 11;
    auto txn = write();
    const RecordNumber number = *txn->number_for(record_id(id));
    ASSERT_OK(txn->put(Table::kMeta, "lazy", by_sync ? "second" : "first"));
    ASSERT_OK(txn->commit_lazily());
    txn.reset();
    EXPECT_EQ(*read()->find(Table::kMeta, "lazy"), by_sync ? "second" : "first");
    if (by_sync) {
      ASSERT_OK(store_->sync());
      ASSERT_OK(store_->sync());  // Again: there is nothing to do.
    } else {
      put_record(id + 1, "next");
    }
    reopen();
    EXPECT_EQ(*read()->find(Table::kMeta, "lazy"), by_sync ? "second" : "first");
    EXPECT_EQ(read()->find_numbers(std::vector{record_id(id)})->front(), number);
    EXPECT_TRUE(store_->check()->bad.empty());
  }
}

TEST_P(StoreContract, TheRevisionRisesWithEachPut) {
  const RecordNumber number = put_record(1, "a");
  std::vector<StoredRecord> found;
  ASSERT_OK(read()->find_many(std::vector{number}, found));
  const std::uint64_t before = found[0].revision;
  EXPECT_GT(before, 0u);
  reopen();
  put_record(1, "b");
  ASSERT_OK(read()->find_many(std::vector{number}, found));
  EXPECT_GT(found[0].revision, before);
}

TEST_P(StoreContract, ASegmentThatWasNotOpenedIsCarriedOver) {
  const RecordNumber number = put_record(1, "a");
  {
    const auto txn = write();
    std::vector<StoredRecord> found;
    ASSERT_OK(txn->find_many(std::vector{number}, found));
    Segment* company = found[0].find(PrivacyClass::kCompany);
    company->bytes = "changed";
    company->sealed = false;
    found[0].header = "header";
    ASSERT_OK(txn->put_many(found));
    ASSERT_OK(txn->commit());
  }
  reopen();
  const auto txn = read();
  std::vector<StoredRecord> found;
  ASSERT_OK(txn->find_many(std::vector{number}, found));
  EXPECT_EQ(*opened(*txn, found[0]), (std::vector<Bytes>{"header", "changed", "pa"}));
  EXPECT_LE(found[0].find(PrivacyClass::kPersonal)->revision, found[0].revision);
}

TEST_P(StoreContract, ARecordMayHaveNoSegmentsAndChangeItsShape) {
  const RecordNumber number = put_record(1, "a");
  {
    const auto txn = write();
    StoredRecord bare;
    bare.number = number;
    std::vector<StoredRecord> records{bare};
    ASSERT_OK(txn->put_many(records));
    ASSERT_OK(txn->commit());
  }
  std::vector<StoredRecord> found;
  ASSERT_OK(read()->find_many(std::vector{number}, found));
  EXPECT_EQ(found[0].number, number);
  EXPECT_TRUE(found[0].header.empty());
  EXPECT_TRUE(found[0].segments.empty());
}

TEST_P(StoreContract, BatchesMayComeInAnyOrder) {
  {
    const auto txn = write();
    std::vector<StoredRecord> records;
    for (std::uint64_t n = 1; n <= 100; ++n) {
      const RecordNumber number = *txn->number_for(record_id(n));
      records.push_back(record(number, "h", std::to_string(n), "p"));
    }
    std::shuffle(records.begin(), records.end(), std::mt19937{7});
    ASSERT_OK(txn->put_many(records));
    ASSERT_OK(txn->commit());
  }
  std::uint64_t expected = 0;
  const auto txn = read();
  ASSERT_OK(txn->scan_records(0, [&](StoredRecord& stored) {
    EXPECT_EQ(stored.number, ++expected);
    EXPECT_EQ(opened(*txn, stored)->at(1), std::to_string(stored.number));
    return true;
  }));
  EXPECT_EQ(expected, 100u);
  EXPECT_TRUE(store_->check()->bad.empty());
}

TEST_P(StoreContract, LargeValuesComeBackWhole) {
  const Bytes large(3 * 1024 * 1024 + 5, 'L');
  put_row(Table::kSchemas, "large", large);
  const RecordNumber number = put_record(1, large);
  reopen();
  EXPECT_EQ(row(Table::kSchemas, "large"), large);
  expect_record(*read(), number, large);
  put_row(Table::kSchemas, "large", "small");
  EXPECT_EQ(row(Table::kSchemas, "large"), "small");
  EXPECT_TRUE(store_->check()->bad.empty());
}

TEST_P(StoreContract, ReplicaNumbersAreDurableWithTheNextCommit) {
  ReplicaId ann;
  ann.octets.fill(1);
  ReplicaId bob;
  bob.octets.fill(2);
  EXPECT_EQ(store_->numbers().number_of(ann), 0u);
  EXPECT_EQ(store_->numbers().number_of(bob), 1u);
  { const auto rolled_back = write(); }
  put_row(Table::kMeta, "k", "v");
  reopen();
  ReplicaNumber number = 9;
  ASSERT_TRUE(store_->numbers().find(bob, number));
  EXPECT_EQ(number, 1u);
  EXPECT_EQ(store_->numbers().size(), 2u);
  store_->numbers().number_of(ReplicaId{});
  put_row(Table::kMeta, "k", "v2");
  reopen();
  EXPECT_EQ(store_->numbers().size(), 3u);
  EXPECT_TRUE(store_->check()->bad.empty());
}

TEST_P(StoreContract, TheIdOfAStoreIsStable) {
  const StoreId id = store_->id();
  reopen();
  EXPECT_EQ(store_->id(), id);
}

TEST_P(StoreContract, OneStoreIsOpenAtATime) {
  const auto second = engine_->open();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kStoreBusy);
}

// Each commit writes the same number to many places; whoever reads must find one number only.
TEST_P(StoreContract, ReadersSeeWholeCommitsWhileOneWrites) {
  constexpr int kCommits = 150;
  const auto keys = {"a", "b", "c"};
  std::atomic<bool> done = false;
  std::atomic<int> snapshots = 0;
  std::atomic<int> torn = 0;
  for (std::uint64_t n = 1; n <= 3; ++n) put_record(n, "0");
  for (const char* key : keys) put_row(Table::kMeta, key, "0");
  const auto read_until_done = [&] {
    while (!done) {
      const auto txn = std::move(*store_->begin_read());
      const Bytes expected = **txn->find(Table::kMeta, "a");
      for (const char* key : keys) torn += **txn->find(Table::kMeta, key) != expected;
      std::vector<StoredRecord> found;
      torn += !txn->find_many(std::vector<RecordNumber>{1, 2, 3}, found);
      for (const StoredRecord& stored : found) {
        const auto parts = opened(*txn, stored);
        torn += !parts || parts->at(2) != "p" + expected;
      }
      ++snapshots;
    }
  };
  std::thread first{read_until_done};
  std::thread second{read_until_done};
  for (int i = 1; i <= kCommits || snapshots < 20; ++i) {
    const auto txn = write();
    std::vector<StoredRecord> records;
    for (RecordNumber n = 1; n <= 3; ++n) {
      records.push_back(record(n, "h", "c", "p" + std::to_string(i)));
    }
    for (const char* key : keys) EXPECT_TRUE(txn->put(Table::kMeta, key, std::to_string(i)));
    EXPECT_TRUE(txn->put_many(records).has_value());
    EXPECT_TRUE(txn->commit().has_value());
  }
  done = true;
  first.join();
  second.join();
  EXPECT_EQ(torn, 0);
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreContract, testing::ValuesIn(all_engines()),
                         [](const auto& kind) { return std::string{kind.param.name}; });

}  // namespace
}  // namespace satchel::sync::contract
