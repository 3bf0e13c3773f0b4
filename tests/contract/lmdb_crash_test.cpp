// Processes end in the middle of things; plaintext never lies in a file.
#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/contract/lmdb_fixture.hpp"

namespace satchel::sync::contract {
namespace {

constexpr int kCrashed = 42;

// A provider in a file, as a process that ends leaves it, which may end this process at a step.
class CrashingProvider final : public crypto::KeyProvider {
 public:
  CrashingProvider(std::string path, std::function<void(std::string_view)> step)
      : file_{std::move(path)}, step_{std::move(step)} {}
  Status put(crypto::RootGeneration generation, const crypto::Key32& key) override {
    step_("before put");
    const Status done = file_.put(generation, key);
    step_("after put");
    return done;
  }
  Result<crypto::Key32> get(crypto::RootGeneration generation) override {
    return file_.get(generation);
  }
  Status destroy(crypto::RootGeneration generation) override {
    step_("before destroy");
    const Status done = file_.destroy(generation);
    step_("after destroy");
    return done;
  }
  Result<std::vector<crypto::RootGeneration>> list() override { return file_.list(); }
  [[nodiscard]] crypto::KeyStrength strength() const override { return file_.strength(); }

 private:
  crypto::FileKeyProvider file_;
  std::function<void(std::string_view)> step_;
};

class LmdbCrash : public FilledStore {
 protected:
  [[nodiscard]] std::string key_path() const { return engine_.home() + "/root.keys"; }

