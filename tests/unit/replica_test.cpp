// The engine behind a handle: who may hold a folder, what a write says at the call, and when
// subscribers are told what.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <fstream>
#include <thread>

#include <boost/json.hpp>

#include "schema/wire/sealed_commit.hpp"
#include "sdk/engine/verify.hpp"
#include "sync/edge/rows.hpp"
#include "tests/support/replica_home.hpp"

namespace satchel {
namespace {

namespace json = boost::json;
using Form = sdk::WriteScope::Form;
using test::kCare;
using test::make_record;

json::object fields_of(sdk::Replica& replica, std::string_view collection, const std::string& id) {
  const auto record = replica.get(kCare, collection, id);
  EXPECT_TRUE(record.has_value()) << (record ? "" : record.error().message());
  return record ? json::parse(*record).at("fields").as_object() : json::object{};
}

Errc code_of_write(sdk::Replica& replica, const std::function<Status(sdk::WriteScope&)>& work) {
  const auto done = test::write(replica, work);
  return done ? static_cast<Errc>(0) : done.error().code;
}

// ---- Folders and keys ---------------------------------------------------------------------------

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

TEST(Replica, KeepsWhatWasWrittenOverSuspensionAndNewKeys) {
  test::ReplicaHome home;
  const auto replica = home.open();
  const std::string id = make_record(*replica, "accounts", R"({"name":"Kept"})");
  ASSERT_TRUE(replica->rotate_keys().has_value());
  ASSERT_TRUE(replica->suspend().has_value());
  EXPECT_EQ(replica->get(kCare, "accounts", id).error().code, Errc::kCancelled);
  {
    // The lock is really given up.
    EXPECT_TRUE(sdk::Replica::open(home.config).has_value());
  }
  ASSERT_TRUE(replica->resume().has_value());
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("name").as_string(), "Kept");
  const auto report = replica->verify();
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->sound);
}

// ---- Writing ------------------------------------------------------------------------------------

TEST(WriteScope, TakesPathsIntoStructsAndMaps) {
  test::ReplicaHome home;
  const auto replica = home.open();
  const std::string id = make_record(*replica, "accounts", R"({"name":"A"})");
  ASSERT_EQ(
      code_of_write(
          *replica,
          [&](sdk::WriteScope& scope) -> Status {
            SATCHEL_TRY(scope.set("accounts", id, "billingAddress.city", "Lyon", Form::kTyped));
            SATCHEL_TRY(scope.set("accounts", id, "billingAddress.country", "\"FR\"", Form::kJson));
            SATCHEL_TRY(scope.set("accounts", id, "openingHours.mon", "08:00-12:00", Form::kTyped));
            SATCHEL_TRY(
                scope.set("accounts", id, "openingHours", R"({"tue":"x","wed":"y"})", Form::kJson));
            SATCHEL_TRY(scope.set("accounts", id, "tags", R"(["b","a"])", Form::kJson));
            SATCHEL_TRY(
                scope.set("accounts", id, "lastVisitAt", "2024-05-01T12:00:00Z", Form::kTyped));
            return scope.add("accounts", id, "visitCount", 3);
          }),
      static_cast<Errc>(0));
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("billingAddress"),
            (json::object{{"city", "Lyon"}, {"country", "FR"}}));
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("openingHours"),
            (json::object{{"mon", "08:00-12:00"}, {"tue", "x"}, {"wed", "y"}}));
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("tags"), (json::array{"a", "b"}));
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("lastVisitAt").as_int64(),
            1'714'564'800'000'000);
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("visitCount").as_int64(), 3);
  ASSERT_EQ(code_of_write(
                *replica,
                [&](sdk::WriteScope& scope) -> Status {
                  SATCHEL_TRY(scope.set("accounts", id, "tags", "", Form::kTyped));
                  SATCHEL_TRY(scope.set("accounts", id, "openingHours.tue", "", Form::kTyped));
                  SATCHEL_TRY(scope.set("accounts", id, "billingAddress.city", "", Form::kTyped));
                  return scope.set("accounts", id, "name", "null", Form::kJson);
                }),
            static_cast<Errc>(0));
  const json::object cleared = fields_of(*replica, "accounts", id);
  EXPECT_FALSE(cleared.contains("tags"));
  EXPECT_FALSE(cleared.contains("name"));
  EXPECT_EQ(cleared.at("openingHours"), (json::object{{"mon", "08:00-12:00"}, {"wed", "y"}}));
  EXPECT_EQ(cleared.at("billingAddress"), (json::object{{"country", "FR"}}));
}

