// Devices that keep so many days of history ($history, Edge::narrow).
#include "schema/model/limits.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

struct Narrow : testing::Test, TwoReps {
  RecordId shop, old_visit, new_visit, next_visit, old_order, old_line;

  Narrow() {
    shop = office.make_account();
    old_visit = of_shop("visits", "plannedStart", -100);
    new_visit = of_shop("visits", "plannedStart", -10);
    next_visit = of_shop("visits", "plannedStart", 50);
    old_order = of_shop("orders", "requestedDelivery", -100);
    old_line = record_id();
    EXPECT_TRUE(office.write([&](sync::CommitBuilder& b) -> Status {
      SATCHEL_TRY(b.create("orderLines", old_line));
      SATCHEL_TRY(b.set("orderLines", old_line, "quantity", Value{std::int64_t{4}}));
      return b.set("orderLines", old_line, "order", Value{to_text(old_order)});
    }));
  }
  RecordId record_id() { return *sync::make_record_id(office.clock.wall_us(), office.entropy); }
  [[nodiscard]] Value day(std::int64_t days) const {
    return Value{office.clock.wall + days * kDayUs};
  }
  RecordId of_shop(const char* collection, const char* field, std::int64_t days) {
    const RecordId id = record_id();
    EXPECT_TRUE(office.write([&](sync::CommitBuilder& b) -> Status {
      SATCHEL_TRY(b.create(collection, id));
      SATCHEL_TRY(b.set(collection, id, "account", Value{to_text(shop)}));
      return b.set(collection, id, field, day(days));
    }));
    return id;
  }
  Status change(const char* collection, const RecordId& id, const char* field, const Value& value) {
    return office.write(
        [&](sync::CommitBuilder& b) { return b.set(collection, id, field, value); });
  }
  void pass_days(int days) {
    for (HandClock* clock : {&office.clock, &ann->clock, &bob->clock}) clock->pass(days * kDayUs);
  }
  // Of shop, old, new and next visit, old order and its line: which are shown.
  std::string held_by(Phone& phone) {
    std::string all;
    for (const RecordId& id : {shop, old_visit, new_visit, next_visit, old_order, old_line})
      all += phone.edge->shown(id, sync::kDefaultPurpose)->has_value() ? '1' : '0';
    return all;
  }
};

TEST_F(Narrow, LetsGoOfOlderHistoryAtOnceAndOfNothingElse) {
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), "111111");
  const auto gone = ann->edge->narrow(30);
  ASSERT_TRUE(gone) << gone.error().message();
  EXPECT_EQ(*gone, 3U);
  EXPECT_EQ(held_by(*ann), "101100");
  ann->restart();
  EXPECT_EQ(ann->edge->state().history_days, 30U);
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), "101100") << "it does not come back";
  EXPECT_EQ(held_by(*bob), "111111") << "others are as they were";
}

TEST_F(Narrow, ANewDeviceGetsNoMoreThanItsDays) {
  ASSERT_TRUE(ann->edge->narrow(30));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "101100");
}

TEST_F(Narrow, AWiderReachBringsEverythingBackWhole) {
  ASSERT_TRUE(ann->edge->narrow(30));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(change("orderLines", old_line, "quantity", Value{std::int64_t{5}}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(*ann->edge->narrow(200), 0U);
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "111111");
  EXPECT_EQ(ann->shows("orderLines", old_line, "quantity"), "5");
  EXPECT_EQ(ann->shows("visits", old_visit, "account"), '"' + to_text(shop) + '"');
  ASSERT_TRUE(ann->edge->narrow(30));
  EXPECT_EQ(held_by(*ann), "101100");
  ASSERT_TRUE(ann->edge->narrow(0));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "111111");
}

TEST_F(Narrow, AWiderReachThatIsCutLeavesNoHalfRecordBehind) {
  ASSERT_TRUE(ann->sync() && ann->edge->narrow(30) && ann->sync());
  ASSERT_TRUE(ann->edge->narrow(0));
  for (int cut = 1; cut < 12; ++cut) {
    int messages = 0;
    static_cast<void>(ann->sync([&](bool, const Bytes&) { return ++messages < cut; }));
    const std::string shown = ann->shows("orderLines", old_line, "quantity");
    EXPECT_TRUE(shown == "4" || shown == "-") << shown;
  }
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "111111");
}

TEST_F(Narrow, WhatIsDatedAnewComesAndGoesWithAllThatIsAsOld) {
  ASSERT_TRUE(ann->edge->narrow(30));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(change("orders", old_order, "note", Value{"late"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "101100") << "an edit alone brings nothing";
  ASSERT_TRUE(change("orders", old_order, "requestedDelivery", day(3)));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "101111");
  EXPECT_EQ(ann->shows("orders", old_order, "note"), "\"late\"") << "whole";
  EXPECT_EQ(ann->shows("orderLines", old_line, "quantity"), "4");
  ASSERT_TRUE(change("orders", old_order, "requestedDelivery", day(-60)));
  ASSERT_TRUE(change("visits", new_visit, "plannedStart", day(-60)));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "100100");
}

TEST_F(Narrow, DaysThatPassTakeTheirHistoryWithThem) {
  ASSERT_TRUE(ann->edge->narrow(30));
  ASSERT_TRUE(ann->sync() && bob->sync());
  pass_days(25);
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), "100100");
  EXPECT_EQ(held_by(*bob), "111111");
  // The server's clock turned back brings nothing of it back by halves.
  office.clock.pass(-20 * kDayUs);
  ASSERT_TRUE(change("visits", new_visit, "skipReason", Value{"ill"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "100100");
}

TEST_F(Narrow, UnsentWorkKeepsItsRecordUntilItIsAnswered) {
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(ann->set("orders", old_order, "note", Value{"mine"}));
  EXPECT_EQ(*ann->edge->narrow(30), 1U) << "the visit";
  EXPECT_EQ(held_by(*ann), "101111") << "an order with work on it keeps its lines too";
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "orders", old_order, "note"), "\"mine\"");
  pass_days(1);
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), "101100");
}

TEST_F(Narrow, KeepsAtMostAHundredYears) {
  EXPECT_TRUE(ann->edge->narrow(limits::kHistoryDaysMax));
  EXPECT_EQ(ann->edge->narrow(limits::kHistoryDaysMax + 1).error().code, Errc::kLimitExceeded);
}

}  // namespace
}  // namespace satchel::test
