// A replica's folder: who may hold it, which key opens it, what a copy and a wipe of it are.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/json.hpp>

#include "sdk/engine/verify.hpp"
#include "sync/edge/rows.hpp"
#include "tests/support/replica_home.hpp"

namespace satchel {
namespace {

namespace json = boost::json;
using test::make_record;

TEST(Home, IsHeldByOneHandleAtATime) {
  test::ReplicaHome home;
  const auto first = home.open();
  const auto second = sdk::Replica::open(home.config);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kStoreBusy);
  EXPECT_NE(second.error().context.find(std::to_string(::getpid())), std::string::npos);
}

TEST(Home, IsWaitedForAsLongAsIsAllowed) {
  test::ReplicaHome home;
  auto first = home.open();
  std::thread releasing{[&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    first.reset();
  }};
  home.config.lock_wait = std::chrono::seconds{20};
  EXPECT_TRUE(sdk::Replica::open(home.config).has_value());
  releasing.join();
}

TEST(Home, WithoutAReplicaSaysSo) {
  const test::TemporaryFolder folder;
  sdk::Config config;
  config.path = folder.path() + "/nothing";
  EXPECT_EQ(sdk::Replica::open(config).error().code, Errc::kStoreMissing);
  config.path = folder.path();
  EXPECT_EQ(sdk::Replica::open(config).error().code, Errc::kStoreMissing);
}

TEST(Home, TellsAWrongALostAndAMalformedKeyApart) {
  test::ReplicaHome home;
  test::ReplicaHome other;
  const std::string key_file = home.config.path + "/key";
  std::filesystem::rename(key_file, key_file + ".kept");
  EXPECT_EQ(sdk::Replica::open(home.config).error().code, Errc::kKeyLost);
  std::filesystem::copy_file(other.config.path + "/key", key_file);
  EXPECT_EQ(sdk::Replica::open(home.config).error().code, Errc::kKeyWrong);
  std::filesystem::remove(key_file);
  std::ofstream{key_file} << "short";
  std::filesystem::permissions(
      key_file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(sdk::Replica::open(home.config).error().code, Errc::kKeyMalformed);
  std::filesystem::rename(key_file + ".kept", key_file);
  EXPECT_TRUE(sdk::Replica::open(home.config).has_value());
}

TEST(Home, WithoutItsFolderOfKeysNamesTheFileAndWhatIsLostWithIt) {
  test::ReplicaHome home;
  const std::string keys = home.config.path + "/replica/keys";
  const auto refused = [&] {
    const auto opened = sdk::Replica::open(home.config);
    EXPECT_FALSE(opened.has_value());
    if (opened) return;
    EXPECT_EQ(opened.error().code, Errc::kKeyLost);
    EXPECT_TRUE(opened.error().context.starts_with("replica/keys/data.mdb is missing: "));
    EXPECT_NE(opened.error().context.find("unsent work cannot be read"), std::string::npos);
  };
  std::filesystem::rename(keys, keys + ".kept");
  refused();
  const auto verified = sdk::verify_home(home.config);
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(json::parse(verified->json).at("key"), "lost");
  std::filesystem::create_directory(keys);
  std::ofstream{keys + "/data.mdb"};
  refused();
  std::filesystem::remove_all(keys);
  std::filesystem::rename(keys + ".kept", keys);
  EXPECT_TRUE(sdk::Replica::open(home.config).has_value());
}

TEST(Home, OfWhichTheStateRottedSaysThatHealCannotMendIt) {
  const test::ReplicaHome home;
  {
    const auto core = std::move(*sdk::Core::open_store_alone(home.config));
    ASSERT_TRUE(sdk::put_meta(*core->store, sync::kEdgeStateKey, "garbage"));
  }
  const auto opened = sdk::Replica::open(home.config);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Errc::kStoreCorrupt);
  EXPECT_NE(opened.error().context.find("heal cannot mend this: enrol again in another home"),
            std::string::npos);
}

TEST(Home, WithAnothersSignerWorksOnAndSaysWhyItCannotSync) {
  test::ReplicaHome home;
  const test::ReplicaHome other;
  const std::string signer = home.config.path + "/signer";
  std::filesystem::rename(signer, signer + ".kept");
  std::filesystem::copy_file(other.config.path + "/signer", signer);
  {
    const auto replica = home.open();
    make_record(*replica, "accounts", R"({"name":"A"})");
    const auto synced = replica->sync_once(sdk::milliseconds{0}, 0);
    ASSERT_FALSE(synced.has_value());
    EXPECT_EQ(synced.error().code, Errc::kKeyWrong);
    EXPECT_NE(synced.error().context.find("(file signer) is not this replica's"),
              std::string::npos);
  }
  const auto verified = sdk::verify_home(home.config);
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(verified->sound.error().code, Errc::kKeyWrong);
  std::filesystem::rename(signer + ".kept", signer);
  const auto synced = home.open()->sync_once(sdk::milliseconds{0}, 0);
  ASSERT_FALSE(synced.has_value());
  EXPECT_EQ(synced.error().code, Errc::kUnreachable) << "the next thing that is in the way";
}

TEST(Home, ThatWasCopiedIsNoticed) {
  test::ReplicaHome home;
  const auto moved = [&](const std::string& path) {
    sdk::Config config = home.config;
    config.path = path;
    const auto replica = sdk::Replica::open(config);
    EXPECT_TRUE(replica.has_value());
    return json::parse(*(*replica)->status()).at("moved").as_bool();
  };
  EXPECT_FALSE(moved(home.config.path));
  EXPECT_FALSE(moved(home.config.path));
  const std::string copy = home.folder.path() + "/copy";
  std::filesystem::copy(home.config.path, copy, std::filesystem::copy_options::recursive);
  EXPECT_TRUE(moved(copy));
  EXPECT_FALSE(moved(home.config.path));
}

TEST(Home, OfWhichTheWipeWasCutIsWipedWhenItIsNextOpened) {
  test::ReplicaHome home;
  std::ofstream{home.config.path + "/wiping"} << "wiping\n";
  std::filesystem::remove_all(home.config.path + "/replica/keys");
  const auto opened = sdk::Replica::open(home.config);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Errc::kDeviceWiped);
  EXPECT_NE(opened.error().context.find("enrol again"), std::string::npos);
  for (const char* name : {"/replica", "/key", "/signer", "/install", "/wiping"})
    EXPECT_FALSE(std::filesystem::exists(home.config.path + name)) << name;
  EXPECT_EQ(sdk::Replica::open(home.config).error().code, Errc::kStoreMissing);
}

