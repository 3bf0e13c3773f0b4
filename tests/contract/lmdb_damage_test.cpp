// A closed store is damaged: whatever is read afterwards is right, or an explicit error.
#include <iostream>

#include "tests/contract/lmdb_fixture.hpp"

namespace satchel::sync::contract {
namespace {

class LmdbDamage : public FilledStore {
 protected:
  void SetUp() override {
    make_filled();
    const char* given = std::getenv("SATCHEL_SEED");
    seed_ = given != nullptr ? std::strtoull(given, nullptr, 10) : 4711;
    std::cout << "SEED=" << seed_ << "\n";
    random_.seed(seed_);
  }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  // `harmless` counts the damage that touched nothing that is in use.
  void open_and_judge(const std::string& what) {
    SCOPED_TRACE(what + ", seed " + std::to_string(seed_));
    const auto store = open();
    if (!store) {
      ++refused_;
      EXPECT_NE(store.error().code, Errc::kInternal) << store.error().message();
      EXPECT_NE(store.error().code, Errc::kStoreLatched) << store.error().message();
      return;
    }
    const Verdict verdict = read_everything(**store);
    ASSERT_EQ(verdict.wrong, 0);
    if (verdict.perfect()) {
      ++harmless_;
      return;
    }
    ++found_;
    // Not there can be a damaged key; the table then does not add up, and check() says so.
    const auto report = (*store)->check();
    ASSERT_TRUE(!report || !report->bad.empty())
        << verdict.errors << " errors, " << verdict.absent << " absent";
  }

  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  int refused_ = 0;
  int found_ = 0;
  int harmless_ = 0;
};

TEST_F(LmdbDamage, NoFlippedBitGivesAWrongValue) {
  std::vector<std::string> files(10, engine_.data_file());
  files.push_back(engine_.key_file());
  files.push_back(engine_.folder() + "/lock.mdb");
  files.push_back(engine_.folder() + "/store.lock");
  for (int i = 0; i < 2000 && !HasFailure(); ++i) {
    const std::string& path = files[below(files.size())];
    // Without the digests at open, damage must be found where it is read.
    engine_.options.verify_bytes_max = i % 2 == 0 ? 0 : std::size_t{1} << 30;
    const Bytes before = read_file(path);
    Bytes damaged = before;
    const std::uint64_t at = below(damaged.size());
    const auto bit = static_cast<int>(below(8));
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
    write_file(path, damaged);
    open_and_judge(path + " octet " + std::to_string(at) + " bit " + std::to_string(bit));
    write_file(path, before);
  }
  std::cout << "refused " << refused_ << ", found when read " << found_ << ", in unused space "
            << harmless_ << "\n";
  EXPECT_GT(refused_, 20);
  EXPECT_GT(found_, 200);
  engine_.options.verify_bytes_max = std::size_t{1} << 30;
  const auto store = open();
  ASSERT_OK(store);
  EXPECT_TRUE(read_everything(**store).perfect());
}

TEST_F(LmdbDamage, NoZeroedPageGivesAWrongValue) {
  for (const std::string& path : {engine_.data_file(), engine_.key_file()}) {
    const Bytes before = read_file(path);
    for (std::size_t at = 0; at < before.size() && !HasFailure(); at += 4096) {
      engine_.options.verify_bytes_max = (at / 4096) % 2 == 0 ? 0 : std::size_t{1} << 30;
      Bytes damaged = before;
      damaged.replace(at, 4096, 4096, '\0');
      write_file(path, damaged);
      open_and_judge(path + " page " + std::to_string(at / 4096));
      write_file(path, before);
    }
  }
  EXPECT_GT(refused_, 10);
}

TEST_F(LmdbDamage, NoExchangedPageGivesAWrongValue) {
  const std::string path = engine_.data_file();
  const Bytes before = read_file(path);
  const std::uint64_t pages = before.size() / 4096;
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    const std::uint64_t from = below(pages);
    const std::uint64_t to = below(pages);
    engine_.options.verify_bytes_max = i % 2 == 0 ? 0 : std::size_t{1} << 30;
    Bytes damaged = before;
    damaged.replace(to * 4096, 4096, before, from * 4096, 4096);
    if (i % 4 < 2) {  // As a careful hand would: with the page number of its new place.
      for (std::size_t b = 0; b < 8; ++b) damaged[to * 4096 + b] = static_cast<char>(to >> (8 * b));
    }
    write_file(path, damaged);
    open_and_judge("page " + std::to_string(from) + " over " + std::to_string(to));
    write_file(path, before);
  }
  EXPECT_GT(refused_ + found_, 20);
}

TEST_F(LmdbDamage, ACutFileIsNoticedAtOpen) {
  const std::string path = engine_.data_file();
  const Bytes before = read_file(path);
  for (std::size_t size = 0; size < before.size() && !HasFailure(); size += 2048) {
    write_file(path, ByteView{before}.substr(0, size));
    open_and_judge("cut to " + std::to_string(size));
    // A cut file either lacks only pages that are free, or is refused.
    write_file(path, before);
  }
  EXPECT_EQ(found_, 0);
  EXPECT_GT(refused_, 10);
  write_file(path, ByteView{before}.substr(0, before.size() / 2));
  EXPECT_EQ(open_error(), Errc::kStoreCorrupt);
}

TEST_F(LmdbDamage, GarbageIsNoStore) {
  Bytes garbage(200'000, '\0');
  for (char& octet : garbage) octet = static_cast<char>(random_());
  write_file(engine_.data_file(), garbage);
  EXPECT_EQ(open_error(), Errc::kStoreCorrupt);
  write_file(engine_.data_file(), "hello");
  EXPECT_EQ(open_error(), Errc::kStoreCorrupt);
  write_file(engine_.data_file(), "");
  EXPECT_EQ(open_error(), Errc::kStoreMissing);
}

// Wherever the name of a table stands, also in pages that are free.
Bytes renamed(Bytes file, const std::string& name) {
  Bytes other = name;
  other.back() = static_cast<char>(other.back() ^ 1);  // In the order of keys it stays where it is.
  std::size_t count = 0;
  for (auto at = file.find(name); at != Bytes::npos; at = file.find(name, at + 1), ++count)
    file.replace(at, name.size(), other);
  EXPECT_GT(count, 0U) << name;
  return file;
}

TEST_F(LmdbDamage, AnEmptyTableThatLostItsNameIsMadeAnewAndToldAndTheStoreOpensAgain) {
  const std::string path = engine_.data_file();
  const Bytes before = read_file(path);
  for (const std::string name : {"inbox", "audit", "codes", "taken"}) {
    SCOPED_TRACE(name);
    write_file(path, renamed(before, name));
    for (int i = 0; i < 3; ++i) {
      const auto store = open();
      ASSERT_OK(store);
      EXPECT_TRUE(read_everything(**store).perfect());
      const auto report = (*store)->check();
      ASSERT_OK(report);
      EXPECT_EQ(report->bad.size(), i == 0 ? 1U : 0U);
    }
  }
}

TEST_F(LmdbDamage, AFileThatLostItsFormatRowIsDamagedAndNotWhatACutCreationLeft) {
  write_file(engine_.data_file(), renamed(read_file(engine_.data_file()), "satchel.format"));
  EXPECT_EQ(open_error(), Errc::kStoreCorrupt);
  const auto made =
      LmdbStore::create(engine_.folder(), engine_.options, engine_.provider, engine_.entropy);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::kStoreCorrupt) << "nothing is written over it";
}

// In place, as a hand would that knows LMDB and cannot forge a seal.
class LmdbSubstitution : public FilledStore {
 protected:
  void SetUp() override { make_filled(); }
  Bytes record_row(RecordNumber number) {
    return raw_row(engine_.folder(), "records", record_key(number));
  }
  static std::size_t header_end(ByteView row) {
    std::uint32_t size = 0;
    std::memcpy(&size, row.data() + 13, 4);
    return 17 + size;
  }
  // The first `key` of kMeta gets `value`; a second commit follows, so that no page of it is
  // newest.
  void put_twice(ByteView key, ByteView value) {
    const auto store = std::move(*open());
    for (int i = 0; i < 2; ++i) {
      const auto txn = std::move(*store->begin_write());
      ASSERT_OK(txn->put(i == 0 ? Table::kMeta : Table::kCodes, key, value));
      ASSERT_OK(txn->commit());
    }
  }
  void put_record(std::uint64_t n, const Bytes& text) {
    const auto store = std::move(*open());
    const auto txn = std::move(*store->begin_write());
    std::vector<StoredRecord> records{
        record(*txn->number_for(record_id(n)), "h" + text, "c" + text, "p" + text)};
    ASSERT_OK(txn->put_many(records));
    ASSERT_OK(txn->commit());
  }
  void expect_record_error(RecordNumber number, Errc code) {
    EXPECT_EQ(open_error(), code) << "with digests";
    engine_.options.verify_bytes_max = 0;
    const auto store = open();
    ASSERT_OK(store);
    std::vector<StoredRecord> found;
    const auto txn = std::move(*(*store)->begin_read());
    const Status read = txn->find_many(std::vector{number}, found);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, code) << read.error().message();
    const auto report = (*store)->check();
    ASSERT_OK(report);
    EXPECT_FALSE(report->bad.empty());
  }
};

