// What the server does not take, of whom and why: a write goes to its author's inbox, a commit that
// is out of place stops its batch, and neither costs anything that was taken before.
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Role;

TEST_F(Field, ARefusedWriteGoesToTheInboxAndWhatItHadCoveredIsVisibleAgain) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"food"}));
  ASSERT_TRUE(ann->sync());
  office.add_user("ann", Role::kAuditor);  // Now she may only read, which her phone does not know.
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"steel"}));
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  EXPECT_EQ(ann->shows("accounts", id, "industry"), "\"steel\"");
  const Status synced = ann->sync();
  ASSERT_TRUE(synced) << synced.error().message();
  EXPECT_EQ(ann->edge->pending_count(), 0U) << "a refusal moves the watermark";
  EXPECT_EQ(ann->shows("accounts", id, "industry"), "\"food\"");
  EXPECT_EQ(ann->shows("accounts", id, "size"), "-");
  const auto inbox = ann->edge->inbox();
  ASSERT_TRUE(inbox);
  ASSERT_EQ(inbox->size(), 2U);
  EXPECT_EQ(inbox->front().result.outcome, wire::Outcome::kDenied);
  EXPECT_FALSE(inbox->front().result.rule.empty());
  EXPECT_EQ(inbox->front().commit.body.records.front().id, id);
}

TEST_F(Field, AnInboxItemCanBeWrittenAgainOrDiscarded) {
  const RecordId id = shared_account();
  office.add_user("ann", Role::kAuditor);
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"steel"}));
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  office.add_user("ann", Role::kRep);
  auto inbox = ann->edge->inbox();
  ASSERT_EQ(inbox->size(), 2U);
  ASSERT_TRUE(ann->edge->retry((*inbox)[0].id));
  ASSERT_TRUE(ann->edge->discard((*inbox)[1].id));
  EXPECT_FALSE(ann->edge->discard((*inbox)[1].id)) << "an item is discarded once";
  everybody_syncs();
  EXPECT_TRUE(ann->edge->inbox()->empty());
  EXPECT_EQ(bob->shows("accounts", id, "industry"), "\"steel\"");
  EXPECT_EQ(bob->shows("accounts", id, "size"), "-");
}

struct ParentLoop : Field {
  RecordId upper, lower;
  void SetUp() override {
    Field::SetUp();
    upper = shared_account();
    lower = shared_account();
  }
  static Status put_under(Phone& phone, const RecordId& child, const RecordId& parent) {
    return phone.set("accounts", child, "parent", Value{to_text(parent)});
  }
  [[nodiscard]] std::string parent_at_hub(const RecordId& id) {
    return hub_shows(office, *ann, "accounts", id, "parent");
  }
};

TEST_F(ParentLoop, OfTwoDevicesIsRefusedToTheLater) {
  ASSERT_TRUE(put_under(*ann, lower, upper));
  ASSERT_TRUE(put_under(*bob, upper, lower));
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(parent_at_hub(lower), "\"" + to_text(upper) + "\"");
  EXPECT_EQ(parent_at_hub(upper), "-");
  const auto inbox = bob->edge->inbox();
  ASSERT_TRUE(inbox && inbox->size() == 1);
  EXPECT_EQ(inbox->front().result.code, static_cast<std::int32_t>(Errc::kReferenceCycle));
  EXPECT_EQ(inbox->front().result.rule, "parent");
  EXPECT_EQ(bob->shows("accounts", upper, "parent"), "-");
}

TEST_F(ParentLoop, OfOneCommitIsRefusedWhole) {
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().set("accounts", lower, "parent", Value{to_text(upper)}));
    return txn.builder().set("accounts", upper, "parent", Value{to_text(lower)});
  }));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(parent_at_hub(lower), "-");
  EXPECT_EQ(parent_at_hub(upper), "-");
  const auto inbox = ann->edge->inbox();
  ASSERT_TRUE(inbox && inbox->size() == 1);
  EXPECT_EQ(inbox->front().result.code, static_cast<std::int32_t>(Errc::kReferenceCycle));
}

TEST_F(ParentLoop, IsNoneWhereTheSameCommitTurnsTheOtherAway) {
  const RecordId top = shared_account();
  ASSERT_TRUE(put_under(*ann, lower, upper));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().set("accounts", upper, "parent", Value{to_text(lower)}));
    return txn.builder().set("accounts", lower, "parent", Value{to_text(top)});
  }));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(*ann->edge->count_inbox(), 0U);
  EXPECT_EQ(parent_at_hub(upper), "\"" + to_text(lower) + "\"");
  EXPECT_EQ(parent_at_hub(lower), "\"" + to_text(top) + "\"");
}

