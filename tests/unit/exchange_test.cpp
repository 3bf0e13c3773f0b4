// The exchange between hub and edges, message by message: what sync.md's named traces say must
// hold.
#include "schema/model/limits.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Role;

struct Field : testing::Test {
  Office office;
  std::unique_ptr<Phone> ann;
  std::unique_ptr<Phone> bob;
  std::unique_ptr<Phone> eve;

  Field() {
    office.add_user("ann", Role::kRep);
    office.add_user("bob", Role::kRep);
    office.add_user("eve", Role::kManager);
    ann = std::make_unique<Phone>(office, "ann", Role::kRep, 11);
    bob = std::make_unique<Phone>(office, "bob", Role::kRep, 12);
    eve = std::make_unique<Phone>(office, "eve", Role::kManager, 13);
  }
  void everybody_syncs(int rounds = 2) {
    for (int i = 0; i < rounds; ++i) {
      for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
        ASSERT_TRUE(phone->sync()) << "round " << i;
      }
    }
  }
  // An account that everybody holds.
  RecordId shared_account() {
    const RecordId id = ann->create("accounts", "industry", Value{"retail"});
    everybody_syncs();
    return id;
  }
};

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
    ASSERT_TRUE(phone.write(
        [&](sync::EdgeWrite& txn) { return txn.builder().add("accounts", id, "visitCount", n); }));
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
  ASSERT_TRUE(ann->write(
      [&](sync::EdgeWrite& txn) { return txn.builder().add("accounts", id, "visitCount", 5); }));
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

TEST_F(Field, ARefusedWriteGoesToTheInboxAndWhatItHadCoveredIsVisibleAgain) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"food"}));
  ASSERT_TRUE(ann->sync());
  // A device that ignores its own door: the write names a record that the server does not hold.
  auto txn = office.hub->begin();
  ASSERT_TRUE(txn);
  auto user = (*txn)->find_user("ann");
  (*user)->role = Role::kAuditor;  // Now she may only read.
  ASSERT_TRUE((*txn)->put_user(**user) && (*txn)->commit());
  txn->reset();
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
  auto txn = office.hub->begin();
  auto user = (*txn)->find_user("ann");
  (*user)->role = Role::kAuditor;
  ASSERT_TRUE((*txn)->put_user(**user) && (*txn)->commit());
  txn->reset();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"steel"}));
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  txn = office.hub->begin();
  (*user)->role = Role::kRep;
  ASSERT_TRUE((*txn)->put_user(**user) && (*txn)->commit());
  txn->reset();
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

TEST_F(Field, OnceKeepsTheFirstThatTheServerAcceptsAndSurfacesTheOther) {
  const RecordId contact = ann->create("contacts", "jobTitle", Value{"buyer"});
  const RecordId point = ann->create("contactPoints", "label", Value{"desk"});
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
  EXPECT_FALSE(contact.is_zero());
}

TEST_F(Field, AnEditConcurrentWithADeleteBringsTheRecordBackAndALaterDeleteKillsItAgain) {
  const RecordId id = shared_account();
  ASSERT_TRUE(
      ann->write([&](sync::EdgeWrite& txn) { return txn.builder().erase("accounts", id); }));
  EXPECT_EQ(ann->shows("accounts", id, "industry"), "dead");
  ASSERT_TRUE(bob->set("accounts", id, "size", Value{"big"}));
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "size"), "\"big\"");
  }
  ASSERT_TRUE(
      ann->write([&](sync::EdgeWrite& txn) { return txn.builder().erase("accounts", id); }));
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "size"), "dead");
  }
  EXPECT_FALSE(bob->set("accounts", id, "size", Value{"huge"}))
      << "a deleted record takes no edits";
  ASSERT_TRUE(
      bob->write([&](sync::EdgeWrite& txn) { return txn.builder().restore("accounts", id); }));
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

TEST_F(Field, AForkIsNoticedAndNeverTakenForADuplicate) {
  const RecordId id = shared_account();
  const auto before = ann->disk->snapshot();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"food"}));
  ASSERT_TRUE(ann->sync());
  sync::IngestBatch batch{ann->edge->state().replica, "ann", Role::kRep, {}, {}};
  // The same number with other content, as a restored copy of the device would make it.
  ann->edge.reset();
  ann->store.reset();
  ann->disk->restore(before);
  ann->restart();
  ASSERT_TRUE(ann->set("accounts", id, "industry", Value{"steel"}));
  auto commits =
      ann->edge->commits_after(ann->edge->numbering(), ann->edge->state().watermark, 4096);
  ASSERT_TRUE(commits && commits->size() == 1);
  batch.commits = *commits;
  auto txn = office.hub->begin();
  const auto outcome = (*txn)->ingest(batch);
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
  auto commits =
      *ann->edge->commits_after(ann->edge->numbering(), ann->edge->state().watermark, 1 << 20);
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
  auto commits =
      *ann->edge->commits_after(ann->edge->numbering(), ann->edge->state().watermark, 1 << 20);
  auto txn = office.hub->begin();
  const auto outcome = (*txn)->ingest({bob->edge->state().replica, "bob", Role::kRep, commits, {}});
  ASSERT_TRUE(outcome && outcome->stopped);
  EXPECT_EQ(outcome->stopped->code, Errc::kForeignDot);
  EXPECT_TRUE(outcome->results.empty());
}

