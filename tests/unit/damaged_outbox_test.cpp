// Commits of the outbox that cannot be read any more: each delays only itself, and is named.
#include "sync/edge/rows.hpp"
#include "tests/support/stored_records.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::DamagedCommit;
using sync::Table;

// Garbage in the place of whatever lies there.
void spoil(sync::Store& store, Table table, const Bytes& key) {
  auto txn = store.begin_write();
  ASSERT_TRUE(txn && (*txn)->put(table, key, Bytes("\1garbage")) && (*txn)->commit());
}

struct DamagedOutbox : TwoPhones {
  // Every part of the commit but its sealed copy.
  void spoil_commit(std::uint64_t place, bool header_too) {
    std::vector<Bytes> keys;
    {
      auto txn = ann->store->begin_read();
      ASSERT_TRUE((*txn)->scan_keys(Table::kOutbox, sync::number_key(place), [&](ByteView key) {
        const bool of_it = key.starts_with(sync::number_key(place));
        const auto part = static_cast<std::uint8_t>(key.back());
        if (of_it && part != 0xFF && (part != 0 || header_too)) keys.emplace_back(key);
        return of_it;
      }));
    }
    ASSERT_FALSE(keys.empty());
    for (const Bytes& key : keys) spoil(*ann->store, Table::kOutbox, key);
  }
  std::vector<DamagedCommit> damaged() const { return ann->edge->damaged(); }
};

TEST_F(DamagedOutbox, AnAcknowledgedEntryIsPassedOverAndNamed) {
  spoil_commit(1, false);
  ann->restart();
  EXPECT_EQ(ann->shows("accounts", shop, "industry"), "\"retail\"");
  EXPECT_TRUE(damaged().empty());
  const auto named = ann->edge->damage_at(1);
  ASSERT_TRUE(named && *named);
  EXPECT_EQ((*named)->state, DamagedCommit::State::kAcknowledged);
  ASSERT_EQ((*named)->records.size(), 1U);
  EXPECT_EQ((*named)->records.front().second, shop);
  ASSERT_TRUE(ann->set("accounts", shop, "size", Value{"big"}) && ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "size"), "\"big\"");
}

TEST_F(DamagedOutbox, AnUnsentEntryWithoutACopyIsNamedAsLostAndHoldsUpNothingElse) {
  ASSERT_TRUE(ann->set("accounts", shop, "industry", Value{"food"}));
  ASSERT_TRUE(ann->set("accounts", shop, "size", Value{"big"}));
  const RecordId other = ann->create("accounts", "industry", Value{"steel"});
  spoil_commit(2, false);
  ann->restart();
  EXPECT_EQ(ann->shows("accounts", shop, "industry"), "\"retail\"") << "what is under it shows";
  EXPECT_EQ(ann->shows("accounts", other, "industry"), "\"steel\"");
  ASSERT_EQ(damaged().size(), 1U);
  EXPECT_EQ(damaged().front().state, DamagedCommit::State::kLost);
  EXPECT_EQ(damaged().front().records.front().second, shop);
  EXPECT_EQ(ann->edge->pending_count(), 3U);
  EXPECT_EQ(ann->edge->pending()->size(), 2U);
  EXPECT_FALSE(ann->edge->find_pending(2));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(ann->edge->pending_count(), 0U);
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "industry"), "\"retail\"");
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "size"), "\"big\"");
  EXPECT_EQ(hub_shows(office, *ann, "accounts", other, "industry"), "\"steel\"");
  ann->restart();
  ASSERT_EQ(damaged().size(), 1U) << "it is named until somebody drops it";
  EXPECT_EQ(damaged().front().state, DamagedCommit::State::kAnswered);
  EXPECT_EQ(damaged().front().records.front().second, shop);
  EXPECT_EQ(ann->edge->heal()->lost.size(), 1U);
  ann->restart();
  EXPECT_TRUE(damaged().empty());
}

TEST_F(DamagedOutbox, AnAnswerThatDoesNotOpenKeepsItsCommitThroughABackup) {
  ASSERT_TRUE(ann->set("accounts", shop, "size", Value{"big"}) && ann->sync());
  spoil(*ann->store, Table::kCommits, sync::number_key(2));
  ann->restart();
  const auto is_held = [&](std::uint64_t place) {
    const auto commit = sync::find_commit(**ann->store->begin_read(), Table::kOutbox, place);
    return commit && *commit;
  };
  ASSERT_TRUE(is_held(1) && is_held(2));
  office.back_up();
  ASSERT_TRUE(ann->set("accounts", shop, "size", Value{"small"}) && ann->sync());
  EXPECT_FALSE(is_held(1)) << "it is in the backup";
  EXPECT_TRUE(is_held(2)) << "whether it is, nobody can tell";
}