TEST_F(Field, OnceKeepsTheFirstThatTheServerAcceptsAndSurfacesTheOther) {
  const RecordId person =
      ann->create_of(office.make_account(), "contacts", "jobTitle", Value{"buyer"});
  const RecordId point = ann->create("contactPoints", "contact", Value{to_text(person)});
  everybody_syncs();
  ASSERT_TRUE(ann->set("contactPoints", point, "kind", Value{"phone"}));
  ASSERT_TRUE(bob->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().set("contactPoints", point, "kind", Value{"email"}));
    return txn.builder().set("contactPoints", point, "label", Value{"home"});
  }));
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get()}) {
    EXPECT_EQ(phone->shows("contactPoints", point, "kind"), "\"phone\"");
    EXPECT_EQ(phone->shows("contactPoints", point, "label"), "\"home\"")
        << "the rest of his commit applies";
  }
  const auto inbox = bob->edge->inbox();
  ASSERT_EQ(inbox->size(), 1U);
  EXPECT_EQ(inbox->front().result.outcome, wire::Outcome::kReduced);
  EXPECT_EQ(inbox->front().result.rule, "once");
}

TEST_F(Field, AForkIsNoticedAndNeverTakenForADuplicate) {
  const RecordId id = shared_account();
  const auto before = ann->disk->snapshot();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"food"}));
  ASSERT_TRUE(ann->sync());
  // The same number with other content, as a restored copy of the device would make it.
  ann->restore(before);
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"steel"}));
  const auto commits = ann->unsent();
  ASSERT_EQ(commits.size(), 1U);
  auto txn = office.hub->begin();
  const auto outcome = (*txn)->ingest({ann->edge->state().replica, "ann", Role::kRep, commits, {}});
  ASSERT_TRUE(outcome);
  ASSERT_TRUE(outcome->stopped.has_value());
  EXPECT_EQ(outcome->stopped->code, Errc::kCommitFork);
  txn->reset();
  const Status synced = ann->sync();
  ASSERT_FALSE(synced) << "an older fence token is not served";
  EXPECT_EQ(synced.error().code, Errc::kFenced);
  EXPECT_EQ(hub_shows(office, *ann, "accounts", id, "industry"), "\"food\"");
}

TEST_F(Field, AGapStopsTheBatchAndWhatCameBeforeItHolds) {
  const RecordId id = shared_account();
  for (const char* value : {"a", "b", "c"}) {
    ASSERT_TRUE(ann->set("accounts", id, "size", Value{value}));
  }
  auto commits = ann->unsent();
  ASSERT_EQ(commits.size(), 3U);
  commits.erase(commits.begin() + 1);
  auto txn = office.hub->begin();
  const auto outcome = (*txn)->ingest({ann->edge->state().replica, "ann", Role::kRep, commits, {}});
  ASSERT_TRUE(outcome && outcome->stopped);
  EXPECT_EQ(outcome->stopped->code, Errc::kCommitGap);
  EXPECT_EQ(outcome->results.size(), 1U);
  ASSERT_TRUE((*txn)->commit());
  txn->reset();
  EXPECT_EQ(hub_shows(office, *ann, "accounts", id, "size"), "\"a\"");
  everybody_syncs();
  EXPECT_EQ(hub_shows(office, *ann, "accounts", id, "size"), "\"c\"");
}

TEST_F(Field, ADeviceCannotWriteUnderAnotherReplicasDot) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  auto commits = ann->unsent();
  auto txn = office.hub->begin();
  const auto outcome = (*txn)->ingest({bob->edge->state().replica, "bob", Role::kRep, commits, {}});
  ASSERT_TRUE(outcome && outcome->stopped);
  EXPECT_EQ(outcome->stopped->code, Errc::kForeignDot);
  EXPECT_TRUE(outcome->results.empty());
}

TEST_F(Field, ARevokedDeviceIsNotServed) {
  shared_account();
  auto txn = office.hub->begin();
  auto device = (*txn)->find_device(ann->edge->identity().device);
  (*device)->revoked = true;
  ASSERT_TRUE((*txn)->put_device(**device) && (*txn)->commit());
  txn->reset();
  const Status synced = ann->sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, Errc::kDeviceRevoked);
}

}  // namespace
}  // namespace satchel::test
