// Copies of a store that is being written, and stores that are only looked at.
#include <atomic>
#include <thread>

#include <sys/stat.h>

#include "schema/model/varint.hpp"
#include "tests/contract/lmdb_fixture.hpp"

namespace satchel::sync::contract {
namespace {

class LmdbCopy : public FilledStore {
 protected:
  void SetUp() override { make_filled(); }

  // Two rows that every commit changes together.
  static Status put_pair(LmdbStore& store, std::uint64_t n) {
    auto txn = store.begin_write();
    if (!txn) return txn.error();
    Bytes value;
    append_u64(value, n);
    SATCHEL_TRY((*txn)->put(Table::kMeta, "first", value));
    SATCHEL_TRY((*txn)->put(Table::kSchemas, "ballast", Bytes(n % 7 * 5'000, 'b')));
    SATCHEL_TRY((*txn)->put(Table::kInbox, "second", value));
    return (*txn)->commit();
  }
  static std::uint64_t number(ReadTxn& txn, Table table, ByteView key) {
    const auto row = txn.find(table, key);
    EXPECT_TRUE(row && *row);
    return row && *row ? ByteReader{**row}.u64() : 0;
  }

  [[nodiscard]] std::string copy_folder() const { return engine_.home() + "/copy"; }
  Status copy(LmdbStore& store, const std::function<void()>& beside = {}) {
    std::filesystem::remove_all(copy_folder());
    std::filesystem::create_directories(copy_folder() + "/keys");
    std::ofstream data{copy_folder() + "/data.mdb", std::ios::binary};
    return store.copy({.beside = [&]() -> Status {
                         write_file(copy_folder() + "/keys/data.mdb",
                                    read_file(engine_.key_file()));
                         if (beside) beside();
                         return {};
                       },
                       .write = [&](ByteView bytes) -> Status {
                         data.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
                         data.flush();
                         return {};
                       }});
  }
  Result<std::unique_ptr<LmdbStore>> open_copy(bool read_only = true) {
    LmdbOptions options = engine_.options;
    options.read_only = read_only;
    return LmdbStore::open(copy_folder(), options, engine_.provider, engine_.entropy);
  }
};

TEST_F(LmdbCopy, IsOfOneMomentWhileOthersWrite) {
  const auto store = std::move(*open());
  ASSERT_OK(put_pair(*store, 1));
  std::atomic<bool> over = false;
  std::thread writer{[&] {
    for (std::uint64_t n = 2; !over; ++n) ASSERT_OK(put_pair(*store, n));
  }};
  std::uint64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    Status copied = copy(*store);
    ASSERT_TRUE(copied) << copied.error().message();
    const auto looked = open_copy();
    ASSERT_OK(looked);
    const auto report = (*looked)->check();
    ASSERT_OK(report);
    EXPECT_TRUE(report->bad.empty()) << report->bad.front();
    EXPECT_TRUE(read_everything(**looked).perfect());
    const auto txn = std::move(*(*looked)->begin_read());
    const std::uint64_t n = number(*txn, Table::kMeta, "first");
    EXPECT_EQ(number(*txn, Table::kInbox, "second"), n);
    EXPECT_GE(n, last) << "a later copy is not of an earlier moment";
    last = n;
  }
  over = true;
  writer.join();
  EXPECT_GT(last, 1U) << "nobody wrote meanwhile";
}

TEST_F(LmdbCopy, HasTheKeysOfItsMoment) {
  const auto store = std::move(*open());
  std::atomic<bool> wrote = false;
  bool waited = true;
  std::thread writer;
  Status copied = copy(*store, [&] {
    writer = std::thread{[&] {
      ASSERT_OK(put_pair(*store, 5));
      wrote = true;
    }};
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    waited = !wrote;
  });
  writer.join();
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_TRUE(waited) << "somebody wrote while the keys were copied";
}

TEST_F(LmdbCopy, GoesOnAsAStoreOfItsOwn) {
  {
    const auto store = std::move(*open());
    ASSERT_OK(copy(*store));
  }
  const auto opened = open_copy(false);
  ASSERT_OK(opened);
  ASSERT_OK(put_pair(**opened, 9));
  EXPECT_TRUE(read_everything(**opened).perfect());
  EXPECT_TRUE((*opened)->check()->bad.empty());
}

TEST_F(LmdbCopy, EndsWithTheErrorOfWhoTakesIt) {
  const auto store = std::move(*open());
  const Error full{Errc::kFileWrite, "full"};
  const auto nothing = []() -> Status { return {}; };
  EXPECT_EQ(store->copy({nothing, [&](ByteView) -> Status { return full; }}).error(), full);
  EXPECT_EQ(store->copy({[&]() -> Status { return full; }, {}}).error(), full);
  ASSERT_OK(put_pair(*store, 3));
}

TEST_F(LmdbCopy, ThatIsOnlyLookedAtIsNotTouched) {
  {
    const auto store = std::move(*open());
    ASSERT_OK(copy(*store));
  }
  const Bytes before = read_file(copy_folder() + "/data.mdb");
  {
    const auto looked = open_copy();
    ASSERT_OK(looked);
    EXPECT_EQ((*looked)->begin_write().error().code, Errc::kStoreReadOnly);
    ASSERT_OK((*looked)->check());
  }
  EXPECT_EQ(read_file(copy_folder() + "/data.mdb"), before);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& each :
       std::filesystem::recursive_directory_iterator(copy_folder())) {
    ++files;
  }
  EXPECT_EQ(files, 3U) << "two files and a folder";
}

}  // namespace
}  // namespace satchel::sync::contract