TEST_F(DamagedOutbox, AnUnsentEntryGoesAsItsSealedCopyAndTakesEffectOnce) {
  ann->keeps_copies = true;
  ann->restart();
  ASSERT_TRUE(ann->add("accounts", shop, "visitCount", 5));
  ASSERT_TRUE(ann->set("accounts", shop, "size", Value{"big"}));
  spoil_commit(2, true);
  ann->restart();
  ASSERT_EQ(damaged().size(), 1U);
  EXPECT_EQ(damaged().front().state, DamagedCommit::State::kSealedCopy);
  EXPECT_TRUE(damaged().front().records.empty()) << "its header cannot be read";
  EXPECT_EQ(ann->shows("accounts", shop, "visitCount"), "-");
  // The first answer is lost on the way; the second time nothing takes effect twice.
  EXPECT_FALSE(ann->sync([](bool to_hub, const Bytes& message) {
    return to_hub || !std::holds_alternative<wire::Ack>(*wire::decode_frame(message));
  }));
  ASSERT_TRUE(ann->sync());
  EXPECT_TRUE(damaged().empty());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "visitCount"), "5");
  EXPECT_EQ(ann->shows("accounts", shop, "visitCount"), "5") << "its author is told of it";
  EXPECT_EQ(ann->shows("accounts", shop, "size"), "\"big\"");
  ASSERT_TRUE(bob->sync());
  EXPECT_EQ(bob->shows("accounts", shop, "visitCount"), "5");
}

TEST_F(DamagedOutbox, HealingDropsARecordThatDoesNotOpenAndPullsItAgain) {
  spoil_record(*ann->store, shop);
  ann->restart();
  EXPECT_FALSE(ann->edge->shown(shop, sync::kDefaultPurpose));
  const auto healed = ann->edge->heal();
  ASSERT_TRUE(healed);
  ASSERT_EQ(healed->records.size(), 1U);
  EXPECT_EQ(healed->records.front().second, shop);
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(ann->shows("accounts", shop, "industry"), "\"retail\"");
}

TEST_F(DamagedOutbox, AnInboxItemThatDoesNotOpenIsListedAndCanBeDiscarded) {
  spoil(*ann->store, Table::kInbox, sync::part_key(7, 0));
  spoil(*ann->store, Table::kInbox, sync::part_key(7, sync::kInboxPart));
  EXPECT_EQ(*ann->edge->count_inbox(), 1U);
  const auto inbox = ann->edge->inbox();
  ASSERT_TRUE(inbox);
  ASSERT_EQ(inbox->size(), 1U);
  EXPECT_EQ(inbox->front().id, 7U);
  EXPECT_EQ(inbox->front().result.rule, "damaged-on-device");
  ASSERT_TRUE(ann->edge->discard(7));
  EXPECT_EQ(*ann->edge->count_inbox(), 0U);
}

TEST_F(DamagedOutbox, ALostEntryIsNotMadeAnewUnderAnotherId) {
  ASSERT_TRUE(ann->set("accounts", shop, "industry", Value{"food"}));
  ASSERT_TRUE(ann->set("accounts", shop, "size", Value{"big"}));
  spoil_commit(2, true);
  ann->restart();
  ASSERT_TRUE(ann->edge->renumber());
  ASSERT_EQ(damaged().size(), 1U);
  EXPECT_EQ(damaged().front().state, DamagedCommit::State::kAnswered);
  ASSERT_TRUE(ann->sync_as_host());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "size"), "\"big\"");
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "industry"), "\"retail\"");
}

TEST_F(DamagedOutbox, AServerThatWasRestoredGetsTheSealedCopyOfADamagedEntry) {
  ann->keeps_copies = true;
  ann->restart();
  const auto backup = office.disk->snapshot();
  const RecordId late = ann->create("accounts", "industry", Value{"steel"});
  ASSERT_TRUE(ann->sync());
  spoil_commit(2, true);
  office.restore(backup);
  ann->restart();
  EXPECT_FALSE(ann->sync());  // It notices that it was restored.
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", late, "industry"), "\"steel\"");
  EXPECT_EQ(ann->shows("accounts", late, "industry"), "\"steel\"");
}

}  // namespace
}  // namespace satchel::test