TEST(WriteScope, RefusesAtTheCallAndGoesOn) {
  test::ReplicaHome home;
  const auto replica = home.open();
  const std::string id = make_record(*replica, "accounts", R"({"name":"A"})");
  const auto refused = [&](const std::function<Status(sdk::WriteScope&)>& work) {
    return code_of_write(*replica, work);
  };
  const auto set = [&](std::string_view path, std::string_view text, Form form) {
    return refused(
        [&](sdk::WriteScope& scope) { return scope.set("accounts", id, path, text, form); });
  };
  EXPECT_EQ(set("nothing", "x", Form::kTyped), Errc::kFieldUnknown);
  EXPECT_EQ(set("lastVisitAt", "soon", Form::kTyped), Errc::kTypeMismatch);
  EXPECT_EQ(set("name", "3", Form::kJson), Errc::kTypeMismatch);
  EXPECT_EQ(set("visitCount", "3", Form::kTyped), Errc::kRuleMismatch);
  EXPECT_EQ(set("owner", "bob", Form::kTyped), Errc::kRuleMismatch);
  EXPECT_EQ(refused([&](sdk::WriteScope& scope) {
              return scope.set("nothing", id, "a", "b", Form::kTyped);
            }),
            Errc::kCollectionUnknown);
  EXPECT_EQ(refused([&](sdk::WriteScope& scope) {
              return scope.set("accounts", "018f3c5e-7b1a-7c3d-9e4f-0123456789ab", "name", "x",
                               Form::kTyped);
            }),
            Errc::kRecordUnknown);
  auto scope = replica->begin_write(kCare, sdk::milliseconds{0});
  ASSERT_TRUE(scope.has_value());
  EXPECT_FALSE((*scope)->set("accounts", id, "name", "3", Form::kJson).has_value());
  EXPECT_TRUE((*scope)->set("accounts", id, "name", "B", Form::kTyped).has_value());
  EXPECT_TRUE((*scope)->commit().has_value());
  scope->reset();
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("name").as_string(), "B");
}

TEST(WriteScope, LeavesNothingUnlessCommitted) {
  test::ReplicaHome home;
  const auto replica = home.open();
  const std::string id = make_record(*replica, "accounts", R"({"name":"A"})");
  {
    auto scope = replica->begin_write(kCare, sdk::milliseconds{0});
    ASSERT_TRUE((*scope)->set("accounts", id, "name", "B", Form::kTyped).has_value());
    EXPECT_EQ(json::parse(*(*scope)->get("accounts", id)).at("fields").at("name").as_string(), "B");
    EXPECT_EQ(fields_of(*replica, "accounts", id).at("name").as_string(), "A");
  }
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("name").as_string(), "A");
  EXPECT_EQ(json::parse(*replica->status()).at("next_commit").as_int64(), 2);
}

TEST(WriteScope, WaitsForAnotherOneUntilItsDeadline) {
  test::ReplicaHome home;
  const auto replica = home.open();
  auto open = replica->begin_write(kCare, sdk::milliseconds{0});
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(replica->begin_write(kCare, sdk::milliseconds{0}).error().code, Errc::kUsage);
  EXPECT_EQ(replica->sync_once(sdk::milliseconds{0}, 0).error().code, Errc::kUsage);
  std::thread other{[&] {
    EXPECT_EQ(replica->begin_write(kCare, sdk::milliseconds{50}).error().code, Errc::kTimeout);
    EXPECT_EQ((*open)->commit().error().code, Errc::kUsage);
  }};
  other.join();
  open->reset();
  EXPECT_EQ(replica->begin_write("Nonsense", sdk::milliseconds{0}).error().code,
            Errc::kPolicyDenied);
}

