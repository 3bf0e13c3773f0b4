// The exchange between hub and edges, message by message: what sync.md's named traces say must
// hold. What the server does not take is in refused_test.cpp, what becomes of a server that was put
// back in restored_server_test.cpp.
#include "schema/model/limits.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Role;

TEST_F(Field, ARecordMadeOfflineReachesTheHubAndTheOtherDevice) {
  const RecordId id = ann->create("accounts", "industry", Value{"retail"});
  EXPECT_EQ(ann->shows("accounts", id, "industry"), "\"retail\"");
  EXPECT_EQ(bob->shows("accounts", id, "industry"), "-");
  const Status first = ann->sync();
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(ann->edge->pending_count(), 0U);
  EXPECT_EQ(hub_shows(office, *ann, "accounts", id, "industry"), "\"retail\"");
  ASSERT_TRUE(bob->sync());
  EXPECT_EQ(bob->shows("accounts", id, "industry"), "\"retail\"");
  EXPECT_EQ(bob->shows("accounts", id, "owner"), "\"ann\"");
}

TEST_F(Field, DifferentFieldsBothStandAndTheSameFieldShowsTheLaterWrite) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"food"}));
  bob->clock.pass(5'000'000);
  ASSERT_TRUE(bob->set("accounts", id, "industry", Value{"steel"}));
  ASSERT_TRUE(bob->set("accounts", id, "size", Value{"small"}));
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "industry"), "\"steel\"");
    EXPECT_EQ(phone->shows("accounts", id, "size"), "\"small\"");
  }
  const auto record = office.hub->find_record(id);
  ASSERT_TRUE(record && *record);
  const auto* field = office.hub->catalog()->find("accounts")->find("industry");
  EXPECT_EQ((*record)->find(field->id)->state.siblings.size(), 2U) << "the loser is kept";
}

TEST_F(Field, AWriteThatHasSeenTheOtherReplacesIt) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"food"}));
  everybody_syncs();
  bob->clock.wall -= 3'600'000'000;  // His clock is an hour behind: causality decides all the same.
  ASSERT_TRUE(bob->set("accounts", id, "industry", Value{"steel"}));
  everybody_syncs();
  EXPECT_EQ(ann->shows("accounts", id, "industry"), "\"steel\"");
}

TEST_F(Field, ConcurrentIncrementsAddUpExactly) {
  const RecordId id = shared_account();
  const auto add = [&](Phone& phone, std::int64_t n) {
    ASSERT_TRUE(phone.add("accounts", id, "visitCount", n));
  };
  add(*ann, 3);
  add(*ann, 4);
  add(*bob, 10);
  EXPECT_EQ(ann->shows("accounts", id, "visitCount"), "7");
  everybody_syncs();
  add(*bob, -2);
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "visitCount"), "15");
  }
}

TEST_F(Field, ALostAcknowledgementIsAnsweredAgainAndTheCommitTakesEffectOnce) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->add("accounts", id, "visitCount", 5));
  bool pushed = false;
  const auto swallow_ack = [&](bool to_hub, const Bytes& message) {
    const auto frame = wire::decode_frame(message);
    if (to_hub && std::holds_alternative<wire::Push>(*frame)) pushed = true;
    return !std::holds_alternative<wire::Ack>(*frame);
  };
  EXPECT_FALSE(ann->sync(swallow_ack));
  ASSERT_TRUE(pushed);
  EXPECT_EQ(ann->edge->pending_count(), 1U) << "nothing leaves the outbox without its answer";
  EXPECT_EQ(hub_shows(office, *ann, "accounts", id, "visitCount"), "5");
  ann->restart();
  office.restart();
  everybody_syncs();
  EXPECT_EQ(ann->edge->pending_count(), 0U);
  for (Phone* phone : {ann.get(), bob.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "visitCount"), "5");
  }
}

TEST_F(Field, AnEditConcurrentWithADeleteBringsTheRecordBackAndALaterDeleteKillsItAgain) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->erase("accounts", id));
  EXPECT_EQ(ann->shows("accounts", id, "industry"), "dead");
  ASSERT_TRUE(bob->set("accounts", id, "size", Value{"big"}));
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "size"), "\"big\"");
  }
  ASSERT_TRUE(ann->erase("accounts", id));
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "size"), "dead");
  }
  EXPECT_FALSE(bob->set("accounts", id, "size", Value{"huge"}))
      << "a deleted record takes no edits";
  ASSERT_TRUE(bob->restore_record("accounts", id));
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "size"), "\"big\"");
  }
}

TEST_F(Field, AStampFromTheFutureIsLoweredAndAllReplicasHoldTheLoweredOne) {
  const RecordId id = shared_account();
  // Ten years ahead: her first sync gives the server's time, but this boot has a clock that runs
  // away after it.
  ann->clock.boot += std::int64_t{315'360'000} * 1'000'000;
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"food"}));
  everybody_syncs();
  office.clock.pass(60'000'000);
  bob->clock.pass(60'000'000);
  everybody_syncs();
  ASSERT_TRUE(bob->set("accounts", id, "industry", Value{"steel"}));
  everybody_syncs();
  const auto* field = office.hub->catalog()->find("accounts")->find("industry");
  const auto at_hub = (*office.hub->find_record(id))->find(field->id)->state;
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    const auto record = phone->edge->shown(id, sync::kDefaultPurpose);
    EXPECT_EQ((*record)->find(field->id)->state, at_hub);
    EXPECT_EQ(phone->shows("accounts", id, "industry"), "\"steel\"");
  }
}

