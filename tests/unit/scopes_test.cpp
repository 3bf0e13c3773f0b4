// Who holds what: paths through references, moves, and what becomes of edits on the way.
#include "sync/hub/scope_check.hpp"
#include "sync/hub/scoping.hpp"
#include "sync/page/page.hpp"
#include "sync/session/reach.hpp"
#include "tests/support/stored_records.hpp"
#include "tests/support/territories.hpp"

#include "schema/model/limits.hpp"

namespace satchel::test {
namespace {

TEST_F(Scopes, ARecordIsHeldWhereItsPathsLead) {
  EXPECT_EQ(held_by(*ann), ids({shop, jim, phone_of_jim, visit, product}));
  EXPECT_EQ(held_by(*bob), ids({product}));
}

TEST_F(Scopes, WhatHangsOnARecordMovesWithItInOneCommit) {
  const Sequence before = office.hub->state().seq;
  hand_over();
  EXPECT_EQ(office.hub->state().seq, before + 1);
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), ids({visit, product})) << "her own visit stays: its owner holds it";
  EXPECT_EQ(stored_by(*ann), 2U);
  EXPECT_EQ(held_by(*bob), ids({shop, jim, phone_of_jim, visit, product}));
  EXPECT_EQ(bob->shows("points", phone_of_jim, "value"), "\"123\"");
}

TEST_F(Scopes, NoDeviceSeesHalfOfAHandOverWhereverTheSessionIsCut) {
  hand_over();
  const auto whole = ids({shop, jim, phone_of_jim});
  const auto part_of = [&](Phone& phone) {
    std::size_t count = 0;
    for (const std::string& id : held_by(phone)) count += whole.count(id);
    return count;
  };
  for (Phone* phone : {ann.get(), bob.get()}) {
    for (int cut = 1; cut < 12; ++cut) {
      int messages = 0;
      static_cast<void>(phone->sync([&](bool, const Bytes&) { return ++messages < cut; }));
      EXPECT_TRUE(part_of(*phone) == 0 || part_of(*phone) == whole.size()) << "cut at " << cut;
    }
    ASSERT_TRUE(phone->sync());
  }
  EXPECT_EQ(part_of(*ann), 0U);
  EXPECT_EQ(part_of(*bob), whole.size());
}

TEST_F(Scopes, WhatWasWrittenBeforeARecordWentIsTakenAndNotShownAnyMore) {
  ASSERT_TRUE(ann->set("contacts", jim, "name", Value{"James"}));
  ASSERT_TRUE(ann->set("points", phone_of_jim, "value", Value{"456"}));
  hand_over();
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(hub_shows(office, *bob, "contacts", jim, "name"), "\"James\"");
  EXPECT_EQ(bob->shows("contacts", jim, "name"), "\"James\"");
  EXPECT_EQ(bob->shows("points", phone_of_jim, "value"), "\"456\"");
  EXPECT_EQ(held_by(*ann), ids({visit, product}));
  EXPECT_EQ(*ann->edge->count_inbox(), 0U);
  EXPECT_TRUE(ann->unsent().empty());
}

TEST_F(Scopes, WhoHasConfirmedThatARecordWentCannotDateHimselfBack) {
  ASSERT_TRUE(ann->set("contacts", jim, "name", Value{"James"}));
  hand_over();
  {
    auto txn = office.hub->begin();
    const ReplicaId replica = ann->edge->numbering().replica;
    auto state = (*txn)->replica_state(replica);
    const sync::HubState now = office.hub->state();
    state->progress = {now.incarnation, now.seq, now.tag};
    ASSERT_TRUE((*txn)->put_replica_state(replica, *state) && (*txn)->commit());
  }
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *bob, "contacts", jim, "name"), "\"Jim\"");
  const auto inbox = ann->edge->inbox();
  ASSERT_EQ(inbox->size(), 1U);
  EXPECT_EQ(inbox->front().result.rule, "unknown-record");
}

TEST_F(Scopes, ARecordThatComesBackComesWhole) {
  hand_over();
  ASSERT_TRUE(ann->sync());
  ASSERT_TRUE(change("contacts", jim, "name", Value{"Jimmy"}));
  ASSERT_TRUE(change("accounts", shop, "territory", Value{"11"}));
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), ids({shop, jim, phone_of_jim, visit, product}));
  EXPECT_EQ(ann->shows("contacts", jim, "name"), "\"Jimmy\"");
  EXPECT_EQ(ann->shows("accounts", shop, "name"), "\"shop\"");
  EXPECT_EQ(held_by(*bob), ids({product}));
}

