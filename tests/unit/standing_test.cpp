// A device never looks empty: what it holds stands, record by record, until the pages of another
// reading have taken its place (sync.md, Restores and clones).
#include "tests/support/workplace.hpp"

#include <set>

namespace satchel::test {
namespace {

using sync::Role;

struct Standing : testing::Test, TwoReps {
  std::vector<RecordId> made;
  sync::MemoryVersion backup;

  Standing() {
    for (int i = 0; i < 30; ++i)
      made.push_back(ann->create("accounts", "description", Value{std::string(300, 'd')}));
    EXPECT_TRUE(ann->sync() && bob->sync());
    backup = office.disk->snapshot();
  }
  Status count(Phone& phone, std::int64_t n) {
    return phone.add("accounts", made[0], "visitCount", n);
  }
  // What a device shows of all accounts, by id.
  static std::map<RecordId, std::string> all_of(Phone& phone) {
    std::map<RecordId, std::string> rows;
    const Status read = phone.edge->visit(0, sync::kDefaultPurpose, [&](const sync::Record& each) {
      std::string& row = rows[each.id];
      for (const char* field : {"description", "visitCount", "website", "industry"})
        row += phone.shown_in(each, "accounts", field) + ' ';
      return true;
    });
    EXPECT_TRUE(read);
    return rows;
  }
  // One exchange, in which no more than so many messages reach the device.
  static Status sync_cut(Phone& phone, int messages) {
    return phone.sync([&](bool to_hub, const Bytes&) { return to_hub || messages-- > 0; });
  }
  // After every such exchange, as it is and after a crash, the device shows what it did.
  void expect_standing(Phone& phone, const std::map<RecordId, std::string>& wanted) {
    bool done = false;
    for (int messages = 0; !done && messages < 100; ++messages) {
      done = sync_cut(phone, messages).has_value();
      if (done) break;
      EXPECT_EQ(all_of(phone), wanted) << "cut after " << messages;
      phone.restart();
      EXPECT_EQ(all_of(phone), wanted) << "crashed after " << messages;
    }
    EXPECT_TRUE(done);
    EXPECT_EQ(phone.edge->state().stale_through, 0U);
  }
};

TEST_F(Standing, ARestoreOfTheServerIsNotSeenOnADeviceWhoseSessionIsCut) {
  ASSERT_TRUE(count(*ann, 2));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(count(*ann, 3));
  ASSERT_TRUE(ann->set("accounts", made[7], "website", Value{"late"}));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(count(*ann, 40));  // Not sent yet.
  const auto before = all_of(*ann);
  ASSERT_EQ(ann->shows("accounts", made[0], "visitCount"), "45");
  office.restore(backup);
  ASSERT_FALSE(ann->sync()) << "a raw copy is noticed";
  expect_standing(*ann, before);
  EXPECT_EQ(all_of(*ann), before);
  EXPECT_EQ(hub_shows(office, *ann, "accounts", made[0], "visitCount"), "45");
  EXPECT_EQ(hub_shows(office, *ann, "accounts", made[7], "website"), "\"late\"");
}

TEST_F(Standing, WhatTheRestoredServerDoesNotHaveIsGoneAtTheEndAndNotBefore) {
  const RecordId lost = bob->create("accounts", "website", Value{"of bob"});
  ASSERT_TRUE(bob->sync() && ann->sync());
  auto before = all_of(*ann);
  ASSERT_TRUE(before.contains(lost));
  office.restore(backup);
  ASSERT_FALSE(ann->sync());
  expect_standing(*ann, before);
  before.erase(lost);
  EXPECT_EQ(all_of(*ann), before);
  ASSERT_TRUE(bob->sync() && ann->sync());
  EXPECT_EQ(ann->shows("accounts", lost, "website"), "\"of bob\"") << "its author brought it back";
}

TEST_F(Standing, ASecondRestoreInBetweenChangesNothingOfThat) {
  ASSERT_TRUE(count(*ann, 5));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(count(*ann, 40));
  const auto before = all_of(*ann);
  for (int messages = 1; messages < 12; ++messages) {
    office.restore(backup);
    static_cast<void>(sync_cut(*ann, 9));  // Noticed, where it was not before.
    EXPECT_EQ(all_of(*ann), before);
    static_cast<void>(sync_cut(*ann, messages));
    EXPECT_EQ(all_of(*ann), before) << messages;
    ann->restart();
    EXPECT_EQ(all_of(*ann), before) << messages;
  }
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(all_of(*ann), before);
  EXPECT_EQ(hub_shows(office, *ann, "accounts", made[0], "visitCount"), "45");
}

TEST_F(Standing, WhatIsWrittenOnItCountsOnce) {
  ASSERT_TRUE(count(*ann, 5));
  ASSERT_TRUE(ann->sync());
  office.restore(backup);
  ASSERT_FALSE(ann->sync());
  std::int64_t total = 5;
  for (int messages = 2; !sync_cut(*ann, messages) && messages < 100; ++messages) {
    ASSERT_TRUE(count(*ann, 10));
    total += 10;
    ASSERT_TRUE(ann->set("accounts", made[1], "industry", Value{std::to_string(total)}));
    EXPECT_EQ(ann->shows("accounts", made[0], "visitCount"), std::to_string(total));
    EXPECT_EQ(ann->shows("accounts", made[1], "industry"), '"' + std::to_string(total) + '"');
  }
  EXPECT_GT(total, 25) << "it must have been written to on what stands, more than once";
  ASSERT_TRUE(ann->sync() && bob->sync());
  for (Phone* phone : {ann.get(), bob.get()}) {
    EXPECT_EQ(phone->shows("accounts", made[0], "visitCount"), std::to_string(total));
    EXPECT_EQ(phone->shows("accounts", made[1], "industry"), '"' + std::to_string(total) + '"');
  }
}

TEST_F(Standing, ADeviceWhosePlaceIsGoneShowsWhatItHasUntilItIsToldAnew) {
  ASSERT_TRUE(ann->set("accounts", made[0], "website", Value{"new"}));
  ASSERT_TRUE(ann->sync());
  office.trim_log();
  std::size_t told = 0;
  for (int messages = 2; messages < 6; ++messages) {
    ASSERT_FALSE(sync_cut(*bob, messages));
    EXPECT_EQ(all_of(*bob).size(), made.size()) << messages;
    told += bob->edge->state().cursor.below != 0 ? 1U : 0U;
  }
  EXPECT_GT(told, 0U) << "a page must have been among what came";
  ASSERT_TRUE(bob->sync());
  EXPECT_EQ(all_of(*bob), all_of(*ann));
}

TEST_F(Standing, WhatIsAnsweredBeforeItsRecordIsToldAnewStaysInSight) {
  ASSERT_TRUE(ann->set("accounts", made[0], "website", Value{"new"}) && ann->sync());
  office.trim_log();
  ASSERT_TRUE(bob->set("accounts", made[0], "industry", Value{"steel"}));
  std::size_t answered = 0;
  for (int messages = 2; !sync_cut(*bob, messages) && messages < 100; ++messages) {
    EXPECT_EQ(bob->shows("accounts", made[0], "industry"), "\"steel\"") << messages;
    EXPECT_NE(bob->shows("accounts", made[0], "description"), "-") << messages;
    const bool stands = bob->edge->state().stale_through != 0;
    answered += stands && bob->edge->pending_count() == 0 ? 1U : 0U;
  }
  EXPECT_GT(answered, 0U) << "the answer must have come before the page";
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(all_of(*bob), all_of(*ann));
}

TEST_F(Standing, WhatAnotherLifeAnswersToAFormerIdStaysInSight) {
  ASSERT_TRUE(bob->set("accounts", made[0], "industry", Value{"steel"}));
  ASSERT_TRUE(bob->edge->reidentify());
  office.restore_with_tool(backup);
  ASSERT_TRUE(bob->sync()) << "the former id is settled, and nothing told yet";
  ASSERT_EQ(bob->edge->pending_count(), 0U);
  ASSERT_NE(bob->edge->state().incarnation, office.hub->state().incarnation);
  EXPECT_EQ(bob->shows("accounts", made[0], "industry"), "\"steel\"");
  EXPECT_NE(bob->shows("accounts", made[0], "description"), "-");
  ASSERT_TRUE(bob->sync_as_host() && ann->sync_as_host());
  EXPECT_EQ(bob->shows("accounts", made[0], "industry"), "\"steel\"");
  EXPECT_EQ(all_of(*bob), all_of(*ann));
}

TEST_F(Standing, WhatADeviceMayNoLongerHoldGoesWithTheFirstPage) {
  office.add_user("eve", Role::kManager);
  Phone eve{office, "eve", Role::kManager, 73};
  const RecordId target = ann->create("targets", "period", Value{"2026-Q4"});
  ASSERT_TRUE(ann->sync() && eve.sync());
  ASSERT_TRUE(eve.edge->shown(target, sync::kDefaultPurpose)->has_value());
  office.add_user("eve", Role::kRep);
  bool page = false;
  ASSERT_FALSE(eve.sync([&](bool to_hub, const Bytes& message) {
    if (to_hub || page) return to_hub;
    page = std::holds_alternative<wire::Changes>(*wire::decode_frame(message));
    return true;
  }));
  ASSERT_TRUE(page);
  EXPECT_FALSE(eve.edge->shown(target, sync::kDefaultPurpose)->has_value());
}

}  // namespace
}  // namespace satchel::test