// A device node, a pipe, a folder: the mark must not take its place, nor a wipe take it away.
TEST(Home, LeavesWhatIsNoFileWhereItIs) {
  for (const bool pipe : {true, false}) {
    test::ReplicaHome home;
    const std::string odd = home.folder.path() + "/odd";
    if (pipe) {
      ASSERT_EQ(::mkfifo(odd.c_str(), 0600), 0);
    } else {
      std::filesystem::create_directories(odd + "/within");
    }
    sdk::Config config = home.config;
    config.install_file = odd;
    const auto opened = sdk::Replica::open(config);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Errc::kFileWrite);
    ASSERT_TRUE(sdk::Replica::wipe(config).has_value());
    EXPECT_TRUE(pipe ? std::filesystem::is_fifo(odd) : std::filesystem::exists(odd + "/within"));
  }
}

TEST(Home, OnceWipedHoldsNoKeyAndNoStore) {
  test::ReplicaHome home;
  auto replica = home.open();
  EXPECT_EQ(sdk::Replica::wipe(home.config).error().code, Errc::kStoreBusy);
  replica.reset();
  ASSERT_TRUE(sdk::Replica::wipe(home.config).has_value());
  EXPECT_EQ(sdk::Replica::open(home.config).error().code, Errc::kStoreMissing);
  EXPECT_FALSE(std::filesystem::exists(home.config.path + "/key"));
  EXPECT_FALSE(std::filesystem::exists(home.config.path + "/replica"));
}

}  // namespace
}  // namespace satchel
