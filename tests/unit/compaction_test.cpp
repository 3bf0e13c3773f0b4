// What the server lets go of, when, and what that does to who comes late (sync.md, Life and death).
#include "sync/hub/compaction.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Compaction;

constexpr std::int64_t kDayUs = 86'400LL * 1'000'000;

struct Old : Field {
  RecordId id = shared_account();

  Compaction::Plan plan() {
    auto plan = Compaction{*office.hub, {}}.plan();
    EXPECT_TRUE(plan) << plan.error().message();
    return plan ? *plan : Compaction::Plan{};
  }
  void compact() {
    Compaction compaction{*office.hub, {}};
    const auto found = *compaction.plan();
    auto txn = office.hub->begin();
    ASSERT_TRUE(compaction.expire(**txn, found.expired));
    ASSERT_TRUE(compaction.drop_dead(**txn, found.dead, found.stable));
    ASSERT_TRUE(compaction.settle(**txn, found.settled, found.stable));
    ASSERT_TRUE((*txn)->commit());
  }
  // The others' clocks too: a stamp is nobody's guess at the future.
  void pass_days(std::int64_t days) {
    office.clock.pass(days * kDayUs);
    for (Phone* phone : {ann.get(), bob.get(), eve.get()}) phone->clock.pass(days * kDayUs);
  }
  bool on_server(const RecordId& record) { return office.hub->find_record(record)->has_value(); }
  std::size_t siblings(const RecordId& record, const char* field) {
    const auto held = *office.hub->find_record(record);
    return held->find(crm()->find("accounts")->find(field)->id)->state.siblings.size();
  }
};

TEST_F(Old, ADeletedRecordGoesOnceEverybodyHasSeenItDeleted) {
  ASSERT_TRUE(ann->erase("accounts", id));
  ASSERT_TRUE(ann->sync() && eve->sync());
  EXPECT_TRUE(plan().dead.empty()) << "bob has not heard of it";
  compact();
  EXPECT_TRUE(on_server(id));
  everybody_syncs();
  EXPECT_EQ(plan().dead.size(), 1U);
  compact();
  EXPECT_FALSE(on_server(id));
  EXPECT_GT(office.hub->state().compaction_floor, 0U);
  everybody_syncs();
  EXPECT_EQ(bob->shows("accounts", id, "industry"), "dead");
  office.restart();
  EXPECT_GT(office.hub->state().compaction_floor, 0U) << "it outlives the process";
}

// A cursor alone is not enough: a pending write would resurrect what was removed.
TEST_F(Old, ADeletedRecordWaitsForWhatWasWrittenBeforeItsDeleteWasSeen) {
  ASSERT_TRUE(ann->erase("accounts", id));
  ASSERT_TRUE(ann->sync() && eve->sync());
  ASSERT_TRUE(bob->set("accounts", id, "size", Value{"big"}));
  // He takes the page and says so, but his push does not arrive.
  const auto cut = [](bool to_hub, const Bytes& message) {
    const auto frame = wire::decode_frame(message);
    return !to_hub || !frame || !std::holds_alternative<wire::Push>(*frame);
  };
  static_cast<void>(bob->sync(cut));
  EXPECT_TRUE(plan().dead.empty());
  everybody_syncs();
  EXPECT_EQ(hub_shows(office, *ann, "accounts", id, "size"), "\"big\"") << "the edit won";
}

TEST_F(Old, NobodyWaitsForADeviceThatIsRevoked) {
  ASSERT_TRUE(ann->erase("accounts", id));
  ASSERT_TRUE(ann->sync() && eve->sync());
  auto txn = office.hub->begin();
  auto device = *(*txn)->find_device(bob->edge->identity().device);
  device->revoked = true;
  ASSERT_TRUE((*txn)->put_device(*device) && (*txn)->commit());
  txn->reset();
  EXPECT_EQ(plan().dead.size(), 1U);
}

