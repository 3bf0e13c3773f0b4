// Records of a device's base that cannot be read: each costs only itself, and is named.
#include "sync/edge/rows.hpp"
#include "tests/support/stored_records.hpp"
#include "tests/support/workplace.hpp"

#include <set>

namespace satchel::test {
namespace {

using sync::Table;

struct DamagedBase : TwoPhones {
  RecordId first;
  RecordId last;

  DamagedBase() {
    first = ann->create("accounts", "industry", Value{"first"});
    last = ann->create("accounts", "industry", Value{"last"});
    EXPECT_TRUE(ann->sync() && bob->sync());
  }
  static std::set<RecordId> shown_by(Phone& phone, Error& error) {
    std::set<RecordId> ids;
    const Status read = phone.edge->visit(0, sync::kDefaultPurpose, [&](const sync::Record& each) {
      ids.insert(each.id);
      return true;
    });
    if (!read) error = read.error();
    return ids;
  }
};

TEST_F(DamagedBase, HidesNoOtherRecordAndIsNamedWithTheWayOut) {
  spoil_record(*ann->store, first);
  Error error{Errc::kInternal};
  EXPECT_EQ(shown_by(*ann, error), (std::set<RecordId>{shop, last}));
  EXPECT_EQ(error.code, Errc::kStoreCorrupt);
  EXPECT_EQ(error.context,
            "accounts " + to_text(first) + " cannot be read: satchel heal pulls it again");
  const auto alone = ann->edge->shown(first, sync::kDefaultPurpose);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().context, error.context);
  EXPECT_EQ(ann->shows("accounts", last, "industry"), "\"last\"");
}

TEST_F(DamagedBase, WithoutANameIsNamedByItsNumberAndInEveryCollection) {
  spoil_record(*ann->store, first, true);
  std::vector<sync::UnreadableRecord> unreadable;
  std::size_t seen = 0;
  const auto count = [&](const sync::Record&) { return ++seen > 0; };
  const auto* visits = ann->edge->catalog().find("visits");
  ASSERT_TRUE(ann->edge->visit_readable(visits->id, sync::kDefaultPurpose, nullptr, count,
                                        unreadable));
  EXPECT_EQ(seen, 0U);
  ASSERT_EQ(unreadable.size(), 1U);
  EXPECT_EQ(unreadable.front().id, RecordId{});
  EXPECT_NE(unreadable.front().number, 0U);
}

TEST_F(DamagedBase, OfAnotherCollectionIsNotMissed) {
  spoil_record(*ann->store, first);
  std::vector<sync::UnreadableRecord> unreadable;
  const auto none = [](const sync::Record&) { return true; };
  const auto* visits = ann->edge->catalog().find("visits");
  ASSERT_TRUE(
      ann->edge->visit_readable(visits->id, sync::kDefaultPurpose, nullptr, none, unreadable));
  EXPECT_TRUE(unreadable.empty());
}

TEST_F(DamagedBase, UnderAPendingWriteIsNamedOnce) {
  ASSERT_TRUE(ann->set("accounts", first, "size", Value{"big"}));
  spoil_record(*ann->store, first);
  std::vector<sync::UnreadableRecord> unreadable;
  const auto none = [](const sync::Record&) { return true; };
  ASSERT_TRUE(ann->edge->visit_readable(0, sync::kDefaultPurpose, nullptr, none, unreadable));
  EXPECT_EQ(unreadable.size(), 1U);
  EXPECT_EQ(ann->edge->pending_count(), 1U);
}

TEST_F(DamagedBase, HoldsUpNoSyncAndIsPulledAgainByTheNext) {
  ASSERT_TRUE(bob->set("accounts", first, "size", Value{"big"}));
  ASSERT_TRUE(bob->set("accounts", last, "size", Value{"small"}));
  ASSERT_TRUE(bob->sync());
  ASSERT_TRUE(ann->set("accounts", first, "website", Value{"mine"}));
  spoil_record(*ann->store, first);
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(ann->shows("accounts", last, "size"), "\"small\"");
  EXPECT_FALSE(ann->edge->shown(first, sync::kDefaultPurpose)) << "it is still named";
  EXPECT_EQ(hub_shows(office, *ann, "accounts", first, "website"), "\"mine\"");
  ann->restart();
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(ann->shows("accounts", first, "size"), "\"big\"");
  EXPECT_EQ(ann->shows("accounts", first, "website"), "\"mine\"");
  EXPECT_FALSE(ann->edge->state().repull);
  const auto cursor = ann->edge->state().cursor;
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(ann->edge->state().cursor, cursor) << "and once is enough";
}

TEST_F(DamagedBase, OfAnEarlierReadingIsReplacedUnread) {
  spoil_record(*ann->store, first, true);
  spoil_record(*ann->store, last);
  office.trim_log();
  ASSERT_TRUE(bob->set("accounts", first, "size", Value{"big"}));
  ASSERT_TRUE(bob->sync());
  ASSERT_TRUE(ann->edge->heal());
  ASSERT_TRUE(ann->sync());
  Error error{Errc::kInternal};
  EXPECT_EQ(shown_by(*ann, error), (std::set<RecordId>{shop, first, last}));
  EXPECT_EQ(error.code, Errc::kInternal);
  EXPECT_EQ(ann->shows("accounts", first, "size"), "\"big\"");
}

TEST_F(DamagedBase, AnAnswerThatDoesNotOpenHoldsUpNoSync) {
  auto txn = ann->store->begin_write();
  ASSERT_TRUE((*txn)->put(Table::kCommits, sync::number_key(1), "\1garbage"));
  ASSERT_TRUE((*txn)->commit());
  txn->reset();
  const auto backup = office.disk->snapshot();
  ASSERT_TRUE(ann->set("accounts", first, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  office.restore(backup);
  EXPECT_FALSE(ann->sync()) << "a raw copy is noticed";
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", first, "size"), "\"big\"");
}

}  // namespace
}  // namespace satchel::test
