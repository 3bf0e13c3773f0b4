// A device's first pass, or one made anew: in which order it gets what, how it goes on after a cut,
// and what becomes of a device whose place the log no longer knows (sync.md, Wire protocol).
#include "tests/support/workplace.hpp"

#include <algorithm>
#include <set>

#include "sync/hub/agenda.hpp"
#include "sync/page/page.hpp"

namespace satchel::test {
namespace {

using sync::Role;
constexpr std::int64_t kDayUs = 86'400'000'000;

struct Bootstrap : testing::Test {
  Office office;
  std::unique_ptr<Phone> ann;

  Bootstrap() {
    office.add_user("ann", Role::kRep);
    office.add_user("bob", Role::kRep);
    ann = std::make_unique<Phone>(office, "ann", Role::kRep, 31);
  }
  // Names of records by id, as they come: every record of every page, in order.
  struct Seen {
    std::vector<std::vector<RecordId>> pages;
    std::vector<wire::Changes> changes;
    Phone::Wire wire(std::size_t pages_max = SIZE_MAX) {
      return [this, pages_max](bool to_hub, const Bytes& message) {
        if (to_hub) return true;
        auto frame = wire::decode_frame(message);
        auto* found = frame ? std::get_if<wire::Changes>(&*frame) : nullptr;
        if (found == nullptr) return true;
        if (pages.size() >= pages_max) return false;
        std::vector<RecordId> ids;
        if (!found->page.empty()) {
          auto reader = sync::PageReader::open(found->page);
          sync::PageItem item;
          while (reader && *reader->next(item)) ids.push_back(item.id);
        }
        pages.push_back(ids);
        changes.push_back(std::move(*found));
        return true;
      };
    }
    [[nodiscard]] std::vector<RecordId> all() const {
      std::vector<RecordId> ids;
      for (const auto& page : pages) ids.insert(ids.end(), page.begin(), page.end());
      return ids;
    }
  };
  std::vector<RecordId> make_accounts(std::size_t count) {
    std::vector<RecordId> ids;
    for (std::size_t i = 0; i < count; ++i)
      ids.push_back(ann->create("accounts", "description", Value{std::string(300, 'd')}));
    EXPECT_TRUE(ann->sync());
    return ids;
  }
  RecordId visit(const RecordId& account, std::int64_t at) {
    RecordId id;
    EXPECT_TRUE(ann->write([&](sync::EdgeWrite& txn) -> Status {
      auto made = txn.create("visits");
      if (!made) return made.error();
      id = *made;
      SATCHEL_TRY(txn.builder().set("visits", id, "account", Value{to_text(account)}));
      return txn.builder().set("visits", id, "plannedStart", Value{at});
    }));
    return id;
  }
  std::size_t log_rows() {
    std::size_t rows = 0;
    EXPECT_TRUE(
        (*office.store->begin_read())->scan(sync::Table::kCommits, {}, [&](ByteView, ByteView) {
          return ++rows > 0;
        }));
    return rows;
  }
};

TEST_F(Bootstrap, ANewDeviceGetsTheNewestRecordsFirst) {
  const std::vector<RecordId> made = make_accounts(30);
  Phone bob{office, "bob", Role::kRep, 32};
  Seen seen;
  ASSERT_TRUE(bob.sync(seen.wire()));
  const std::vector<RecordId> got = seen.all();
  ASSERT_GT(seen.pages.size(), 2U);
  EXPECT_EQ(got, std::vector<RecordId>(made.rbegin(), made.rend()));
}

TEST_F(Bootstrap, TodaysVisitsAndTheirAccountsComeBeforeAnythingElse) {
  const std::vector<RecordId> accounts = make_accounts(30);
  const std::int64_t now = office.clock.wall;
  const RecordId today = visit(accounts[3], now + 3'600'000'000);
  const RecordId next_week = visit(accounts[5], now + 7 * kDayUs);
  make_accounts(30);  // Newer than both.
  Phone tablet{office, "ann", Role::kRep, 33};
  Seen seen;
  ASSERT_TRUE(tablet.sync(seen.wire()));
  ASSERT_FALSE(seen.pages.empty());
  EXPECT_EQ(seen.pages.front(), (std::vector<RecordId>{today, accounts[3]}));
  EXPECT_TRUE(seen.changes.front().restart);
  const std::vector<RecordId> got = seen.all();
  EXPECT_EQ(std::count(got.begin(), got.end(), next_week), 1);

  // Somebody else's today is not his.
  Phone bob{office, "bob", Role::kRep, 34};
  Seen of_bob;
  ASSERT_TRUE(bob.sync(of_bob.wire()));
  const auto& first = of_bob.pages.front();
  EXPECT_EQ(std::count(first.begin(), first.end(), today), 0);
  EXPECT_EQ(bob.shows("visits", today, "plannedStart"),
            tablet.shows("visits", today, "plannedStart"));
}

TEST_F(Bootstrap, AVisitThatIsMovedOrHandedOverLeavesTheDayOfWhoHadIt) {
  const std::vector<RecordId> accounts = make_accounts(2);
  const std::int64_t now = office.clock.wall;
  const RecordId moved = visit(accounts[0], now);
  const RecordId given = visit(accounts[1], now);
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(ann->set("visits", moved, "plannedStart", Value{now + 9 * kDayUs}));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(office.write(
      [&](sync::CommitBuilder& b) { return b.set("visits", given, "owner", Value{"bob"}); }));

  const auto slice_of = [&](const std::string& user) {
    const sync::Entitlement entitlement{
        user, Role::kRep, {"all", "owner:" + user, "territory:north"}};
    const sync::Hub::PageRequest request{entitlement, std::string{sync::kDefaultPurpose}, {}, {}};
    std::set<RecordId> ids;
    const Bytes page = *office.hub->priority_slice(request);
    if (page.empty()) return ids;
    auto reader = sync::PageReader::open(page);
    sync::PageItem item;
    while (*reader->next(item)) ids.insert(item.id);
    return ids;
  };
  EXPECT_EQ(slice_of("ann"), std::set<RecordId>{});
  EXPECT_EQ(slice_of("bob"), (std::set<RecordId>{given, accounts[1]}));
}

TEST_F(Bootstrap, ADayOfMoreRecordsThanASliceHoldsIsCutAndTheRestComesInItsTurn) {
  const std::size_t count = sync::kAgendaRecordsMax + 1;
  ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) -> Status {
    const RecordId account = *sync::make_record_id(office.clock.wall, office.entropy);
    SATCHEL_TRY(b.create("accounts", account));
    SATCHEL_TRY(b.set("accounts", account, "territory", Value{"north"}));
    for (std::size_t i = 0; i < count; ++i) {
      const RecordId id = *sync::make_record_id(office.clock.wall, office.entropy);
      SATCHEL_TRY(b.create("visits", id));
      SATCHEL_TRY(b.set("visits", id, "account", Value{to_text(account)}));
      SATCHEL_TRY(b.set("visits", id, "plannedStart", Value{office.clock.wall}));
      SATCHEL_TRY(b.set("visits", id, "owner", Value{"ann"}));
    }
    return {};
  }));
  const sync::Entitlement entitlement{"ann", Role::kRep, {"all", "owner:ann", "territory:north"}};
  const sync::Hub::PageRequest request{entitlement, std::string{sync::kDefaultPurpose}, {}, {}};
  const Bytes page = *office.hub->priority_slice(request);
  auto reader = sync::PageReader::open(page);
  sync::PageItem item;
  std::size_t in_slice = 0;
  while (*reader->next(item)) ++in_slice;
  EXPECT_EQ(in_slice, sync::kAgendaRecordsMax);
  Seen seen;
  ASSERT_TRUE(ann->sync(seen.wire()));
  const std::vector<RecordId> got = seen.all();
  EXPECT_EQ(std::set<RecordId>(got.begin(), got.end()).size(), count + 1);
}

