// The engine behind a handle: what a write says at the call, and what is there afterwards. Its
// folder is in home_test.cpp, what subscribers are told in subscriptions_test.cpp.
#include <gtest/gtest.h>

#include <thread>

#include <boost/json.hpp>

#include "schema/wire/sealed_commit.hpp"
#include "sync/edge/rows.hpp"
#include "tests/support/replica_home.hpp"

namespace satchel {
namespace {

namespace json = boost::json;
using Form = sdk::WriteScope::Form;
using test::code_of_write;
using test::kCare;
using test::make_record;

json::object fields_of(sdk::Replica& replica, std::string_view collection, const std::string& id) {
  const auto record = replica.get(kCare, collection, id);
  EXPECT_TRUE(record.has_value()) << (record ? "" : record.error().message());
  return record ? json::parse(*record).at("fields").as_object() : json::object{};
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

}  // namespace
}  // namespace satchel