TEST_F(Scopes, OneScopeLeftIsNoEvictWhileAnotherGrants) {
  ASSERT_TRUE(office.write(
      [&](sync::CommitBuilder& b) { return b.set_add("accounts", shop, "team", Value{"ann"}); }));
  hand_over();
  std::size_t evicts = 0;
  ASSERT_TRUE(ann->sync([&](bool to_hub, const Bytes& message) {
    const auto frame = wire::decode_frame(message);
    if (to_hub || !frame || !std::holds_alternative<wire::Changes>(*frame)) return true;
    const Bytes& page = std::get<wire::Changes>(*frame).page;
    if (page.empty()) return true;
    auto reader = sync::PageReader::open(page);
    sync::PageItem item;
    while (*reader->next(item)) evicts += item.evict ? 1U : 0U;
    return true;
  }));
  EXPECT_EQ(held_by(*ann), ids({shop, jim, visit, product})) << "points go by territory alone";
  EXPECT_EQ(evicts, 1U);
}

TEST_F(Scopes, AChildWhoseParentIsUnknownIsItsAuthorsUntilThatComes) {
  const RecordId unknown = *sync::make_record_id(office.clock.wall_us(), office.entropy);
  const RecordId eve = ann->create("contacts", "account", Value{to_text(unknown)});
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_TRUE(held_by(*ann).contains(to_text(eve)));
  EXPECT_FALSE(held_by(*bob).contains(to_text(eve)));
  ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) -> Status {
    SATCHEL_TRY(b.create("accounts", unknown));
    return b.set("accounts", unknown, "territory", Value{"12"});
  }));
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_FALSE(held_by(*ann).contains(to_text(eve)));
  EXPECT_TRUE(held_by(*bob).contains(to_text(eve)));
  EXPECT_TRUE(held_by(*bob).contains(to_text(unknown)));
}

TEST_F(Scopes, AChildThatTurnsToAnotherParentMovesAlone) {
  const RecordId mill = make("accounts", {{"name", Value{"mill"}}, {"territory", Value{"12"}}});
  ASSERT_TRUE(ann->set("contacts", jim, "account", Value{to_text(mill)}));
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), ids({shop, visit, product}));
  EXPECT_EQ(held_by(*bob), ids({mill, jim, phone_of_jim, product}));
  hand_over();
  ASSERT_TRUE(change("accounts", mill, "territory", Value{"11"}));
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), ids({mill, jim, phone_of_jim, visit, product}));
  EXPECT_EQ(held_by(*bob), ids({shop, visit, product}));
}

TEST_F(Scopes, ARecordMadeForATerritoryOfAnotherIsItsMakersForAMoment) {
  RecordId given;
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) -> Status {
    given = *txn.create("accounts");
    return txn.builder().set("accounts", given, "territory", Value{"12"});
  }));
  EXPECT_TRUE(held_by(*ann).contains(to_text(given)));
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_FALSE(held_by(*ann).contains(to_text(given)));
  EXPECT_TRUE(held_by(*bob).contains(to_text(given)));
}

TEST_F(Scopes, ARecordMadeOnADeviceIsOfItsAuthorsFirstTerritory) {
  const RecordId made = ann->create("accounts", "name", Value{"new"});
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", made, "territory"), "\"11\"");
  give("ann", {"13"});
  ASSERT_TRUE(ann->sync());
  const RecordId later = ann->create("accounts", "name", Value{"newer"});
  EXPECT_EQ(ann->shows("accounts", later, "territory"), "\"13\"") << "she has 11 no more";
}

struct ManyContacts : Scopes {
  static constexpr int kMany = static_cast<int>(sync::kDependentsInCommitMax) + 50;
  void SetUp() override {
    Scopes::SetUp();
    ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) -> Status {
      for (int i = 0; i < kMany; ++i) {
        const RecordId id = *sync::make_record_id(office.clock.wall_us(), office.entropy);
        SATCHEL_TRY(b.create("contacts", id));
        SATCHEL_TRY(b.set("contacts", id, "account", Value{to_text(shop)}));
      }
      return {};
    }));
    ASSERT_TRUE(ann->sync() && bob->sync());
    ASSERT_EQ(stored_by(*ann), 5U + kMany);
  }
};

TEST_F(ManyContacts, WaitTogetherWithTheirRootAndMoveInOneStep) {
  hand_over();
  EXPECT_EQ(office.hub->state().rescoping, 1U);
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(stored_by(*ann), 5U + kMany) << "nothing has moved yet";
  EXPECT_EQ(ann->shows("accounts", shop, "territory"), "\"12\"") << "what was written is shown";
  EXPECT_EQ(held_by(*bob), ids({product}));
  const RecordId late = ann->create("contacts", "account", Value{to_text(shop)});
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*bob), ids({product})) << "who comes meanwhile waits too";

  office.restart();
  EXPECT_EQ(office.hub->state().rescoping, 1U) << "it is not forgotten";
  EXPECT_TRUE(sync::check_scopes(*office.hub)->empty()) << "and no mistake";
  office.rescope();
  EXPECT_TRUE(sync::check_scopes(*office.hub)->empty());
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), ids({visit, product}));
  EXPECT_EQ(stored_by(*bob), 6U + kMany);
  EXPECT_TRUE(held_by(*bob).contains(to_text(late)));
}

