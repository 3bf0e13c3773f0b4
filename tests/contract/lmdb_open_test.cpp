// Everything that can be in the way of opening or writing a sealed store, each with an error of its
// own.
#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/hash.hpp"
#include "sync/store/lmdb/folder.hpp"
#include "tests/contract/lmdb_fixture.hpp"

namespace satchel::sync::contract {
namespace {

// Runs `work` in a child of this process; the child's exit status, or -1 if it was killed.
template <class Work>
int in_child(const Work& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class LmdbOpen : public FilledStore {
 protected:
  void SetUp() override { make_filled(); }
  Status put(LmdbStore& store, ByteView key, ByteView value) {
    auto txn = store.begin_write();
    if (!txn) return txn.error();
    SATCHEL_TRY((*txn)->put(Table::kMeta, key, value));
    return (*txn)->commit();
  }
};

TEST_F(LmdbOpen, TheThreeWaysToMissAKeyAreThreeErrors) {
  const crypto::Key32 right = *engine_.provider.get(1);
  ASSERT_OK(engine_.provider.put(1, *crypto::random_secret<32>(engine_.entropy)));
  EXPECT_EQ(open_error(), Errc::kKeyWrong);
  ASSERT_OK(engine_.provider.destroy(1));
  EXPECT_EQ(open_error(), Errc::kKeyLost);
  ASSERT_OK(engine_.provider.put(1, right));
  ASSERT_OK(open());

  const std::string key_file = engine_.home() + "/short.keys";
  const Bytes text = "satchel-keys 1\nkey 1 00112233\n";
  write_file(key_file, text + "sum " + to_hex(crypto::sha256(text)) + "\n");
  ASSERT_EQ(chmod(key_file.c_str(), 0600), 0);
  crypto::FileKeyProvider short_key{key_file};
  const auto opened =
      LmdbStore::open(engine_.folder(), engine_.options, short_key, engine_.entropy);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Errc::kKeyMalformed) << opened.error().message();
}

TEST_F(LmdbOpen, ALostKeyStoreIsALostKey) {
  std::filesystem::remove(engine_.key_file());
  EXPECT_EQ(open_error(), Errc::kKeyLost);
}

TEST_F(LmdbOpen, TheKeyStoreOfAnotherStoreIsAWrongKey) {
  LmdbEngine other;
  { ASSERT_OK(other.open_lmdb()); }
  engine_.options.key_folder = other.folder() + "/keys";
  const auto opened =
      LmdbStore::open(engine_.folder(), engine_.options, other.provider, engine_.entropy);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Errc::kKeyWrong);
}

TEST_F(LmdbOpen, NoFolderAndNoFileIsAMissingStore) {
  const TemporaryFolder empty;
  for (const std::string& folder : {empty.path(), empty.path() + "/not/there"}) {
    const auto opened = LmdbStore::open(folder, {}, engine_.provider, engine_.entropy);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Errc::kStoreMissing);
  }
  EXPECT_TRUE(std::filesystem::is_empty(empty.path()));
}

TEST_F(LmdbOpen, CreatingOverAStoreIsRefused) {
  const auto made =
      LmdbStore::create(engine_.folder(), engine_.options, engine_.provider, engine_.entropy);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, Errc::kAlreadyExists);
  const auto store = open();
  ASSERT_OK(store);
  EXPECT_TRUE(read_everything(**store).perfect());
}

TEST_F(LmdbOpen, AStoreOfANewerFormatIsToldFromDamage) {
  const Bytes row = raw_row(engine_.folder(), nullptr, "satchel.format");
  Bytes newer = row;
  newer[8] = 2;
  const Bytes damaged = newer;
  newer = newer.substr(0, newer.size() - 32);
  newer += crypto::sha256(newer);
  patch_file(engine_.data_file(), row, damaged);
  EXPECT_EQ(open_error(), Errc::kStoreCorrupt);
  patch_file(engine_.data_file(), damaged, newer);
  EXPECT_EQ(open_error(), Errc::kStoreNewer);
  engine_.options.examine_bytes_max = 0;  // As of a file too large to be looked over.
  EXPECT_EQ(open_error(), Errc::kStoreNewer);
}

TEST_F(LmdbOpen, ASecondOpenInThisProcessIsRefused) {
  const auto first = open();
  ASSERT_OK(first);
  const auto second = open();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kStoreBusy);
  EXPECT_NE(second.error().context.find(std::to_string(getpid())), std::string::npos);
  std::filesystem::create_directory_symlink(engine_.folder(), engine_.home() + "/link");
  const auto by_link =
      LmdbStore::open(engine_.home() + "/link", engine_.options, engine_.provider, engine_.entropy);
  ASSERT_FALSE(by_link.has_value());
  EXPECT_EQ(by_link.error().code, Errc::kStoreBusy);
}