TEST_F(Field, AnOwnersRecordIsHeldByItsOwnerAndLeavesWithANewOne) {
  const RecordId id = ann->create("targets", "period", Value{"2026-Q4"});
  everybody_syncs();
  EXPECT_EQ(ann->shows("targets", id, "owner"), "\"ann\"");
  EXPECT_EQ(eve->shows("targets", id, "owner"), "\"ann\"");
  EXPECT_EQ(bob->shows("targets", id, "owner"), "-") << "not his";
  ASSERT_TRUE(office.write(
      [&](sync::CommitBuilder& b) { return b.set("targets", id, "owner", Value{"bob"}); }));
  everybody_syncs();
  EXPECT_EQ(ann->shows("targets", id, "period"), "-") << "evicted";
  EXPECT_EQ(bob->shows("targets", id, "period"), "\"2026-Q4\"") << "whole on entry";
}

// New records are taken in unread, unless several values stand beside one another.
TEST_F(Field, ADeviceThatComesLaterHoldsWhatTheHubHolds) {
  const RecordId plain = shared_account();
  const RecordId contested = shared_account();
  ASSERT_TRUE(ann->set("accounts", contested, "industry", Value{"food"}));
  ASSERT_TRUE(bob->set("accounts", contested, "industry", Value{"steel"}));
  everybody_syncs();
  Phone late{office, "eve", Role::kManager, 14};
  ASSERT_TRUE(late.sync());
  for (const RecordId& id : {plain, contested}) {
    const auto there = office.hub->find_record(id);
    const auto here = late.edge->shown(id, sync::kDefaultPurpose);
    ASSERT_TRUE(there && *there && here && *here);
    EXPECT_EQ((*here)->entries, (*there)->entries);
    EXPECT_EQ((*here)->collection, (*there)->collection);
  }
  const auto* field = office.hub->catalog()->find("accounts")->find("industry");
  const auto record = late.edge->shown(contested, sync::kDefaultPurpose);
  EXPECT_EQ((*record)->find(field->id)->state.siblings.size(), 2U);
}

TEST_F(Field, AVisitOfChosenFieldsShowsThemAsAVisitOfAll) {
  const RecordId id = shared_account();
  shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"food"}));  // Pending, over base.
  const schema::CollectionDef* accounts = office.hub->catalog()->find("accounts");
  const schema::FieldDef* field = accounts->find("industry");
  sync::FieldSelection selection;
  selection.fields = {field->id};
  selection.classes[static_cast<std::size_t>(field->privacy)] = true;
  std::map<RecordId, sync::Entry> chosen;
  std::map<RecordId, sync::Entry> all;
  std::size_t entries = 0;
  std::vector<sync::UnreadableRecord> unreadable;
  ASSERT_TRUE(ann->edge->visit_readable(
      accounts->id, sync::kDefaultPurpose, &selection,
      [&](const sync::Record& record) {
        entries += record.entries.size();
        chosen[record.id] = *record.find(field->id);
        return true;
      },
      unreadable));
  EXPECT_TRUE(unreadable.empty());
  std::size_t all_entries = 0;
  ASSERT_TRUE(
      ann->edge->visit(accounts->id, sync::kDefaultPurpose, [&](const sync::Record& record) {
        all_entries += record.entries.size();
        all[record.id] = *record.find(field->id);
        return true;
      }));
  EXPECT_EQ(chosen, all);
  EXPECT_EQ(chosen.size(), 2U);
  EXPECT_LT(entries, all_entries);
}

TEST_F(Field, WhoeverReadsAPageIsToldWhoWroteIt) {
  const RecordId id = shared_account();
  ASSERT_TRUE(bob->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) {
    return b.set("accounts", id, "website", Value{"x.example"});
  }));
  const ReplicaId hub_id = office.hub->state().self;
  everybody_syncs();
  EXPECT_EQ(*eve->edge->author_of(bob->edge->state().replica), "bob");
  EXPECT_EQ(*eve->edge->author_of(ann->edge->state().replica), "ann");
  EXPECT_EQ(*eve->edge->author_of(hub_id), "") << "the server";
  EXPECT_FALSE(ann->edge->author_of(ReplicaId{})->has_value());
  eve->restart();
  EXPECT_EQ(*eve->edge->author_of(bob->edge->state().replica), "bob");
}

TEST_F(Field, NothingIsSentWhenNothingChanged) {
  shared_account();
  std::size_t pages = 0;
  const auto count = [&](bool to_hub, const Bytes& message) {
    const auto frame = wire::decode_frame(message);
    if (!to_hub && std::holds_alternative<wire::Changes>(*frame)) {
      pages += !std::get<wire::Changes>(*frame).page.empty();
    }
    return true;
  };
  ASSERT_TRUE(bob->sync(count));
  EXPECT_EQ(pages, 0U);
}

TEST_F(Field, LargeRecordsComeInPagesThatFitAFrame) {
  std::vector<RecordId> ids;
  for (int i = 0; i < 30; ++i) {
    ids.push_back(ann->create("accounts", "industry", Value{std::string(900'000, 'x')}));
    ASSERT_TRUE(ann->sync());
  }
  std::size_t largest = 0;
  const auto measure = [&](bool to_hub, const Bytes& message) {
    const auto frame = wire::decode_frame(message);
    EXPECT_TRUE(frame) << frame.error().message();
    if (const auto* changes = std::get_if<wire::Changes>(&*frame); !to_hub && changes != nullptr)
      largest = std::max(largest, changes->page.size());
    return true;
  };
  ASSERT_TRUE(bob->sync(measure));
  EXPECT_GT(largest, 900'000U);
  EXPECT_LT(largest, limits::kFrameBytesMax);
  for (const RecordId& id : ids) EXPECT_NE(bob->shows("accounts", id, "industry"), "-");
}

}  // namespace
}  // namespace satchel::test