TEST_F(Bootstrap, ADeviceThatMissedMuchGetsItsDayBeforeTheRest) {
  const std::vector<RecordId> accounts = make_accounts(1);
  Phone tablet{office, "ann", Role::kRep, 35};
  ASSERT_TRUE(tablet.sync());
  const RecordId today = visit(accounts[0], office.clock.wall);
  ASSERT_TRUE(ann->sync());
  auto txn = office.hub->begin();
  ASSERT_TRUE(txn);
  for (int i = 0; i < 2'100; ++i) {
    auto builder = (*txn)->builder();
    ASSERT_TRUE(builder.set("accounts", accounts[0], "website", Value{std::to_string(i)}));
    ASSERT_TRUE((*txn)->write(*builder.finish(), "root", std::string{sync::kDefaultPurpose}));
  }
  ASSERT_TRUE((*txn)->commit());
  txn->reset();
  ASSERT_TRUE(ann->sync());
  const wire::Cursor before = tablet.edge->state().cursor;
  Seen seen;
  ASSERT_TRUE(tablet.sync(seen.wire()));
  EXPECT_EQ(seen.pages.front(), (std::vector<RecordId>{today, accounts[0]}));
  EXPECT_FALSE(seen.changes.front().restart);
  EXPECT_EQ(seen.changes.front().cursor, before);  // Nothing is passed over by it.
  EXPECT_EQ(tablet.edge->state().cursor, ann->edge->state().cursor);
}

