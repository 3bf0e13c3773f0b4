// When subscribers are told what, on whose thread, and that a cancelled one hears no more.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <boost/json.hpp>

#include "tests/support/replica_home.hpp"

namespace satchel {
namespace {

namespace json = boost::json;
using Form = sdk::WriteScope::Form;
using test::code_of_write;
using test::kCare;
using test::make_record;

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