TEST_F(LmdbSubstitution, AValueRolledBackAloneIsFoundByTheDigest) {
  put_twice("key", "the value of old");
  const Bytes old_row = raw_row(engine_.folder(), "meta", "key");
  put_twice("key", "the value of now");
  const Bytes new_row = raw_row(engine_.folder(), "meta", "key");
  patch_file(engine_.data_file(), new_row, old_row);
  EXPECT_EQ(open_error(), Errc::kStoreCorrupt);

  engine_.options.verify_bytes_max = 0;
  const auto store = std::move(*open());
  // The value itself is one that the store once wrote; that it is the wrong one only the sum tells.
  EXPECT_EQ(**std::move(*store->begin_read())->find(Table::kMeta, "key"), "the value of old");
  const auto scanned =
      std::move(*store->begin_read())->scan(Table::kMeta, "", [](ByteView, ByteView) {
        return true;
      });
  ASSERT_FALSE(scanned.has_value());
  EXPECT_EQ(scanned.error().code, Errc::kStoreCorrupt);
  EXPECT_EQ(store->check()->bad, std::vector<std::string>{"meta: digest"});
}

TEST_F(LmdbSubstitution, ARecordRolledBackAloneIsFoundByTheScanOfAllRecords) {
  put_record(1, "of old");
  const Bytes old_row = record_row(1);
  put_record(1, "of now");
  put_record(2, "later!");
  patch_file(engine_.data_file(), record_row(1), old_row);
  EXPECT_EQ(open_error(), Errc::kStoreCorrupt);
  engine_.options.verify_bytes_max = 0;
  const auto store = std::move(*open());
  const auto scanned =
      std::move(*store->begin_read())->scan_records(0, [](StoredRecord&) { return true; });
  ASSERT_FALSE(scanned.has_value());
  EXPECT_EQ(scanned.error().code, Errc::kStoreCorrupt);
  EXPECT_EQ(store->check()->bad, std::vector<std::string>{"records: digest"});
}