TEST(WriteScope, BringsBackAValueThatLostAndADeletedRecord) {
  test::ReplicaHome home;
  const auto replica = home.open();
  const std::string id = make_record(*replica, "accounts", R"({"name":"A"})");
  ASSERT_EQ(
      code_of_write(*replica, [&](sdk::WriteScope& scope) { return scope.erase("accounts", id); }),
      static_cast<Errc>(0));
  EXPECT_EQ(replica->get(kCare, "accounts", id).error().code, Errc::kRecordDeleted);
  EXPECT_TRUE(replica->query(kCare, "accounts", "", {})->rows.empty());
  EXPECT_TRUE(replica->dump(kCare, false)->rows.empty());
  ASSERT_EQ(code_of_write(*replica,
                          [&](sdk::WriteScope& scope) { return scope.restore("accounts", id); }),
            static_cast<Errc>(0));
  EXPECT_EQ(fields_of(*replica, "accounts", id).at("name").as_string(), "A");
  EXPECT_EQ(code_of_write(*replica,
                          [&](sdk::WriteScope& scope) {
                            return scope.restore_value("accounts", id, "name",
                                                       std::string(32, '0') + ":7");
                          }),
            Errc::kNotFound);
}

TEST(WriteScope, LeavesACopyThatTheServerAloneCanOpen) {
  test::ReplicaHome home;
  {
    const auto replica = home.open();
    make_record(*replica, "accounts", R"({"name":"Sealed"})");
  }
  auto core = sdk::Core::open(home.config);
  ASSERT_TRUE(core.has_value());
  auto txn = (*core)->store->begin_read();
  ASSERT_TRUE(txn.has_value());
  const auto kept = sync::find_commit(**txn, sync::Table::kOutbox, 1, true);
  ASSERT_TRUE(kept.has_value() && kept->has_value());
  Bytes plain;
  crypto::BoxReceiver server{home.server_keys};
  WorkspaceId workspace = (*core)->edge->identity().workspace;
  ASSERT_TRUE(server.open(wire::sealed_commit_binding(workspace), (*kept)->sealed, plain));
  const auto commit = wire::decode_commit(plain);
  ASSERT_TRUE(commit.has_value());
  EXPECT_EQ(commit->header.content_hash, (*kept)->header.content_hash);
  EXPECT_EQ(commit->sections, (*kept)->sections);
  workspace.octets[0] ^= 1;
  EXPECT_FALSE(server.open(wire::sealed_commit_binding(workspace), (*kept)->sealed, plain))
      << "a copy belongs to its workspace";
}

TEST(Sync, WithoutAServerEndsAsUnreachableAndLosesNothing) {
  test::ReplicaHome home;
  const auto replica = home.open();
  make_record(*replica, "accounts", R"({"name":"A"})");
  const auto synced = replica->sync_once(sdk::milliseconds{0}, 1);
  ASSERT_FALSE(synced.has_value());
  EXPECT_EQ(synced.error().code, Errc::kUnreachable);
  EXPECT_EQ(exit_status(synced.error().code), 7);
  EXPECT_EQ(json::parse(*replica->status()).at("pending").as_int64(), 1);
  EXPECT_EQ(replica->pending()->rows.size(), 1U);
}

// ---- Subscriptions ------------------------------------------------------------------------------

