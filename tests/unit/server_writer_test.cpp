// The server's writer: groups, fates, limits.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "crypto/entropy.hpp"
#include "schema/catalog/built_in.hpp"
#include "schema/model/limits.hpp"
#include "server/app/system_clock.hpp"
#include "server/app/writer.hpp"
#include "sync/hub/scoping.hpp"
#include "sync/store/memory/memory_store.hpp"

namespace satchel::server {
namespace {

class WriterTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = sync::MemoryStore::open(disk_);
    ASSERT_TRUE(store);
    store_ = std::move(*store);
    auto catalog = schema::built_in_crm();
    ASSERT_TRUE(catalog) << catalog.error().message();
    sync::Hub::Parts parts{.store = *store_,
                           .clock = clock_,
                           .entropy = entropy_,
                           .unseal = {},
                           .receipt_key = Bytes(32, 'k')};
    auto hub = sync::Hub::create(parts, WorkspaceId{}, *catalog);
    ASSERT_TRUE(hub) << hub.error().message();
    hub_ = std::move(*hub);
    writer_ = std::make_unique<Writer>(
        *hub_, Writer::Hooks{.after_commit = [this] { ++commits_; },
                             .on_latched = [this](const Error&) { ++latches_; }});
  }
  void TearDown() override {
    open_gate();
    writer_.reset();
  }

  static sync::User user(const std::string& name) {
    sync::User user;
    user.name = name;
    return user;
  }
  // Keeps the writer busy until open_gate().
  void close_gate() {
    std::promise<void> entered;
    Writer::Job job{.run = [this, &entered](sync::HubTxn&) -> Status {
                      entered.set_value();
                      gate_.get_future().wait();
                      return {};
                    },
                    .done = [](const Status&) {},
                    .alone = true};
    ASSERT_TRUE(writer_->try_submit(job));
    entered.get_future().wait();
    gate_closed_ = true;
  }
  void open_gate() {
    if (gate_closed_) gate_.set_value();
    gate_closed_ = false;
  }
  // A job that puts a user and then ends with `end`; its outcome goes to `outcomes_`.
  bool submit(const std::string& name, const Status& end = {}, bool alone = false) {
    Writer::Job job{.run = [name, end](sync::HubTxn& txn) -> Status {
                      SATCHEL_TRY(txn.put_user(user(name)));
                      return end;
                    },
                    .done =
                        [this, name](const Status& durable) {
                          const std::lock_guard lock{mutex_};
                          outcomes_.emplace(name, durable);
                        },
                    .alone = alone};
    return writer_->try_submit(job);
  }
  // Waits until everything submitted before has its outcome.
  void settle() {
    open_gate();
    writer_->stop();
  }
  bool holds(const std::string& name) { return hub_->find_user(name)->has_value(); }
  std::optional<Errc> outcome(const std::string& name) {
    const auto found = outcomes_.find(name);
    if (found == outcomes_.end()) return Errc::kNotFound;
    if (found->second) return std::nullopt;
    return found->second.error().code;
  }

  std::shared_ptr<sync::MemoryDisk> disk_ =
      std::make_shared<sync::MemoryDisk>(sync::MemoryDisk::Options{});
  SystemClock clock_;
  crypto::SystemEntropy entropy_;
  std::unique_ptr<sync::MemoryStore> store_;
  std::unique_ptr<sync::Hub> hub_;
  std::atomic<int> commits_ = 0;
  std::atomic<int> latches_ = 0;
  std::unique_ptr<Writer> writer_;
  std::promise<void> gate_;
  bool gate_closed_ = false;
  std::mutex mutex_;
  std::map<std::string, Status> outcomes_;
};

TEST_F(WriterTest, WhatWaitsBecomesOneCommit) {
  close_gate();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(submit("user" + std::to_string(i)));
  settle();
  EXPECT_EQ(commits_, 2);  // The gate's, and one for all ten.
  EXPECT_EQ(outcomes_.size(), 10u);
  EXPECT_EQ(outcome("user9"), std::nullopt);
  EXPECT_TRUE(holds("user0"));
  EXPECT_TRUE(holds("user9"));
}

TEST_F(WriterTest, AFailedJobLeavesNothingOfItself) {
  ASSERT_TRUE(submit("ann", Error{Errc::kAlreadyExists}, true));
  ASSERT_TRUE(submit("bob", {}, true));
  settle();
  EXPECT_EQ(outcome("ann"), Errc::kAlreadyExists);
  EXPECT_FALSE(holds("ann"));
  EXPECT_EQ(outcome("bob"), std::nullopt);
  EXPECT_TRUE(holds("bob"));
}

TEST_F(WriterTest, AJobThatIsAloneSharesNoFate) {
  close_gate();
  ASSERT_TRUE(submit("ann"));
  ASSERT_TRUE(submit("bob", Error{Errc::kAlreadyExists}, true));
  ASSERT_TRUE(submit("cay"));
  settle();
  EXPECT_TRUE(holds("ann"));
  EXPECT_FALSE(holds("bob"));
  EXPECT_TRUE(holds("cay"));
}

TEST_F(WriterTest, OfAGroupThatFailedNothingIsThereAndTheOthersTryAgain) {
  close_gate();
  ASSERT_TRUE(submit("ann"));
  ASSERT_TRUE(submit("bob", Error{Errc::kCommitInvalid}));
  ASSERT_TRUE(submit("cay"));
  settle();
  EXPECT_EQ(outcome("ann"), Errc::kBackpressure);
  EXPECT_EQ(outcome("bob"), Errc::kCommitInvalid);
  EXPECT_EQ(outcome("cay"), Errc::kBackpressure);
  EXPECT_FALSE(holds("ann"));
  EXPECT_FALSE(holds("cay"));
  EXPECT_EQ(latches_, 0);
}

