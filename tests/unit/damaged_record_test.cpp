// Records that the server cannot read any more: each delays only itself, and is named.
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Role;

// One account of three that the server cannot read.
struct DamagedRecord : testing::Test {
  Office office;
  std::unique_ptr<Phone> ann;
  std::unique_ptr<Phone> bob;
  RecordId shop;
  RecordId spoilt;
  RecordId last;
  sync::StoredRecord whole;  // Of the spoilt one, as it was.

  DamagedRecord() {
    office.add_user("ann", Role::kRep);
    office.add_user("bob", Role::kRep);
    ann = std::make_unique<Phone>(office, "ann", Role::kRep, 11);
    bob = std::make_unique<Phone>(office, "bob", Role::kRep, 12);
    EXPECT_TRUE(bob->sync());
    shop = ann->create("accounts", "industry", Value{"retail"});
    spoilt = ann->create("accounts", "industry", Value{"steel"});
    last = ann->create("accounts", "industry", Value{"food"});
    EXPECT_TRUE(ann->sync());
  }
  RecordNumber number_of(const RecordId& id) {
    auto txn = office.store->begin_read();
    return (*txn)->find_numbers(std::span{&id, 1})->front();
  }
  void put(sync::StoredRecord record) {
    auto txn = office.store->begin_write();
    ASSERT_TRUE(txn && (*txn)->put_many(std::span{&record, 1}) && (*txn)->commit());
  }
  void spoil_record(bool header_too) {
    const RecordNumber number = number_of(spoilt);
    {
      auto txn = office.store->begin_read();
      std::vector<sync::StoredRecord> found;
      ASSERT_TRUE((*txn)->find_many(std::span{&number, 1}, found));
      whole = found.front();
    }
    sync::StoredRecord bad = whole;
    for (sync::Segment& segment : bad.segments) segment.bytes = "\1garbage";
    if (header_too) bad.header = "\1garbage";
    put(bad);
  }
};

TEST_F(DamagedRecord, StarvesNoNewDeviceAndIsNamed) {
  spoil_record(false);
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
  spoil_record(true);
  ASSERT_TRUE(bob->sync());
  EXPECT_EQ(bob->shows("accounts", last, "industry"), "\"food\"");
  ASSERT_EQ(office.hub->damaged().size(), 1U);
  EXPECT_EQ(office.hub->damaged().front().collection, 0U);
}

TEST_F(DamagedRecord, ReachesEveryDeviceOnceItIsRepaired) {
  spoil_record(false);
  ASSERT_TRUE(bob->sync());
  const Sequence before = office.hub->state().seq;
  put(whole);
  office.restart();
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
  spoil_record(false);
  bool noted_first = true;
  EXPECT_TRUE(bob->sync([&](bool to_hub, const Bytes& message) {
    if (!to_hub && std::holds_alternative<wire::Changes>(*wire::decode_frame(message)))
      noted_first = noted_first && office.hub->damaged().size() == 1;
    return true;
  }));
  EXPECT_TRUE(noted_first);
}

TEST_F(DamagedRecord, PutsAWriteToItIntoTheInboxAndHoldsUpNoOther) {
  spoil_record(false);
  ASSERT_TRUE(ann->set("accounts", spoilt, "size", Value{"big"}));
  ASSERT_TRUE(ann->set("accounts", last, "size", Value{"small"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", last, "size"), "\"small\"");
  const auto inbox = ann->edge->inbox();
  ASSERT_TRUE(inbox);
  ASSERT_EQ(inbox->size(), 1U);
  EXPECT_EQ(inbox->front().result.rule, sync::kDamagedRule);
  EXPECT_EQ(office.hub->damaged().front().id, spoilt);
  put(whole);
  office.restart();
  ASSERT_TRUE(ann->edge->retry(inbox->front().id) && ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", spoilt, "size"), "\"big\"");
}

// Whether the line is frozen stands in the order.
TEST_F(DamagedRecord, OfAnOrderPutsAWriteToItsLineIntoTheInboxAndHoldsUpNoOther) {
  spoilt = ann->create("orders", "poNumber", Value{"PO-1"});
  const RecordId line = ann->create("orderLines", "order", Value{to_text(spoilt)});
  ASSERT_TRUE(ann->sync());
  spoil_record(false);
  ASSERT_TRUE(ann->set("orderLines", line, "quantity", Value{std::int64_t{5}}));
  ASSERT_TRUE(ann->set("accounts", last, "size", Value{"small"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", last, "size"), "\"small\"");
  const auto inbox = ann->edge->inbox();
  ASSERT_TRUE(inbox);
  ASSERT_EQ(inbox->size(), 1U);
  EXPECT_EQ(inbox->front().result.rule, sync::kDamagedRule);
  EXPECT_EQ(inbox->front().commit.body.records.front().id, line);
}

}  // namespace
}  // namespace satchel::test