TEST_F(LmdbSubstitution, ASegmentOfAnotherVersionIsRefused) {
  put_record(1, "of old");
  const Bytes old_row = record_row(1);
  put_record(1, "of now");
  const Bytes now_row = record_row(1);
  ASSERT_EQ(old_row.size(), now_row.size());
  const std::size_t start = header_end(now_row);
  patch_file(engine_.data_file(), now_row, now_row.substr(0, start) + old_row.substr(start));
  engine_.options.verify_bytes_max = 0;
  const auto store = std::move(*open());
  std::vector<StoredRecord> found;
  const auto read = std::move(*store->begin_read())->find_many(std::vector<RecordNumber>{1}, found);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, Errc::kStoreCorrupt);
}

TEST_F(LmdbSubstitution, ASegmentOfAnotherRecordIsRefused) {
  put_record(1, "number one");
  put_record(2, "number two");
  const Bytes one = record_row(1);
  const Bytes two = record_row(2);
  const std::size_t start = header_end(one);
  patch_file(engine_.data_file(), one, one.substr(0, start) + two.substr(start));
  engine_.options.verify_bytes_max = 0;
  const auto store = std::move(*open());
  std::vector<StoredRecord> found;
  const auto read = std::move(*store->begin_read())->find_many(std::vector<RecordNumber>{1}, found);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, Errc::kStoreCorrupt);
}

TEST_F(LmdbSubstitution, ARecordInAnothersPlaceIsRefused) {
  put_record(1, "number one");
  put_record(2, "number two");
  patch_file(engine_.data_file(), record_row(1), record_row(2) + "");
  expect_record_error(1, Errc::kStoreCorrupt);
}