TEST_F(WriterTest, AFullDiskIsToldToEveryJobOfTheGroupAndPasses) {
  close_gate();
  disk_->fail_after(2, Errc::kStoreDiskFull);  // The gate's commit and the first put go through.
  ASSERT_TRUE(submit("ann"));
  ASSERT_TRUE(submit("bob"));
  open_gate();
  ASSERT_TRUE(writer_->run([](sync::HubTxn& txn) { return txn.put_user(user("cay")); }));
  settle();
  EXPECT_EQ(outcome("ann"), Errc::kStoreDiskFull);
  EXPECT_EQ(outcome("bob"), Errc::kStoreDiskFull);
  EXPECT_FALSE(holds("ann"));
  EXPECT_TRUE(holds("cay"));
  EXPECT_EQ(latches_, 0);
}

TEST_F(WriterTest, AnInputOutputErrorLatches) {
  disk_->fail_after(1, Errc::kStoreLatched);  // The put goes through, the commit does not.
  const Status durable = writer_->run([](sync::HubTxn& txn) { return txn.put_user(user("ann")); });
  ASSERT_FALSE(durable);
  EXPECT_EQ(durable.error().code, Errc::kStoreLatched);
  settle();
  EXPECT_EQ(latches_, 1);
}

TEST_F(WriterTest, TheQueueTakesItsLimitAndNotOneMore) {
  close_gate();
  for (std::size_t i = 0; i < limits::kWriterQueueMax; ++i) {
    ASSERT_TRUE(submit("user" + std::to_string(i))) << i;
  }
  EXPECT_FALSE(submit("late"));
  std::promise<void> room;
  writer_->when_room([&room] { room.set_value(); });
  open_gate();
  room.get_future().wait();
  EXPECT_TRUE(submit("late"));
  settle();
  EXPECT_TRUE(holds("late"));
  EXPECT_EQ(outcomes_.size(), limits::kWriterQueueMax + 1);
}

TEST_F(WriterTest, StoppingFinishesWhatIsQueuedAndTakesNothingMore) {
  close_gate();
  ASSERT_TRUE(submit("ann"));
  settle();
  EXPECT_TRUE(holds("ann"));
  EXPECT_FALSE(submit("bob"));
  bool called = false;
  writer_->when_room([&called] { called = true; });
  EXPECT_TRUE(called);
  const Status late = writer_->run([](sync::HubTxn&) { return Status{}; });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kBackpressure);
}

// An account with more contacts than one commit moves.
RecordId account_of_many(Writer& writer, std::size_t contacts) {
  const RecordId account = *parse_record_id("01900000-0000-7000-8000-000000000001");
  EXPECT_TRUE(writer.run([&](sync::HubTxn& txn) -> Status {
    auto builder = txn.builder();
    SATCHEL_TRY(builder.create("accounts", account));
    SATCHEL_TRY(builder.set("accounts", account, "name", Value{"Shop"}));
    SATCHEL_TRY(builder.set("accounts", account, "territory", Value{"north"}));
    for (std::size_t i = 0; i < contacts; ++i) {
      RecordId id = account;
      id.octets[14] = static_cast<std::uint8_t>(1 + i / 256);
      id.octets[15] = static_cast<std::uint8_t>(i % 256);
      SATCHEL_TRY(builder.create("contacts", id));
      SATCHEL_TRY(builder.set("contacts", id, "account", Value{to_text(account)}));
    }
    auto body = builder.finish();
    if (!body) return body.error();
    auto written = txn.write(std::move(*body), "admin", std::string{sync::kDefaultPurpose});
    return written ? Status{} : Status{written.error()};
  }));
  return account;
}

TEST_F(WriterTest, RecordsThatWaitToMoveDoSoThoughAnotherJobFails) {
  const RecordId account = account_of_many(*writer_, sync::kDependentsInCommitMax + 1);
  close_gate();
  Writer::Job hand_over{
      .run = [&](sync::HubTxn& txn) -> Status {
        auto builder = txn.builder();
        SATCHEL_TRY(builder.set("accounts", account, "territory", Value{"south"}));
        auto body = builder.finish();
        if (!body) return body.error();
        auto written = txn.write(std::move(*body), "admin", std::string{sync::kDefaultPurpose});
        return written ? Status{} : Status{written.error()};
      },
      .done = [](const Status& durable) { EXPECT_TRUE(durable); },
      .alone = true};
  std::promise<std::uint64_t> waited;
  Writer::Job refused{.run = [](sync::HubTxn&) -> Status { return Error{Errc::kCancelled}; },
                      .done = [&](const Status&) { waited.set_value(hub_->state().rescoping); },
                      .alone = true};
  ASSERT_TRUE(writer_->try_submit(hand_over) && writer_->try_submit(refused));
  open_gate();
  EXPECT_EQ(waited.get_future().get(), 1U) << "nothing moved before the job that fails";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (hub_->state().rescoping > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  EXPECT_EQ(hub_->state().rescoping, 0U);
}

TEST_F(WriterTest, RunGivesTheWorksOwnError) {
  const Status refused = writer_->run([](sync::HubTxn& txn) -> Status {
    SATCHEL_TRY(txn.put_user(user("ann")));
    return Error{Errc::kNotFound, "x"};
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{Errc::kNotFound, "x"}));
  EXPECT_FALSE(holds("ann"));
}

}  // namespace
}  // namespace satchel::server