TEST_F(Bootstrap, GoesOnWhereItWasCut) {
  const std::vector<RecordId> made = make_accounts(30);
  Phone bob{office, "bob", Role::kRep, 36};
  Seen first;
  EXPECT_FALSE(bob.sync(first.wire(2)));
  ASSERT_EQ(first.pages.size(), 2U);
  EXPECT_FALSE(bob.edge->state().bootstrapped);
  EXPECT_NE(bob.edge->state().cursor.below, 0U);
  // What changes meanwhile is not missed, whichever side of the cut it lies on.
  ASSERT_TRUE(ann->set("accounts", made.front(), "website", Value{std::string{"old"}}));
  ASSERT_TRUE(ann->set("accounts", made.back(), "website", Value{std::string{"new"}}));
  const RecordId late = ann->create("accounts", "website", Value{std::string{"late"}});
  ASSERT_TRUE(ann->sync());
  Seen second;
  ASSERT_TRUE(bob.sync(second.wire()));
  EXPECT_FALSE(second.changes.front().restart);
  const std::vector<RecordId> again = second.all();
  for (const RecordId& id : first.pages[1])
    EXPECT_LE(std::count(again.begin(), again.end(), id), 1);  // Only the one that was changed.
  EXPECT_TRUE(bob.edge->state().bootstrapped);
  EXPECT_EQ(bob.edge->state().cursor.below, 0U);
  EXPECT_EQ(bob.shows("accounts", made.front(), "website"), "\"old\"");
  EXPECT_EQ(bob.shows("accounts", made.back(), "website"), "\"new\"");
  EXPECT_EQ(bob.shows("accounts", late, "website"), "\"late\"");
  for (const RecordId& id : made) EXPECT_EQ(bob.shows("accounts", id, "description").size(), 302U);
}

TEST_F(Bootstrap, ADeviceIsAnsweredBeforeItBegins) {
  const std::vector<RecordId> made = make_accounts(30);
  Phone bob{office, "bob", Role::kRep, 37};
  const RecordId own = bob.create("accounts", "website", Value{std::string{"mine"}});
  {
    sync::HubSession hub = office.session();
    sync::EdgeSession edge = bob.session();
    ASSERT_TRUE(edge.receive(**hub.generate()) && hub.receive(**edge.generate()));
    office.work_for(hub);
    ASSERT_TRUE(edge.receive(**hub.generate()) && edge.welcomed());
    EXPECT_FALSE(hub.generate()->has_value()) << "what he made is still on its way";
  }
  bool acknowledged = false;
  ASSERT_TRUE(bob.sync([&](bool to_hub, const Bytes& message) {
    auto frame = wire::decode_frame(message);
    if (to_hub || !frame) return true;
    if (std::holds_alternative<wire::Ack>(*frame)) acknowledged = true;
    EXPECT_TRUE(acknowledged || !std::holds_alternative<wire::Changes>(*frame));
    return true;
  }));
  EXPECT_TRUE(acknowledged);
  EXPECT_EQ(bob.shows("accounts", own, "website"), "\"mine\"");
  EXPECT_NE(bob.shows("accounts", made.front(), "description"), "-") << "and then it began";
}

// -- The log's old end --

TEST_F(Bootstrap, ATrimmedLogServesNewDevicesAndThoseThatKeptUp) {
  const std::vector<RecordId> made = make_accounts(20);
  office.trim_log();
  EXPECT_EQ(log_rows(), 0U);
  EXPECT_EQ(office.hub->state().log_floor, office.hub->state().seq);
  Phone bob{office, "bob", Role::kRep, 38};
  ASSERT_TRUE(bob.sync());
  ASSERT_TRUE(bob.set("accounts", made[4], "website", Value{std::string{"after"}}));
  ASSERT_TRUE(bob.sync());
  EXPECT_EQ(log_rows(), 1U);
  office.restart();
  Phone tablet{office, "ann", Role::kRep, 39};
  ASSERT_TRUE(tablet.sync());
  EXPECT_EQ(tablet.shows("accounts", made[4], "website"), "\"after\"");
}