  // Runs `work(provider, options)` in a child that ends at its `last`-th step. The child's status.
  template <class Work>
  int in_child_until(int last, const Work& work) {
    const pid_t child = fork();
    if (child == 0) {
      int steps = 0;
      const auto step = [&steps, last](std::string_view) {
        if (++steps == last) _exit(kCrashed);
      };
      CrashingProvider provider{key_path(), step};
      LmdbOptions options = engine_.options;
      options.step_hook = step;
      _exit(work(provider, options) ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  Result<std::unique_ptr<LmdbStore>> open_with_file() {
    provider_ = std::make_unique<crypto::FileKeyProvider>(key_path());
    return LmdbStore::open(engine_.folder(), engine_.options, *provider_, engine_.entropy);
  }
  void create_with_file() {
    crypto::FileKeyProvider provider{key_path()};
    auto store = LmdbStore::create(engine_.folder(), engine_.options, provider, engine_.entropy);
    ASSERT_OK(store);
    fill(**store);
  }

  std::unique_ptr<crypto::FileKeyProvider> provider_;
};

TEST_F(LmdbCrash, ReKeyingMayEndAtAnyStep) {
  create_with_file();
  int crashes = 0;
  for (int last = 1;; ++last) {
    SCOPED_TRACE("step " + std::to_string(last));
    const auto before = provider_ ? *provider_->list() : std::vector<crypto::RootGeneration>{1};
    const int status = in_child_until(last, [&](auto& provider, const LmdbOptions& options) {
      const auto store = LmdbStore::open(engine_.folder(), options, provider, engine_.entropy);
      return store && (*store)->rotate_keys().has_value();
    });
    if (status == 0) break;
    ASSERT_EQ(status, kCrashed);
    ++crashes;
    const auto store = open_with_file();
    ASSERT_OK(store);
    const auto generations = provider_->list();
    ASSERT_OK(generations);
    ASSERT_EQ(generations->size(), 1u);
    EXPECT_TRUE(generations->at(0) == before.at(0) || generations->at(0) > before.at(0));
    EXPECT_EQ((*store)->keyring().root_generation(), generations->at(0));
    EXPECT_TRUE(read_everything(**store).perfect());
    EXPECT_TRUE((*store)->check()->bad.empty());
  }
  EXPECT_EQ(crashes, 8);  // put, two commits, destroy: before and after each.
}

TEST_F(LmdbCrash, TheOldRootKeyOpensNothingAfterReKeying) {
  create_with_file();
  const Bytes old_keys = read_file(key_path());
  const Bytes old_root = raw_row(engine_.folder() + "/keys", nullptr, "root");
  {
    const auto store = std::move(*open_with_file());
    ASSERT_OK(store->rotate_keys());
    EXPECT_TRUE(read_everything(*store).perfect());
    const auto txn = std::move(*store->begin_write());
    ASSERT_OK(txn->put(Table::kMeta, "after", "rotation"));
    ASSERT_OK(txn->commit());
  }
  EXPECT_NE(raw_row(engine_.folder() + "/keys", nullptr, "root"), old_root);
  const Bytes new_keys = read_file(key_path());
  write_file(key_path(), old_keys);
  const auto with_old = open_with_file();
  ASSERT_FALSE(with_old.has_value());
  EXPECT_EQ(with_old.error().code, Errc::kKeyLost);
  write_file(key_path(), new_keys);
  const auto with_new = open_with_file();
  ASSERT_OK(with_new);
  EXPECT_TRUE(read_everything(**with_new).perfect());
}

TEST_F(LmdbCrash, CreationMayEndAtAnyStep) {
  int crashes = 0;
  for (int last = 1; last < 50; ++last) {
    SCOPED_TRACE("step " + std::to_string(last));
    std::filesystem::remove_all(engine_.folder());
    std::filesystem::remove(key_path());
    const int status = in_child_until(last, [&](auto& provider, const LmdbOptions& options) {
      return LmdbStore::create(engine_.folder(), options, provider, engine_.entropy).has_value();
    });
    if (status == 0) break;
    ASSERT_EQ(status, kCrashed);
    ++crashes;
    const auto opened = open_with_file();
    if (!opened) {
      EXPECT_EQ(opened.error().code, Errc::kStoreMissing) << opened.error().message();
      create_with_file();
    } else {
      fill(**opened);
    }
    if (opened) continue;
    const auto again = open_with_file();
    ASSERT_OK(again);
    EXPECT_TRUE(read_everything(**again).perfect());
  }
  EXPECT_GE(crashes, 6);
}

// LMDB writes its first two meta pages at once and does not sync them before the first commit.
TEST_F(LmdbCrash, ACreationOfWhichAnyPartOfTheFirstPagesIsThereIsMadeAnew) {
  create_with_file();
  const Bytes zeros(4096, '\0');
  const Bytes keys_before = read_file(engine_.folder() + "/keys/data.mdb");
  Bytes first = keys_before.substr(0, 4096);  // One commit: it went to the second.
  Bytes second = first;
  second[0] = 1;  // The page's number.
  const Bytes data = keys_before.substr(8192, 4096);
  for (const Bytes& left : {first + second, first + zeros, zeros + second, zeros + zeros, first,
                            first + zeros + data, zeros + zeros + data, first.substr(0, 512)}) {
    for (const std::string file : {"/data.mdb", "/keys/data.mdb"}) {
      SCOPED_TRACE(file + " of " + std::to_string(left.size()));
      std::filesystem::remove_all(engine_.folder());
      std::filesystem::remove(key_path());
      std::filesystem::create_directories(engine_.folder() + "/keys");
      write_file(engine_.folder() + file, left);
      create_with_file();
      if (HasFatalFailure()) return;
      EXPECT_TRUE(read_everything(*std::move(*open_with_file())).perfect());
    }
  }
  // What holds a commit is not thrown away, whatever became of its first page.
  std::filesystem::remove(engine_.data_file());
  write_file(engine_.folder() + "/keys/data.mdb", zeros + keys_before.substr(4096));
  crypto::FileKeyProvider provider{key_path()};
  const auto store =
      LmdbStore::create(engine_.folder(), engine_.options, provider, engine_.entropy);
  ASSERT_FALSE(store.has_value());
  EXPECT_EQ(store.error().code, Errc::kStoreCorrupt);
  EXPECT_EQ(read_file(engine_.folder() + "/keys/data.mdb"), zeros + keys_before.substr(4096));
}

TEST_F(LmdbCrash, ACommitIsThereWholeOrNotAtAll) {
  create_with_file();
  for (int last = 1; last <= 2; ++last) {
    const int status = in_child_until(last, [&](auto& provider, const LmdbOptions& options) {
      const auto store =
          std::move(*LmdbStore::open(engine_.folder(), options, provider, engine_.entropy));
      const auto txn = std::move(*store->begin_write());
      std::vector<StoredRecord> records{record(*txn->number_for(record_id(999)), "h", "c", "p")};
      return txn->put_many(records) && txn->put(Table::kMeta, "with", "it") && txn->commit();
    });
    ASSERT_EQ(status, kCrashed);
    const auto store = std::move(*open_with_file());
    const auto txn = std::move(*store->begin_read());
    const bool there = last == 2;
    EXPECT_EQ(txn->find_numbers(std::vector{record_id(999)})->at(0) != 0, there);
    EXPECT_EQ(txn->find(Table::kMeta, "with")->has_value(), there);
    EXPECT_TRUE(store->check()->bad.empty());
  }
}

struct Progress {
  char what;  // 'b': commit begun, 'a': commit acknowledged.
  int number;
};

TEST_F(LmdbCrash, KilledAtAnyMomentEveryAcknowledgedCommitIsThere) {
  create_with_file();
  std::mt19937 random{20240611};
  int next = 0;
  for (int round = 0; round < 12; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto store = std::move(*open_with_file());
      for (int i = next;; ++i) {
        const auto txn = std::move(*store->begin_write());
        const Bytes name = "commit" + std::to_string(i);
        std::vector<StoredRecord> records{record(
            *txn->number_for(record_id(5000 + static_cast<std::uint64_t>(i))), name, name, name)};
        Progress progress{'b', i};
        if (!txn->put(Table::kCommits, name, name) || !txn->put_many(records)) _exit(1);
        if (write(pipe_ends[1], &progress, sizeof(progress)) != sizeof(progress)) _exit(1);
        if (!txn->commit()) _exit(1);
        progress.what = 'a';
        if (write(pipe_ends[1], &progress, sizeof(progress)) != sizeof(progress)) _exit(1);
      }
    }
    close(pipe_ends[1]);
    const int enough = next + 1 + static_cast<int>(random() % 20);
    int begun = -1;
    int acknowledged = next - 1;
    Progress progress{};
    const auto take = [&] {
      if (read(pipe_ends[0], &progress, sizeof(progress)) != sizeof(progress)) return false;
      (progress.what == 'b' ? begun : acknowledged) = progress.number;
      return true;
    };
    while (begun < enough && take()) continue;
    usleep(static_cast<useconds_t>(random() % 3000));
    kill(child, SIGKILL);
    while (take()) continue;  // What was said before the end.
    close(pipe_ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    ASSERT_GE(begun, enough);

    const auto store = open_with_file();
    ASSERT_OK(store);
    const auto txn = std::move(*(*store)->begin_read());
    for (int i = 0; i <= begun; ++i) {
      const Bytes name = "commit" + std::to_string(i);
      const bool row = (*txn->find(Table::kCommits, name)).has_value();
      const RecordId id = record_id(5000 + static_cast<std::uint64_t>(i));
      const bool stored = txn->find_numbers(std::vector{id})->at(0) != 0;
      ASSERT_EQ(row, stored) << "half of a commit";
      ASSERT_TRUE(row || i > acknowledged) << "an acknowledged commit is lost";
      if (row) next = i + 1;
    }
    EXPECT_TRUE((*store)->check()->bad.empty());
  }
}

// Neither in the value's own bytes nor as UTF-16.
bool lies_in_a_file(const std::string& folder, ByteView text) {
  Bytes wide;
  for (const char octet : text) {
    wide += octet;
    wide += '\0';
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
    if (!entry.is_regular_file()) continue;
    const Bytes bytes = read_file(entry.path().string());
    if (bytes.find(text) != Bytes::npos || bytes.find(wide) != Bytes::npos) return true;
  }
  return false;
}

TEST_F(LmdbCrash, NoPlaintextLiesInAnyFile) {
  const Bytes canary = "Zerberus-Canary-4711";
  RecordId id;
  for (std::size_t i = 0; i < 16; ++i)
    id.octets[i] = static_cast<std::uint8_t>("idCANARYid-bytes"[i]);
  ReplicaId replica;
  for (std::size_t i = 0; i < 16; ++i)
    replica.octets[i] = static_cast<std::uint8_t>("replicaCANARY-id"[i]);
  create_with_file();
  {
    const auto store = std::move(*open_with_file());
    for (int round = 0; round < 3; ++round) {
      const auto txn = std::move(*store->begin_write());
      store->numbers().number_of(replica);
      std::vector<StoredRecord> records{record(*txn->number_for(id), canary, canary, canary)};
      ASSERT_OK(txn->put_many(records));
      for (int table = 4; table < 15; ++table) {
        ASSERT_OK(txn->put(static_cast<Table>(table), "key", canary + Bytes(5000, 'x')));
      }
      if (round == 2) ASSERT_OK(txn->erase_record(records[0].number, id));
      ASSERT_OK(txn->commit());
    }
    ASSERT_OK(store->rotate_keys());
    EXPECT_FALSE(lies_in_a_file(engine_.folder(), canary));  // While it is open, too.
  }
  const std::string folder = engine_.folder();
  for (const Bytes& text : {canary, Bytes{id.bytes()}, Bytes{replica.bytes()}, to_text(id),
                            to_hex(id.bytes()), to_hex(replica.bytes()), Bytes(40, 'x')}) {
    EXPECT_FALSE(lies_in_a_file(folder, text)) << text;
  }
  // The search does find what is there.
  write_file(folder + "/control", "..." + canary + "...");
  EXPECT_TRUE(lies_in_a_file(folder, canary));
  Bytes wide;
  for (const char octet : canary) wide += Bytes{octet, '\0'};
  write_file(folder + "/control", wide);
  EXPECT_TRUE(lies_in_a_file(folder, canary));
}

}  // namespace
}  // namespace satchel::sync::contract