// Collects events and waits for them.
class Heard {
 public:
  sdk::EventHandler handler() {
    return [this](const std::shared_ptr<const sdk::Event>& event) {
      const std::lock_guard hold{mutex_};
      for (const std::string& row : event->rows) rows_.push_back(json::parse(row).as_object());
      ++events_;
      changed_.notify_all();
    };
  }
  bool wait_for_rows(std::size_t count) {
    std::unique_lock hold{mutex_};
    return changed_.wait_for(hold, std::chrono::seconds{20}, [&] { return rows_.size() >= count; });
  }
  bool wait_for_events(std::size_t count) {
    std::unique_lock hold{mutex_};
    return changed_.wait_for(hold, std::chrono::seconds{20}, [&] { return events_ >= count; });
  }
  std::vector<json::object> take() {
    const std::lock_guard hold{mutex_};
    return std::exchange(rows_, {});
  }
  std::size_t events() {
    const std::lock_guard hold{mutex_};
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<json::object> rows_;
  std::size_t events_ = 0;
};

TEST(Subscriptions, HearOfChangesWithTheValuesThatAreShown) {
  test::ReplicaHome home;
  const auto replica = home.open();
  const std::string id = make_record(*replica, "accounts", R"({"name":"A"})");
  Heard heard;
  const auto subscription = *replica->observe_changes(kCare, heard.handler());
  ASSERT_EQ(code_of_write(*replica,
                          [&](sdk::WriteScope& scope) {
                            return scope.set("accounts", id, "name", "B", Form::kTyped);
                          }),
            static_cast<Errc>(0));
  ASSERT_TRUE(heard.wait_for_rows(1));
  EXPECT_EQ(heard.take().front(),
            (json::object{
                {"collection", "accounts"}, {"id", id}, {"fields", {{"name", "B"}}}, {"seq", 0}}));
  ASSERT_EQ(
      code_of_write(*replica, [&](sdk::WriteScope& scope) { return scope.erase("accounts", id); }),
      static_cast<Errc>(0));
  ASSERT_TRUE(heard.wait_for_rows(1));
  EXPECT_TRUE(heard.take().front().at("gone").as_bool());
  ASSERT_TRUE(subscription->cancel_and_wait().has_value());
}

TEST(Subscriptions, OfAQueryHearWhatComesStaysAndGoes) {
  test::ReplicaHome home;
  const auto replica = home.open();
  const std::string kept = make_record(*replica, "accounts", R"({"name":"A","type":"shop"})");
  Heard heard;
  const auto subscription =
      *replica->observe_query(kCare, "accounts", "type = \"shop\"", {}, heard.handler());
  ASSERT_TRUE(heard.wait_for_rows(1));
  EXPECT_EQ(heard.take().front().at("change").as_string(), "inserted");
  const auto set = [&](std::string_view path, std::string_view text) {
    EXPECT_EQ(code_of_write(*replica,
                            [&](sdk::WriteScope& scope) {
                              return scope.set("accounts", kept, path, text, Form::kTyped);
                            }),
              static_cast<Errc>(0));
  };
  set("name", "B");
  ASSERT_TRUE(heard.wait_for_rows(1));
  EXPECT_EQ(heard.take().front().at("change").as_string(), "updated");
  set("type", "office");
  ASSERT_TRUE(heard.wait_for_rows(1));
  EXPECT_EQ(heard.take().front(), (json::object{{"change", "removed"}, {"id", kept}}));
  EXPECT_EQ(replica->observe_query(kCare, "accounts", "type =", {}, heard.handler()).error().code,
            Errc::kQueryInvalid);
  ASSERT_TRUE(subscription->cancel_and_wait().has_value());
}

TEST(Subscriptions, AreToldTheWholeStatusAndFirstAtOnce) {
  test::ReplicaHome home;
  const auto replica = home.open();
  Heard heard;
  const auto subscription = replica->observe_status(heard.handler());
  ASSERT_TRUE(heard.wait_for_rows(1));
  EXPECT_EQ(heard.take().back().at("pending").as_int64(), 0);
  make_record(*replica, "accounts", R"({"name":"A"})");
  ASSERT_TRUE(heard.wait_for_rows(1));
  EXPECT_EQ(heard.take().back().at("pending").as_int64(), 1);
  ASSERT_TRUE(subscription->cancel_and_wait().has_value());
}

TEST(Subscriptions, BeginNoCallbackOnceCancelled) {
  test::ReplicaHome home;
  const auto replica = home.open();
  Heard heard;
  const auto subscription = *replica->observe_changes(kCare, heard.handler());
  subscription->cancel();
  make_record(*replica, "accounts", R"({"name":"A"})");
  Heard later;
  const auto status = replica->observe_status(later.handler());
  ASSERT_TRUE(later.wait_for_events(1));  // The queue went by.
  EXPECT_EQ(heard.events(), 0U);
}

TEST(Subscriptions, CancelledFromTheirOwnCallbackDoNotWaitForThemselves) {
  test::ReplicaHome home;
  const auto replica = home.open();
  std::shared_ptr<sdk::Subscription> subscription;
  std::mutex mutex;
  std::condition_variable called;
  std::optional<Errc> answer;
  std::optional<Errc> blocking;
  const auto handler = [&](const std::shared_ptr<const sdk::Event>&) {
    const Status waited = subscription->cancel_and_wait();
    const auto synced = replica->sync_once(sdk::milliseconds{0}, 0);
    const std::lock_guard hold{mutex};
    answer = waited ? static_cast<Errc>(0) : waited.error().code;
    blocking = synced ? static_cast<Errc>(0) : synced.error().code;
    called.notify_all();
  };
  subscription = *replica->observe_changes(kCare, handler);
  make_record(*replica, "accounts", R"({"name":"A"})");
  std::unique_lock hold{mutex};
  ASSERT_TRUE(called.wait_for(hold, std::chrono::seconds{20}, [&] { return answer.has_value(); }));
  EXPECT_EQ(*answer, Errc::kUsage);
  EXPECT_EQ(*blocking, Errc::kUsage);
}

TEST(Subscriptions, MayReadAndWriteInTheirCallback) {
  test::ReplicaHome home;
  const auto replica = home.open();
  Heard heard;
  std::atomic<bool> wrote{false};
  const auto inner = heard.handler();
  const auto handler = [&](const std::shared_ptr<const sdk::Event>& event) {
    if (!wrote.exchange(true)) make_record(*replica, "tasks", R"({"title":"call back"})");
    inner(event);
  };
  const auto subscription = *replica->observe_changes(kCare, handler);
  make_record(*replica, "accounts", R"({"name":"A"})");
  ASSERT_TRUE(heard.wait_for_rows(2));
  EXPECT_EQ(heard.take().back().at("collection").as_string(), "tasks");
  ASSERT_TRUE(subscription->cancel_and_wait().has_value());
}

// The host's loop takes tasks; what it gives up is made good by the next event.
TEST(Subscriptions, RunWhereTheHostPutsThem) {
  test::ReplicaHome home;
  std::mutex mutex;
  std::condition_variable posted;
  std::vector<std::function<void()>> tasks;
  home.config.post = [&](std::function<void()> task) {
    const std::lock_guard hold{mutex};
    tasks.push_back(std::move(task));
    posted.notify_all();
  };
  const auto take_task = [&] {
    std::unique_lock hold{mutex};
    EXPECT_TRUE(posted.wait_for(hold, std::chrono::seconds{20}, [&] { return !tasks.empty(); }));
    auto task = std::move(tasks.back());
    tasks.pop_back();
    return task;
  };
  const auto replica = home.open();
  Heard heard;
  const auto subscription = *replica->observe_changes(kCare, heard.handler());
  make_record(*replica, "accounts", R"({"name":"A"})");
  take_task() = nullptr;
  EXPECT_EQ(heard.events(), 0U);
  make_record(*replica, "accounts", R"({"name":"B"})");
  take_task()();
  EXPECT_EQ(heard.events(), 1U);
  EXPECT_EQ(heard.take().size(), 2U);  // Coalesced: both records in one event.
  ASSERT_TRUE(subscription->cancel_and_wait().has_value());
}

}  // namespace
}  // namespace satchel