TEST_F(Bootstrap, ADeviceWhosePlaceIsGoneBeginsAnewAndNobodyIsAlarmed) {
  const std::vector<RecordId> made = make_accounts(20);
  Phone bob{office, "bob", Role::kRep, 40};
  ASSERT_TRUE(bob.sync());
  ASSERT_TRUE(ann->set("accounts", made[0], "website", Value{std::string{"one"}}));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(bob.set("accounts", made[1], "website", Value{std::string{"offline"}}));
  const IncarnationId life = office.hub->state().incarnation;
  office.trim_log();
  Seen seen;
  ASSERT_TRUE(bob.sync(seen.wire()));
  EXPECT_TRUE(seen.changes.front().restart);
  EXPECT_EQ(office.hub->state().incarnation, life);
  EXPECT_FALSE(office.hub->state().recovering);
  EXPECT_EQ(bob.shows("accounts", made[0], "website"), "\"one\"");
  EXPECT_EQ(bob.shows("accounts", made[1], "website"), "\"offline\"");
  EXPECT_EQ(hub_shows(office, bob, "accounts", made[1], "website"), "\"offline\"");
}

TEST_F(Bootstrap, TheLogIsKeptForDevicesThatAreExpectedBack) {
  make_accounts(20);
  Phone bob{office, "bob", Role::kRep, 41};
  ASSERT_TRUE(bob.sync());
  const Sequence of_bob = bob.edge->state().cursor.seq;
  make_accounts(20);
  const Sequence now = office.hub->state().seq;
  ASSERT_EQ(ann->edge->state().cursor.seq, now);
  EXPECT_EQ(*office.hub->trimmable({.keep = now}), 0U);
  EXPECT_EQ(*office.hub->trimmable({.keep = 1}), of_bob - 1);
  EXPECT_EQ(*office.hub->trimmable({.keep = 1, .most = 5}), now - 5);  // But not without bound.
  office.clock.pass(91 * kDayUs);
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(*office.hub->trimmable({.keep = 1}), now - 1);  // Bob has expired.
}

TEST_F(Bootstrap, WhatATrimmedLogToldOfIsStillRecognised) {
  const std::vector<RecordId> made = make_accounts(1);
  const sync::MemoryVersion backup = ann->disk->snapshot();
  ASSERT_TRUE(ann->add("accounts", made[0], "visitCount", 5));
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(ann->sync());  // Confirms the answer, so that the hub lets go of it.
  ann->restore(backup);
  ASSERT_TRUE(ann->add("accounts", made[0], "visitCount", 5));
  office.trim_log();
  // A write of the same number: it is either the same one, which is done, or another, which is not.
  ASSERT_TRUE(ann->sync_as_host());
  const auto known = *office.hub->known_commits(ann->edge->numberings().front().replica, 100);
  EXPECT_EQ(known.size(), 2U);
  EXPECT_EQ(known.at(2).content_hash.size(), sync::kKnownHashBytes);
  EXPECT_EQ(hub_shows(office, *ann, "accounts", made[0], "visitCount"), "10");
}

TEST_F(Bootstrap, AReducedCommitIsReducedAgainWhenOnlyTheLogRemembersIt) {
  const std::vector<RecordId> made = make_accounts(1);
  RecordId lead;
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) -> Status {
    auto id = txn.create("leads");
    if (!id) return id.error();
    lead = *id;
    return txn.builder().set("leads", lead, "title", Value{std::string{"t"}});
  }));
  ASSERT_TRUE(ann->sync());
  Phone tablet{office, "ann", Role::kRep, 42};
  ASSERT_TRUE(tablet.sync());
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().set("leads", lead, "source", Value{std::string{"second"}}));
    return txn.builder().set("leads", lead, "company", Value{std::string{"c"}});
  }));
  ASSERT_TRUE(tablet.set("leads", lead, "source", Value{std::string{"first"}}));
  ASSERT_TRUE(tablet.sync());
  const sync::MemoryVersion backup = ann->disk->snapshot();
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(ann->sync());
  for (const bool trimmed : {false, true}) {
    if (trimmed) office.trim_log();
    Phone copy{*ann, trimmed ? 52U : 51U};
    copy.restore(backup);
    ASSERT_TRUE(copy.sync_as_host());
    EXPECT_EQ(copy.shows("leads", lead, "source"), "\"first\"") << trimmed;
    EXPECT_EQ(copy.shows("leads", lead, "company"), "\"c\"") << trimmed;
    const auto inbox = *copy.edge->inbox();
    ASSERT_EQ(inbox.size(), 1U) << trimmed;
    EXPECT_EQ(inbox.front().result.rule, "once");
    ASSERT_TRUE(ann->sync_as_host());
  }
}

}  // namespace
}  // namespace satchel::test
