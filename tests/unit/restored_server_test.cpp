// A server whose store was put back behind its back: it begins a new life, and its devices bring
// back what it has forgotten (sync.md, Restores and clones).
#include "sync/hub/missing.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

TEST_F(Field, ARestoredServerGetsBackWhatItHadForgotten) {
  const RecordId id = shared_account();
  const auto backup = office.disk->snapshot();
  ASSERT_TRUE(ann->add("accounts", id, "visitCount", 5));
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(ann->edge->pending_count(), 0U);
  office.restore(backup);
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
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  office.restore(backup);
  ASSERT_FALSE(ann->sync());
  everybody_syncs();
  const IncarnationId second = office.hub->state().incarnation;
  office.restore(backup);
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
  ASSERT_TRUE(eve->erase("accounts", id));
  everybody_syncs();
  office.restore(backup);
  ASSERT_FALSE(eve->sync()) << "a raw copy is noticed";
  sync::HubSession hub_side = office.session();
  sync::EdgeSession edge_side = eve->session();
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

TEST_F(Field, ADeviceThatOnlyReadsLetsGoOfWhatIsInABackup) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  const auto kept = [this] { return ann->edge->newest_kept(ann->edge->numbering())->number; };
  ASSERT_TRUE(ann->sync());
  EXPECT_NE(kept(), 0U);
  office.back_up();
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(kept(), 0U);
}

TEST_F(Field, WhoWasRevokedAfterTheBackupIsRevokedAgainByTheLedger) {
  shared_account();
  const auto backup = office.disk->snapshot();
  const sync::LedgerEntry entry{sync::LedgerKind::kRevocation, 0, 0,
                                Bytes{ann->edge->identity().device.bytes()}};
  office.restore_with_tool(backup);
  ASSERT_EQ(*office.hub->replay(std::span{&entry, 1}), 1U);
  EXPECT_EQ(ann->sync().error().code, Errc::kDeviceRevoked);
  EXPECT_TRUE(bob->sync());
  EXPECT_EQ(*office.hub->replay(std::span{&entry, 1}), 0U) << "it is no news the second time";
}

// Keeps entries in memory, and says when it cannot.
class MemoryLedger final : public sync::Ledger {
 public:
  Status append(std::span<const sync::LedgerEntry> entries) override {
    if (full) return Error{Errc::kFileWrite, "full"};
    all.insert(all.end(), entries.begin(), entries.end());
    return {};
  }
  [[nodiscard]] Bytes place() const override { return std::to_string(all.size()); }
  std::vector<sync::LedgerEntry> all;
  bool full = false;
};

TEST_F(Field, NobodyIsRevokedBeforeTheLedgerHasIt) {
  MemoryLedger ledger;
  auto parts = office.parts();
  parts.ledger = &ledger;
  office.hub = std::move(*sync::Hub::open(std::move(parts)));
  const auto revoke = [&](bool wipe) -> Status {
    auto txn = office.hub->begin();
    auto device = *(*txn)->find_device(ann->edge->identity().device);
    device->revoked = true;
    device->wipe = wipe;
    SATCHEL_TRY((*txn)->put_device(*device));
    return (*txn)->commit();
  };
  ledger.full = true;
  EXPECT_EQ(revoke(false).error().code, Errc::kFileWrite);
  EXPECT_TRUE(ann->sync()) << "what the ledger does not have did not happen";
  ledger.full = false;
  ASSERT_TRUE(revoke(false));
  ASSERT_TRUE(revoke(true));
  ASSERT_TRUE(revoke(true));
  ASSERT_EQ(ledger.all.size(), 2U) << "the wipe is news, its repetition is not";
  EXPECT_EQ(ledger.all[0].flags, 0);
  EXPECT_EQ(ledger.all[1].flags, sync::kLedgerWipe);
  EXPECT_EQ(*sync::Hub::read_ledger_place(*office.store), "2");
  office.restart();  // Parts without the ledger that goes now.
}

// The author is not there: another device tells what the server lacks, by name.
TEST_F(Field, WhatADeviceHeldAndARestoredServerLacksIsNamedUntilItsAuthorReturns) {
  const RecordId id = shared_account();
  const auto backup = office.disk->snapshot();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->add("accounts", id, "visitCount", 5));
  const RecordId made = ann->create("accounts", "industry", Value{"new"});
  ASSERT_TRUE(ann->sync() && eve->sync());
  office.restore_with_tool(backup);
  sync::MissingStates missing{*office.hub};
  EXPECT_EQ(missing.awaited(INT64_MAX / 2)->size(), 3U);
  ASSERT_TRUE(bob->sync());
  EXPECT_TRUE(missing.list()->empty()) << "bob had seen nothing of it";
  ASSERT_TRUE(eve->sync());
  const auto named = *missing.list();
  ASSERT_EQ(named.size(), 3U) << "a commit each";
  for (const sync::MissingState& each : named) {
    EXPECT_EQ(each.state.dot.replica, ann->edge->state().replica);
    EXPECT_TRUE(each.state.record == id || each.state.record == made);
    EXPECT_EQ(each.state.collection, crm()->find("accounts")->id);
    EXPECT_EQ(each.told_by, eve->edge->identity().device);
  }
  ASSERT_TRUE(eve->sync());
  EXPECT_EQ(missing.list()->size(), 3U) << "told again it is no other";
  EXPECT_EQ(missing.awaited(INT64_MAX / 2)->size(), 1U);
  ASSERT_TRUE(ann->sync());
  EXPECT_TRUE(missing.list()->empty()) << "she has brought all of it";
  EXPECT_TRUE(missing.awaited(INT64_MAX / 2)->empty());
  everybody_syncs();
  EXPECT_EQ(eve->shows("accounts", id, "size"), "\"big\"");
}

TEST_F(Field, NothingIsMissingWhereNothingWasLost) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  everybody_syncs();
  office.begin_incarnation();
  everybody_syncs();
  EXPECT_TRUE(sync::MissingStates{*office.hub}.list()->empty());
  EXPECT_TRUE(eve->edge->missing_states()->empty());
}

}  // namespace
}  // namespace satchel::test