TEST_F(ManyContacts, MoveInTheCommitWhereItTakesThemAndOneMoreWaits) {
  const auto let_go = [&](std::size_t count) {
    std::set<std::string> contacts = held_by(*ann);
    for (const std::string& other : ids({shop, jim, phone_of_jim, visit, product}))
      contacts.erase(other);
    for (auto each = contacts.begin(); count > 0; ++each, --count)
      ASSERT_TRUE(change("contacts", *parse_record_id(*each), "account", Value{}));
    ASSERT_TRUE(ann->sync());
  };
  // Jim, his phone and the visit depend on the shop as well.
  let_go(kMany + 3 - (sync::kDependentsInCommitMax + 1));
  hand_over();
  EXPECT_EQ(office.hub->state().rescoping, 1U) << "one too many";
  office.rescope();
  ASSERT_TRUE(change("accounts", shop, "territory", Value{"11"}));
  office.rescope();
  ASSERT_TRUE(ann->sync());
  let_go(1);
  hand_over();
  EXPECT_EQ(office.hub->state().rescoping, 0U) << "as many as a commit takes";
  ASSERT_TRUE(bob->sync());
  EXPECT_EQ(stored_by(*bob), sync::kDependentsInCommitMax + 2);  // The shop, and the product.
}

TEST_F(Scopes, ADependentThatCannotBeReadHoldsNobodyUpAndMovesOnceItCan) {
  const sync::StoredRecord whole = spoil_record(*office.store, jim);
  hand_over();
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*bob), ids({shop, visit, product}));
  put_stored(*office.store, whole);
  office.restart();
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), ids({visit, product}));
  EXPECT_EQ(held_by(*bob), ids({shop, jim, phone_of_jim, visit, product}));
}

TEST_F(Scopes, ARecordHungOnOneThatCannotBeReadFindsItsPlaceOnceItCan) {
  const sync::StoredRecord whole = spoil_record(*office.store, shop);
  const RecordId kim = bob->create("contacts", "account", Value{to_text(shop)});
  ASSERT_TRUE(bob->sync());
  EXPECT_TRUE(held_by(*bob).contains(to_text(kim)));
  put_stored(*office.store, whole);
  office.restart();
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_TRUE(held_by(*ann).contains(to_text(kim)));
  EXPECT_FALSE(held_by(*bob).contains(to_text(kim)));
}

TEST_F(Scopes, AnIndexThatCannotBeReadCountsAsFull) {
  std::vector<Bytes> rows;
  {
    auto txn = office.store->begin_write();
    ASSERT_TRUE((*txn)->scan_keys(sync::Table::kScopeMembers, {}, [&](ByteView key) {
      rows.emplace_back(key);
      return true;
    }));
    for (const Bytes& row : rows)
      ASSERT_TRUE((*txn)->put(sync::Table::kScopeMembers, row, "\2garbage"));
    ASSERT_TRUE((*txn)->commit());
  }
  ASSERT_GE(rows.size(), 3U);
  Phone fresh{office, "ann", sync::Role::kRep, 31, slices(), {"11"}};
  ASSERT_TRUE(fresh.sync());
  EXPECT_EQ(held_by(fresh), ids({shop, jim, phone_of_jim, visit, product}));
  hand_over();
  give("bob", {"13"});
  ASSERT_TRUE(fresh.sync() && bob->sync());
  EXPECT_EQ(held_by(fresh), ids({visit, product}));
  EXPECT_EQ(held_by(*bob), ids({product}));
}

TEST_F(Scopes, AnotherSchemaThatSaysOtherwisePlacesEverythingAnew) {
  std::string text = kSlices;
  text.replace(text.find(R"($S.scopes(["account.territory", "account.team"]))"),
               std::string(R"($S.scopes(["account.territory", "account.team"]))").size(),
               R"($S.scopes(["owner"]))");
  auto changed = schema::compile_text("slices.capnp", text);
  ASSERT_TRUE(changed);
  {
    auto txn = office.hub->begin();
    ASSERT_TRUE((*txn)->put_schema(*changed));
    ASSERT_TRUE((*txn)->commit());
  }
  Phone fresh{office, "ann", sync::Role::kRep, 31, *changed, {"11"}};
  ASSERT_TRUE(fresh.sync());
  EXPECT_EQ(held_by(fresh), ids({shop, phone_of_jim, visit, product}));
}

TEST(Territory, ThereIsAnEndToThoseOfOneUser) {
  Territories world;
  std::vector<std::string> many;
  for (std::size_t i = 0; i < limits::kTerritoriesMax; ++i) many.push_back(std::to_string(i));
  world.give("ann", many);
  ASSERT_TRUE(world.ann->sync());
  many.push_back("one more");
  auto txn = world.office.hub->begin();
  const Status over = (*txn)->put_user({"ann", sync::Role::kRep, many, true, {}});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::kLimitExceeded);
}

}  // namespace
}  // namespace satchel::test