TEST_F(Field, AnOwnersRecordIsHeldByItsOwnerAndLeavesWithANewOne) {
  const RecordId id = ann->create("targets", "period", Value{"2026-Q4"});
  everybody_syncs();
  EXPECT_EQ(ann->shows("targets", id, "owner"), "\"ann\"");
  EXPECT_EQ(eve->shows("targets", id, "owner"), "\"ann\"");
  EXPECT_EQ(bob->shows("targets", id, "owner"), "-") << "not his";
  auto txn = office.hub->begin();
  auto builder = (*txn)->builder();
  ASSERT_TRUE(builder.set("targets", id, "owner", Value{"bob"}));
  auto body = builder.finish();
  ASSERT_TRUE(body);
  ASSERT_TRUE((*txn)->write(*body, "admin", std::string{sync::kDefaultPurpose}));
  ASSERT_TRUE((*txn)->commit());
  txn->reset();
  everybody_syncs();
  EXPECT_EQ(ann->shows("targets", id, "period"), "-") << "evicted";
  EXPECT_EQ(bob->shows("targets", id, "period"), "\"2026-Q4\"") << "whole on entry";
}

TEST_F(Field, ARestoredServerGetsBackWhatItHadForgotten) {
  const RecordId id = shared_account();
  const auto backup = office.disk->snapshot();
  ASSERT_TRUE(ann->write(
      [&](sync::EdgeWrite& txn) { return txn.builder().add("accounts", id, "visitCount", 5); }));
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(ann->edge->pending_count(), 0U);
  office.hub.reset();
  office.store.reset();
  office.disk->restore(backup);
  office.restart();
  // A raw copy: the first device that knows more makes the server begin a new life.
  const Status refused = ann->sync();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kRestoredServer);
  const Status again = ann->sync();
  ASSERT_TRUE(again) << again.error().message();
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "visitCount"), "5");
    EXPECT_EQ(phone->shows("accounts", id, "size"), "\"big\"");
  }
}

// The same old copy put back twice has the name of its first life again, but not its history.
TEST_F(Field, AStoreThatIsPutBackTwiceBeginsANewLifeEachTime) {
  const RecordId id = shared_account();
  const auto backup = office.disk->snapshot();
  const auto put_back = [&] {
    office.hub.reset();
    office.store.reset();
    office.disk->restore(backup);
    office.restart();
  };
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  put_back();
  ASSERT_FALSE(ann->sync());
  everybody_syncs();
  const IncarnationId second = office.hub->state().incarnation;
  put_back();
  const IncarnationId first = office.hub->state().incarnation;
  const Status refused = bob->sync();
  ASSERT_FALSE(refused) << "he comes from a life that this copy has never been in";
  EXPECT_EQ(refused.error().code, Errc::kRestoredServer);
  EXPECT_NE(office.hub->state().incarnation, first);
  EXPECT_NE(office.hub->state().incarnation, second);
  everybody_syncs();
  for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
    EXPECT_EQ(phone->shows("accounts", id, "size"), "\"big\"");
  }
}

// Eve's delete comes back to a record whose maker has not returned: what she holds of it is of the
// server's earlier life, so the page that brings her the record must bring her delete too.
TEST_F(Field, AReofferedWriteToARecordThatIsNotHeldYetIsToldByThePage) {
  const auto backup = office.disk->snapshot();
  const RecordId id = shared_account();
  ASSERT_TRUE(bob->set("accounts", id, "size", Value{"big"}));
  everybody_syncs();
  ASSERT_TRUE(
      eve->write([&](sync::EdgeWrite& txn) { return txn.builder().erase("accounts", id); }));
  everybody_syncs();
  office.hub.reset();
  office.store.reset();
  office.disk->restore(backup);
  office.restart();
  ASSERT_FALSE(eve->sync()) << "a raw copy is noticed";
  sync::HubSession hub_side{*office.hub, {Bytes(32, 'x'), 4096, {}}};
  sync::EdgeSession edge_side{*eve->edge, {Bytes(32, 'x'), *eve->signer, false, 4096}};
  const auto down = [&] {
    for (;;) {
      office.work_for(hub_side);
      const auto message = hub_side.generate();
      ASSERT_TRUE(message.has_value());
      if (!*message) return;
      ASSERT_TRUE(edge_side.receive(**message));
    }
  };
  const auto up = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const auto message = edge_side.generate();
      ASSERT_TRUE(message.has_value());
      if (!*message) return;
      ASSERT_TRUE(hub_side.receive(**message));
    }
  };
  down();
  up(1);
  down();  // Welcome, and a page after which she has caught up with an empty store.
  ASSERT_EQ(eve->shows("accounts", id, "size"), "dead");
  ASSERT_TRUE(bob->sync()) << "his edit returns before what it edits";
  up(1);
  down();
  for (int i = 0; i < 5; ++i) {
    up(4);
    down();
  }
  ASSERT_TRUE(edge_side.quiet());
  const auto at_hub = office.hub->find_record(id);
  const auto at_eve = eve->edge->shown(id, sync::kDefaultPurpose);
  ASSERT_TRUE(at_hub && *at_hub && at_eve && *at_eve);
  ASSERT_NE((*at_hub)->find(kLifeField), nullptr);
  ASSERT_NE((*at_eve)->find(kLifeField), nullptr);
  EXPECT_EQ((*at_eve)->find(kLifeField)->state, (*at_hub)->find(kLifeField)->state);
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
  auto txn = office.hub->begin();
  auto builder = (*txn)->builder();
  ASSERT_TRUE(builder.set("accounts", id, "website", Value{"x.example"}));
  const auto body = builder.finish();
  ASSERT_TRUE((*txn)->write(*body, "admin", std::string{sync::kDefaultPurpose}));
  ASSERT_TRUE((*txn)->commit());
  txn->reset();
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