TEST_F(LmdbSubstitution, ANumberInAnothersPlaceIsRefused) {
  Bytes row;
  RecordNumber other = 0;
  {
    const auto store = std::move(*open());
    const auto txn = std::move(*store->begin_read());
    other = txn->find_numbers(std::vector{record_id(2)})->at(0);
    row = Bytes{as_view(store->keyring().blind(2, record_id(1).bytes()))};
  }
  const Bytes before = raw_row(engine_.folder(), "numbers", row);
  Bytes after = before;
  std::memcpy(after.data() + 1, &other, sizeof(other));
  patch_file(engine_.data_file(), before, after);
  EXPECT_EQ(open_error(), Errc::kStoreCorrupt);
  engine_.options.verify_bytes_max = 0;
  const auto store = std::move(*open());
  const auto found = std::move(*store->begin_read())->find_numbers(std::vector{record_id(1)});
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, Errc::kStoreCorrupt);
}

// The first octet of every row of `table`, as it lies in the file, becomes `format`.
std::size_t spoil_formats(const LmdbEngine& engine, const char* table, char format) {
  std::vector<Bytes> rows;
  {
    const auto environment = std::move(*open_environment(engine.folder(), 1 << 30, 32, 8));
    const Txn txn = std::move(*begin_txn(environment.get(), MDB_RDONLY));
    MDB_dbi handle = 0;
    SATCHEL_ASSERT(mdb_dbi_open(txn.get(), table, 0, &handle) == 0);
    MDB_cursor* cursor = nullptr;
    SATCHEL_ASSERT(mdb_cursor_open(txn.get(), handle, &cursor) == 0);
    MDB_val key{};
    MDB_val row{};
    while (mdb_cursor_get(cursor, &key, &row, MDB_NEXT) == 0) {
      if (table != nullptr || from_mdb(key) == "satchel.state") rows.emplace_back(from_mdb(row));
    }
    mdb_cursor_close(cursor);
  }
  for (const Bytes& row : rows) {
    Bytes spoilt = row;
    spoilt[0] = format;
    patch_file(engine.data_file(), row, spoilt);
  }
  return rows.size();
}

constexpr std::array<const char*, 7> kWrittenTables = {nullptr, "records", "numbers", "replicas",
                                                       "meta",  "outbox",  "schemas"};

class LmdbRowFormat : public FilledStore, public testing::WithParamInterface<const char*> {};

TEST_P(LmdbRowFormat, DamagedAloneItCostsNothingAndIsPutRight) {
  for (const char format : {char{2}, char{0x11}, char{0}}) {
    if (format == 2) make_filled();
    const std::size_t rows = spoil_formats(engine_, GetParam(), format);
    ASSERT_GT(rows, 0U);
    {
      const auto store = open();
      ASSERT_OK(store);
      EXPECT_TRUE(read_everything(**store).perfect());
      const auto report = (*store)->check();
      ASSERT_OK(report);
      ASSERT_EQ(report->bad.size(), rows);
      EXPECT_TRUE(
          report->bad[0].ends_with("the row's format is damaged; it was read without, and "
                                   "is put right"))
          << report->bad[0];
      EXPECT_TRUE((*store)->check()->bad.empty()) << "told once";
    }
    const auto again = open();
    ASSERT_OK(again);
    EXPECT_TRUE((*again)->check()->bad.empty());
    EXPECT_TRUE(read_everything(**again).perfect());
  }
}

TEST_P(LmdbRowFormat, InAStoreTooLargeToBeLookedOverItIsReadAllTheSame) {
  make_filled();
  const std::size_t rows = spoil_formats(engine_, GetParam(), 2);
  engine_.options.verify_bytes_max = 0;
  const auto store = open();
  ASSERT_OK(store);
  EXPECT_TRUE(read_everything(**store).perfect());
  EXPECT_EQ((*store)->check()->bad.size(), rows);
  fill(**store);  // Over rows with the octet as it is: the digests must still add up.
  EXPECT_TRUE(read_everything(**store).perfect());
  const auto txn = std::move(*(*store)->begin_read());
  for (const Table table : {Table::kMeta, Table::kOutbox, Table::kSchemas}) {
    ASSERT_OK(txn->scan(table, {}, [](ByteView, ByteView) { return true; }));
  }
  ASSERT_OK(txn->scan_records(1, [](StoredRecord&) { return true; }));
}

INSTANTIATE_TEST_SUITE_P(Tables, LmdbRowFormat, testing::ValuesIn(kWrittenTables),
                         [](const auto& each) { return each.param ? each.param : "state"; });

}  // namespace
}  // namespace satchel::sync::contract