TEST_F(Old, WhoComesBackAfterNinetyOneDaysBeginsAnewAndKeepsHisWork) {
  const RecordId living = ann->create("accounts", "industry", Value{"food"});
  const RecordId after = ann->create("accounts", "industry", Value{"glass"});
  everybody_syncs();
  // Unsent: to a record that will be gone, to one that will have been changed, and a new one.
  ASSERT_TRUE(bob->set("accounts", id, "size", Value{"lost to nobody"}));
  ASSERT_TRUE(bob->set("accounts", living, "industry", Value{"bob's"}));
  const RecordId made = bob->create("accounts", "industry", Value{"new"});
  ASSERT_TRUE(ann->erase("accounts", id));
  ASSERT_TRUE(ann->set("accounts", living, "industry", Value{"ann's"}));
  ASSERT_TRUE(ann->sync() && eve->sync());
  pass_days(91);
  ASSERT_TRUE(ann->sync() && eve->sync() && ann->sync());
  ASSERT_EQ(plan().expired.size(), 1U) << "bob is not waited for any more";
  compact();
  ASSERT_FALSE(on_server(id));
  ASSERT_TRUE(ann->erase("accounts", after));
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(siblings(living, "industry"), 2U) << "his old edit stays concurrent with the newer one";
  EXPECT_EQ(hub_shows(office, *ann, "accounts", made, "industry"), "\"new\"");
  EXPECT_FALSE(on_server(id)) << "what was compacted does not come back";
  const auto inbox = *bob->edge->inbox();
  ASSERT_EQ(inbox.size(), 1U);
  EXPECT_EQ(inbox[0].result.rule, "unknown-record");
  ASSERT_EQ(inbox[0].commit.body.records.size(), 1U);
  EXPECT_EQ(inbox[0].commit.body.records[0].id, id);
  EXPECT_EQ(*decode_value(inbox[0].commit.body.records[0].writes[0].value),
            Value{"lost to nobody"});
  EXPECT_EQ(bob->edge->pending_count(), 0U);
  EXPECT_EQ(bob->shows("accounts", id, "industry"), "-");
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", living, "industry"),
              hub_shows(office, *ann, "accounts", living, "industry"));
  }
}

// Even where log and compaction would let it go on, and a cut changes nothing of that.
TEST_F(Old, WhoWasAwayTooLongBeginsAnewThoughHisFirstSessionIsCut) {
  pass_days(91);
  ASSERT_TRUE(ann->sync() && eve->sync());
  std::size_t restarts = 0;
  const auto count = [&](bool cut) {
    return [&restarts, cut](bool to_hub, const Bytes& message) {
      const auto frame = wire::decode_frame(message);
      if (to_hub || !frame) return true;
      if (const auto* changes = std::get_if<wire::Changes>(&*frame)) {
        if (cut) return false;
        restarts += changes->restart ? 1 : 0;
      }
      return true;
    };
  };
  EXPECT_FALSE(bob->sync(count(true)));
  ASSERT_TRUE(bob->sync(count(false)));
  EXPECT_EQ(restarts, 1U);
  ASSERT_TRUE(bob->sync(count(false)));
  EXPECT_EQ(restarts, 1U) << "once is enough";
  EXPECT_EQ(bob->shows("accounts", id, "industry"), "\"retail\"");
}

TEST_F(Old, ALoserIsSettledWhenItIsOldEnoughAndStaysAway) {
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"ann's"}));
  bob->clock.pass(1'000);
  ASSERT_TRUE(bob->set("accounts", id, "industry", Value{"bob's"}));
  everybody_syncs();
  ASSERT_EQ(siblings(id, "industry"), 2U);
  const std::string shown = hub_shows(office, *ann, "accounts", id, "industry");
  pass_days(89);
  everybody_syncs();
  EXPECT_EQ(plan().losers, 0U) << "it is not old enough";
  pass_days(2);
  everybody_syncs();
  EXPECT_EQ(plan().losers, 1U);
  compact();
  EXPECT_EQ(siblings(id, "industry"), 1U);
  EXPECT_EQ(plan().losers, 0U);
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "industry"), shown);
    const auto record = **phone->edge->shown(id, sync::kDefaultPurpose);
    const FieldId field = crm()->find("accounts")->find("industry")->id;
    EXPECT_EQ(record.find(field)->state.siblings.size(), 1U) << "everybody is told";
    EXPECT_EQ(record.find(field)->state.context,
              (*office.hub->find_record(id))->find(field)->state.context);
  }
}

TEST_F(Old, ALoserStaysWhileSomebodyHasNotSeenIt) {
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"ann's"}));
  ASSERT_TRUE(bob->set("accounts", id, "industry", Value{"bob's"}));
  pass_days(89);
  ASSERT_TRUE(eve->sync());
  pass_days(2);
  ASSERT_TRUE(ann->sync() && bob->sync() && ann->sync());
  EXPECT_EQ(plan().losers, 0U);
}

}  // namespace
}  // namespace satchel::test
