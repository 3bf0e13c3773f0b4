// Records that the server cannot read any more: each delays only itself, and is named.
#include "tests/support/stored_records.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

// One account of three that the server cannot read.
struct DamagedRecord : testing::Test, TwoReps {
  RecordId shop;
  RecordId spoilt;
  RecordId last;
  sync::StoredRecord whole;  // Of the spoilt one, as it was.

  DamagedRecord() {
    EXPECT_TRUE(bob->sync());
    shop = ann->create("accounts", "industry", Value{"retail"});
    spoilt = ann->create("accounts", "industry", Value{"steel"});
    last = ann->create("accounts", "industry", Value{"food"});
    EXPECT_TRUE(ann->sync());
  }
  // Ann syncs what she has written and a write to another record: that one arrives. The only item
  // of her inbox then, which met damage.
  std::optional<sync::InboxItem> refused_beside_another() {
    EXPECT_TRUE(ann->set("accounts", last, "size", Value{"small"}) && ann->sync());
    EXPECT_EQ(hub_shows(office, *ann, "accounts", last, "size"), "\"small\"");
    const auto inbox = ann->edge->inbox();
    if (!inbox || inbox->size() != 1) return std::nullopt;
    EXPECT_EQ(inbox->front().result.rule, sync::kDamagedRule);
    return inbox->front();
  }
  void spoil(bool header_too = false) { whole = spoil_record(*office.store, spoilt, header_too); }
  void repair() {
    put_stored(*office.store, whole);
    office.restart();
  }
};

TEST_F(DamagedRecord, StarvesNoNewDeviceAndIsNamed) {
  spoil();
  ASSERT_TRUE(bob->sync());
  EXPECT_EQ(bob->shows("accounts", shop, "industry"), "\"retail\"");
  EXPECT_EQ(bob->shows("accounts", last, "industry"), "\"food\"");
  EXPECT_EQ(bob->shows("accounts", spoilt, "industry"), "-");
  ASSERT_EQ(office.hub->damaged().size(), 1U);
  EXPECT_EQ(office.hub->damaged().front().id, spoilt);
  EXPECT_EQ(office.hub->name_of(office.hub->damaged().front()), "accounts " + to_text(spoilt));
  office.restart();
  EXPECT_EQ(office.hub->damaged().size(), 1U) << "the alarm outlives a restart";
}

TEST_F(DamagedRecord, OfWhichNotEvenTheNameIsLeftStarvesNobodyEither) {
  spoil(true);
  ASSERT_TRUE(bob->sync());
  EXPECT_EQ(bob->shows("accounts", last, "industry"), "\"food\"");
  ASSERT_EQ(office.hub->damaged().size(), 1U);
  EXPECT_EQ(office.hub->damaged().front().collection, 0U);
}

TEST_F(DamagedRecord, ReachesEveryDeviceOnceItIsRepaired) {
  spoil();
  ASSERT_TRUE(bob->sync());
  const Sequence before = office.hub->state().seq;
  repair();
  EXPECT_TRUE(office.hub->damaged().empty());
  EXPECT_EQ(office.hub->state().seq, before + 1);
  ASSERT_TRUE(bob->sync());
  EXPECT_EQ(bob->shows("accounts", spoilt, "industry"), "\"steel\"");
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(ann->shows("accounts", spoilt, "industry"), "\"steel\"") << "its author too";
  office.restart();
  EXPECT_EQ(office.hub->state().seq, before + 1) << "told once";
}

TEST_F(DamagedRecord, IsNotedBeforeAnyCursorGoesPastIt) {
  spoil();
  std::size_t pages = 0;
  EXPECT_TRUE(bob->sync([&](bool to_hub, const Bytes& message) {
    if (!to_hub && std::holds_alternative<wire::Changes>(*wire::decode_frame(message))) {
      ++pages;
      EXPECT_EQ(office.hub->damaged().size(), 1U) << "page " << pages;
    }
    return true;
  }));
  EXPECT_GT(pages, 0U);
}

TEST_F(DamagedRecord, PutsAWriteToItIntoTheInboxAndHoldsUpNoOther) {
  spoil();
  ASSERT_TRUE(ann->set("accounts", spoilt, "size", Value{"big"}));
  const auto refused = refused_beside_another();
  ASSERT_TRUE(refused);
  ASSERT_EQ(office.hub->damaged().size(), 1U);
  EXPECT_EQ(office.hub->damaged().front().id, spoilt);
  repair();
  ASSERT_TRUE(ann->edge->retry(refused->id) && ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", spoilt, "size"), "\"big\"");
}

// Whether the line is frozen stands in the order.
TEST_F(DamagedRecord, OfAnOrderPutsAWriteToItsLineIntoTheInboxAndHoldsUpNoOther) {
  spoilt = ann->create("orders", "poNumber", Value{"PO-1"});
  const RecordId line = ann->create("orderLines", "order", Value{to_text(spoilt)});
  ASSERT_TRUE(ann->sync());
  spoil();
  ASSERT_TRUE(ann->set("orderLines", line, "quantity", Value{std::int64_t{5}}));
  const auto refused = refused_beside_another();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->commit.body.records.front().id, line);
}

// Whether it closes a cycle stands in the parent.
TEST_F(DamagedRecord, NamedAsAParentPutsThatWriteIntoTheInboxAndHoldsUpNoOther) {
  spoil(true);
  ASSERT_TRUE(ann->set("accounts", shop, "parent", Value{to_text(spoilt)}));
  const auto refused = refused_beside_another();
  ASSERT_TRUE(refused);
}

TEST_F(DamagedRecord, WhoseRootMovesMeanwhileFollowsOnceItIsRepaired) {
  office.add_user("eve", sync::Role::kRep, {"far"});
  Phone eve{office, "eve", sync::Role::kRep, 93, crm(), {"far"}};
  spoilt = ann->create("contacts", "account", Value{to_text(shop)});
  ASSERT_TRUE(ann->sync() && eve.sync());
  for (const bool header_too : {false, true}) {
    spoil(header_too);
    const char* territory = header_too ? "north" : "far";
    auto txn = office.hub->begin();
    auto builder = (*txn)->builder();
    ASSERT_TRUE(builder.set("accounts", shop, "territory", Value{territory}));
    ASSERT_TRUE((*txn)->write(*builder.finish(), "root", std::string{sync::kDefaultPurpose}));
    ASSERT_TRUE((*txn)->commit());
    txn->reset();
    ASSERT_EQ(office.hub->damaged().size(), 1U);
    repair();
    ASSERT_TRUE(eve.sync());
    EXPECT_EQ(eve.shows("contacts", spoilt, "account") == "-", header_too) << territory;
  }
}

}  // namespace
}  // namespace satchel::test