TEST_F(LmdbOpen, AnotherProcessIsNamed) {
  int ready[2];
  int done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const pid_t child = fork();
  if (child == 0) {
    char octet = open().has_value() ? 'y' : 'n';
    const auto store = open();
    close(done[1]);
    auto held =
        LmdbStore::open(engine_.folder(), engine_.options, engine_.provider, engine_.entropy);
    if (write(ready[1], &octet, 1) != 1) _exit(1);
    while (read(done[0], &octet, 1) > 0) continue;
    _exit(store.has_value() && !held.has_value() ? 0 : 1);
  }
  close(done[0]);
  char octet = 0;
  ASSERT_EQ(read(ready[0], &octet, 1), 1);
  EXPECT_EQ(octet, 'y');
  const auto second = open();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kStoreBusy);
  EXPECT_NE(second.error().context.find(std::to_string(child)), std::string::npos);
  close(done[1]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  close(ready[0]);
  close(ready[1]);
  EXPECT_TRUE(open().has_value());
}

TEST_F(LmdbOpen, AFolderThatMayNotBeWrittenIsReadOnly) {
  std::filesystem::permissions(engine_.home(), std::filesystem::perms::all);
  for (const auto& entry : std::filesystem::recursive_directory_iterator{engine_.folder()}) {
    ASSERT_EQ(chmod(entry.path().c_str(), entry.is_directory() ? 0555 : 0444), 0);
  }
  ASSERT_EQ(chmod(engine_.folder().c_str(), 0555), 0);
  const int status = in_child([&] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 2;
    return open_error() == Errc::kStoreReadOnly ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

// In a name space of its own; 77 where mounting is not permitted.
template <class Work>
int on_small_disk(const std::string& folder, const char* options, const Work& work) {
  return in_child([&] {
    if (unshare(CLONE_NEWNS) != 0) return 77;
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
    if (mount("tmpfs", folder.c_str(), "tmpfs", 0, options) != 0) return 77;
    return work();
  });
}

TEST_F(LmdbOpen, AReadOnlyMountIsReadOnly) {
  const TemporaryFolder mount_point;
  const int status = on_small_disk(mount_point.path(), "size=4m", [&] {
    std::filesystem::copy(engine_.folder(), mount_point.path() + "/store",
                          std::filesystem::copy_options::recursive);
    if (mount(nullptr, mount_point.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
      return 77;
    }
    const auto opened = LmdbStore::open(mount_point.path() + "/store", engine_.options,
                                        engine_.provider, engine_.entropy);
    if (opened || opened.error().code != Errc::kStoreReadOnly) return 1;
    const auto made = LmdbStore::create(mount_point.path() + "/new", engine_.options,
                                        engine_.provider, engine_.entropy);
    return !made && made.error().code == Errc::kStoreReadOnly ? 0 : 2;
  });
  if (status == 77) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(status, 0);
}

TEST_F(LmdbOpen, AFullDiskKeepsWhatWasCommittedAndHealsWhenThereIsSpace) {
  const TemporaryFolder mount_point;
  const int status = on_small_disk(mount_point.path(), "size=4m", [&] {
    const std::string folder = mount_point.path() + "/store";
    std::filesystem::copy(engine_.folder(), folder, std::filesystem::copy_options::recursive);
    auto store = LmdbStore::open(folder, engine_.options, engine_.provider, engine_.entropy);
    if (!store) return 1;
    int committed = 0;
    Status last;
    while (committed < 1000) {
      last = put(**store, "fill" + std::to_string(committed), Bytes(10'000, 'f'));
      if (!last) break;
      ++committed;
    }
    if (last || last.error().code != Errc::kStoreDiskFull) return 2;
    if (!read_everything(**store).perfect()) return 3;
    if (mount(nullptr, mount_point.path().c_str(), nullptr, MS_REMOUNT, "size=8m") != 0) return 77;
    if (!put(**store, "after", "space")) return 4;
    store->reset();
    store = LmdbStore::open(folder, engine_.options, engine_.provider, engine_.entropy);
    if (!store || !read_everything(**store).perfect()) return 5;
    const auto txn = std::move(*(*store)->begin_read());
    for (int i = 0; i < committed; ++i) {
      const auto row = txn->find(Table::kMeta, "fill" + std::to_string(i));
      if (!row || !*row) return 6;
    }
    return (*store)->check()->bad.empty() && **txn->find(Table::kMeta, "after") == "space" ? 0 : 7;
  });
  if (status == 77) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(status, 0);
}

TEST_F(LmdbOpen, OnAFullDiskWhatTakesAwayIsCommittedAndWhatAddsIsRefused) {
  const TemporaryFolder mount_point;
  const int status = on_small_disk(mount_point.path(), "size=8m", [&] {
    const std::string folder = mount_point.path() + "/store";
    std::filesystem::copy(engine_.folder(), folder, std::filesystem::copy_options::recursive);
    auto store = LmdbStore::open(folder, engine_.options, engine_.provider, engine_.entropy);
    if (!store) return 1;
    int committed = 0;
    while (put(**store, "fill" + std::to_string(committed), Bytes(10'000, 'f'))) ++committed;
    std::ofstream others{mount_point.path() + "/others", std::ios::binary | std::ios::app};
    while (others.write("o", 1).flush()) continue;
    while (put(**store, "fill" + std::to_string(committed), Bytes(10'000, 'f'))) ++committed;
    for (int i = 0; i < committed / 2; ++i) {
      const auto txn = std::move(*(*store)->begin_write());
      if (!txn->erase(Table::kMeta, "fill" + std::to_string(i)) || !txn->commit()) return 2;
    }
    if (!(*store)->check()->bad.empty() || !read_everything(**store).perfect()) return 3;
    if (!put(**store, "after", Bytes(10'000, 'a'))) return 4;  // There are free pages again.
    return committed > 100 ? 0 : 5;
  });
  if (status == 77) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(status, 0);
}

// The descriptor of the data file is exchanged under LMDB, as a failing disk would.
class ExchangedDescriptor {
 public:
  ExchangedDescriptor(const std::string& data_file, const char* other, int flags) {
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
      std::error_code ignored;
      const auto target = std::filesystem::read_symlink(entry.path(), ignored);
      if (target != std::filesystem::canonical(data_file)) continue;
      const int descriptor = std::stoi(entry.path().filename().string());
      kept_.emplace_back(descriptor, dup(descriptor));
    }
    const int replacement = ::open(other, flags);
    SATCHEL_ASSERT(replacement >= 0 && !kept_.empty());
    for (const auto& [descriptor, copy] : kept_) dup2(replacement, descriptor);
    close(replacement);
  }
  void restore() {
    for (const auto& [descriptor, copy] : kept_) {
      dup2(copy, descriptor);
      close(copy);
    }
    kept_.clear();
  }
  ~ExchangedDescriptor() { restore(); }

 private:
  std::vector<std::pair<int, int>> kept_;
};

TEST_F(LmdbOpen, NoSpaceAtCommitLosesTheTransactionOnly) {
  const auto store = std::move(*open());
  {
    ExchangedDescriptor full{engine_.data_file(), "/dev/full", O_RDWR};
    const Status failed = put(*store, "key", "lost");
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, Errc::kStoreDiskFull);
  }
  EXPECT_TRUE(read_everything(*store).perfect());
  ASSERT_OK(put(*store, "other", "kept"));
  EXPECT_EQ(*std::move(*store->begin_read())->find(Table::kMeta, "key"), std::nullopt);
  EXPECT_TRUE(store->check()->bad.empty());
}

TEST_F(LmdbOpen, AfterAnIoErrorEveryCallSaysLatched) {
  auto store = std::move(*open());
  const auto reader = std::move(*store->begin_read());
  {
    ExchangedDescriptor broken{engine_.data_file(), "/dev/null", O_RDONLY};
    const Status failed = put(*store, "key", "lost");
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, Errc::kStoreLatched);
  }
  EXPECT_EQ(put(*store, "key", "again").error().code, Errc::kStoreLatched);
  EXPECT_EQ(store->begin_read().error().code, Errc::kStoreLatched);
  EXPECT_EQ(reader->find(Table::kMeta, row_key(0)).error().code, Errc::kStoreLatched);
  EXPECT_EQ(store->check().error().code, Errc::kStoreLatched);
  EXPECT_EQ(store->rotate_keys().error().code, Errc::kStoreLatched);
}

TEST_F(LmdbOpen, AStoreThatLatchedOpensAnew) {
  {
    const auto store = std::move(*open());
    ExchangedDescriptor broken{engine_.data_file(), "/dev/null", O_RDONLY};
    ASSERT_FALSE(put(*store, "key", "lost").has_value());
  }
  const auto store = open();
  ASSERT_OK(store);
  EXPECT_TRUE(read_everything(**store).perfect());
  ASSERT_OK(put(**store, "key", "kept"));
}

TEST_F(LmdbOpen, AFullMapKeepsReadingAndGrowsWhenOpenedLarger) {
  LmdbEngine small;
  small.options.map_bytes_max = std::size_t{1} << 20;
  auto store = std::move(*small.open_lmdb());
  int committed = 0;
  Status last;
  while (committed < 1000) {
    last = put(*store, "fill" + std::to_string(committed), Bytes(10'000, 'f'));
    if (!last) break;
    ++committed;
  }
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, Errc::kStoreFull);
  EXPECT_GT(committed, 10);
  EXPECT_LE(store->usage().bytes, store->usage().bytes_max);
  EXPECT_EQ(std::move(*store->begin_read())->find(Table::kMeta, "fill0")->value().size(), 10'000u);
  {
    const auto txn = std::move(*store->begin_write());  // Erasing makes room.
    ASSERT_OK(txn->erase(Table::kMeta, "fill0"));
    ASSERT_OK(txn->commit());
  }
  store.reset();
  small.options.map_bytes_max = std::size_t{8} << 20;
  store = std::move(*small.open_lmdb());
  for (int i = 0; i < 100; ++i)
    ASSERT_OK(put(*store, "more" + std::to_string(i), Bytes(10'000, 'm')));
  EXPECT_TRUE(store->check()->bad.empty());
}

TEST_F(LmdbOpen, TooLongAKeyAndTooLargeAValueAreRefused) {
  const auto store = std::move(*open());
  ASSERT_OK(put(*store, Bytes(limits::kStoreKeyBytesMax, 'k'), "v"));
  EXPECT_EQ(put(*store, Bytes(limits::kStoreKeyBytesMax + 1, 'k'), "v").error().code,
            Errc::kLimitExceeded);
  EXPECT_EQ(put(*store, "", "v").error().code, Errc::kInvalidArgument);
  ASSERT_OK(put(*store, "large", Bytes(limits::kRecordBytesMax, 'v')));
  EXPECT_EQ(put(*store, "large", Bytes(limits::kRecordBytesMax + 1, 'v')).error().code,
            Errc::kLimitExceeded);
}

TEST_F(LmdbOpen, AClassOfManySealsGetsANewGeneration) {
  engine_.options.seals_per_key_max = 40;
  auto store = std::move(*open());
  const auto generation = [&] {
    return *store->keyring().current_generation(PrivacyClass::kStructure);
  };
  const auto before = generation();
  for (int i = 0; i < 100; ++i) ASSERT_OK(put(*store, "key" + std::to_string(i), "v"));
  EXPECT_GT(generation(), before + 2);
  EXPECT_LT(generation(), before + 20);
  const auto reached = generation();
  store.reset();
  store = std::move(*open());
  EXPECT_EQ(generation(), reached);
  EXPECT_TRUE(read_everything(*store).perfect());
  EXPECT_TRUE(store->check()->bad.empty());
}

TEST_F(LmdbOpen, ADestroyedClassIsLockedAndCarriedAlong) {
  auto store = std::move(*open());
  ASSERT_OK(store->rekey(crypto::RekeyRequest::destroy_class(PrivacyClass::kPersonal)));
  for (int round = 0; round < 2; ++round) {
    const auto txn = std::move(*store->begin_write());
    std::vector<StoredRecord> found;
    ASSERT_OK(txn->find_many(std::vector<RecordNumber>{1}, found));
    const auto locked = txn->open_segment(found[0], *found[0].find(PrivacyClass::kPersonal));
    ASSERT_FALSE(locked.has_value());
    EXPECT_EQ(locked.error().code, Errc::kClassLocked);
    Segment* company = found[0].find(PrivacyClass::kCompany);
    EXPECT_TRUE(company->sealed);
    company->bytes = "anew";
    company->sealed = false;
    ASSERT_OK(txn->put_many(found));
    ASSERT_OK(txn->commit());
    EXPECT_TRUE(store->check()->bad.empty());
    store.reset();
    store = std::move(*open());
  }
}

TEST_F(LmdbOpen, ASegmentOfADataSubjectIsRefusedWhileThereAreNoSubjectKeys) {
  const auto store = std::move(*open());
  const auto txn = std::move(*store->begin_write());
  std::vector<StoredRecord> records{record(1, "h", "c", "p")};
  records[0].segments[1].subjects.push_back(SubjectRef{});
  const Status put = txn->put_many(records);
  ASSERT_FALSE(put.has_value());
  EXPECT_EQ(put.error().code, Errc::kUnsupported);
  EXPECT_FALSE(txn->commit().has_value());
  EXPECT_TRUE(read_everything(*store).perfect());
}

TEST(Folder, RemoteFileSystemsAreToldFromLocalOnes) {
  for (const std::uint64_t magic :
       {0x6969ULL, 0xFF534D42ULL, 0xFFFFFFFFFF534D42ULL, 0xFE534D42ULL}) {
    EXPECT_TRUE(is_remote_file_system(magic, ""));
  }
  for (const std::uint64_t magic : {0xEF53ULL, 0x58465342ULL, 0x01021994ULL, 0x794C7630ULL}) {
    EXPECT_FALSE(is_remote_file_system(magic, ""));
  }
  EXPECT_TRUE(is_remote_file_system(0x65735546, "fuse.sshfs"));
  EXPECT_TRUE(is_remote_file_system(0x65735546, ""));
  EXPECT_FALSE(is_remote_file_system(0x65735546, "fuseblk"));
}

}  // namespace
}  // namespace satchel::sync::contract
