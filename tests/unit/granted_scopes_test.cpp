// Territories given and taken: what comes, what goes, and passes that are cut or change midway.
#include "sync/page/page.hpp"
#include "sync/session/reach.hpp"
#include "tests/support/territories.hpp"

namespace satchel::test {
namespace {

// The number of records that the server tells a phone of, evicts among them.
struct Told {
  std::size_t records = 0;
  std::size_t evicts = 0;
  bool restart = false;
};
Told sync_and_count(Phone& phone) {
  Told told;
  const Status done = phone.sync([&](bool to_hub, const Bytes& message) {
    const auto frame = wire::decode_frame(message);
    if (to_hub || !frame || !std::holds_alternative<wire::Changes>(*frame)) return true;
    const auto& changes = std::get<wire::Changes>(*frame);
    told.restart = told.restart || changes.restart;
    if (changes.page.empty()) return true;
    auto reader = sync::PageReader::open(changes.page);
    sync::PageItem item;
    while (*reader->next(item)) ++(item.evict ? told.evicts : told.records);
    return true;
  });
  EXPECT_TRUE(done) << (done ? "" : done.error().message());
  return told;
}

TEST_F(Scopes, ATerritoryGivenToAUserComesAloneAndOneTakenGoesAlone) {
  const RecordId mill = make("accounts", {{"name", Value{"mill"}}, {"territory", Value{"13"}}});
  const RecordId kim = make("contacts", {{"account", Value{to_text(mill)}}});
  ASSERT_TRUE(ann->sync());
  give("ann", {"11", "13"});
  Told told = sync_and_count(*ann);
  EXPECT_EQ(held_by(*ann), ids({shop, jim, phone_of_jim, visit, product, mill, kim}));
  EXPECT_EQ(told.records, 2U) << "what she has is not told again";
  EXPECT_FALSE(told.restart);

  give("ann", {"13"});
  told = sync_and_count(*ann);
  EXPECT_EQ(held_by(*ann), ids({visit, product, mill, kim}));
  EXPECT_EQ(stored_by(*ann), 4U);
  EXPECT_EQ(told.records, 0U);
  EXPECT_EQ(told.evicts, 3U);
  told = sync_and_count(*ann);
  EXPECT_EQ(told.records + told.evicts, 0U) << "and that was all";
}

TEST_F(Scopes, WhatLeftATerritoryThatIsTakenGoesToo) {
  ASSERT_TRUE(change("contacts", jim, "name", Value{"James"}));
  hand_over();
  give("ann", {"13"});
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), ids({visit, product}));
  EXPECT_EQ(stored_by(*ann), 2U);
}

// Its reader loses it with the last scope that he may hold, wherever it goes from the one he lost.
TEST_F(Scopes, ATerritoryThatIsTakenHoldsBackNoEvict) {
  const auto team = [this](bool add) {
    ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) {
      return add ? b.set_add("accounts", shop, "team", Value{"ann"})
                 : b.set_remove("accounts", shop, "team", Value{"ann"});
    }));
  };
  team(true);
  ASSERT_TRUE(ann->sync());
  const wire::Cursor place = ann->edge->state().cursor;
  give("ann", {});
  team(false);
  hand_over();
  sync::Entitlement now = office.hub->entitlement_of(**office.hub->find_user("ann"));
  now.former = {"territory:11"};
  const auto page = office.hub->changes_after(
      {now, std::string{sync::kDefaultPurpose}, place, {}, 0, 1, std::nullopt});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->cursor.seq, place.seq + 1) << "the page ends before the hand-over";
  auto reader = sync::PageReader::open(page->body);
  sync::PageItem item;
  std::set<std::string> evicted;
  while (*reader->next(item)) {
    if (item.evict) evicted.insert(to_text(item.id));
  }
  EXPECT_EQ(evicted, ids({shop, jim}));
}

TEST_F(Scopes, GrantsThatChangeBackInTheMiddleOfAPassLeaveNothingOutAndNothingBehind) {
  for (int i = 0; i < 200; ++i) {
    make("accounts", {{"name", Value{std::string(200, 'm')}}, {"territory", Value{"13"}}});
  }
  ASSERT_TRUE(ann->sync());
  const auto before = held_by(*ann);
  for (int cut = 4; cut < 14; ++cut) {
    give("ann", {"13"});
    int messages = 0;
    static_cast<void>(ann->sync([&](bool, const Bytes&) { return ++messages < cut; }));
    give("ann", {"11"});
    ASSERT_TRUE(ann->sync());
    EXPECT_EQ(held_by(*ann), before) << "cut at " << cut;
    EXPECT_EQ(stored_by(*ann), before.size()) << "cut at " << cut;
  }
}

// Where it stands is of the pass before: it has let go of nothing yet.
TEST_F(Scopes, APassWhoseWelcomeWasLostIsToldFromItsBeginning) {
  for (int i = 0; i < 200; ++i) {
    make("accounts", {{"name", Value{std::string(200, 'm')}}, {"territory", Value{"13"}}});
  }
  ASSERT_TRUE(ann->sync());
  const auto before = held_by(*ann);
  give("ann", {"11", "13"});
  int messages = 0;
  static_cast<void>(ann->sync([&](bool, const Bytes&) { return ++messages < 8; }));
  ASSERT_NE(ann->edge->state().cursor.below, 0U);
  ASSERT_GT(held_by(*ann).size(), before.size());
  give("ann", {"11"});
  static_cast<void>(ann->sync([](bool to_hub, const Bytes& message) {
    const auto frame = wire::decode_frame(message);
    return to_hub || !frame || !std::holds_alternative<wire::Welcome>(*frame);
  }));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), before);
}

TEST_F(Scopes, APassThatIsCutGoesOnWhereItWas) {
  constexpr std::size_t kMany = 300;
  for (std::size_t i = 0; i < kMany; ++i) {
    make("accounts", {{"name", Value{std::string(200, 'm')}}, {"territory", Value{"13"}}});
  }
  ASSERT_TRUE(ann->sync());
  give("ann", {"11", "13"});
  int messages = 0;
  static_cast<void>(ann->sync([&](bool, const Bytes&) { return ++messages < 8; }));
  const std::uint64_t have = stored_by(*ann);
  ASSERT_GT(have, 5U);
  ASSERT_LT(have, 5U + kMany);
  const Told told = sync_and_count(*ann);
  EXPECT_EQ(stored_by(*ann), 5U + kMany);
  EXPECT_EQ(told.records, 5U + kMany - have);
}

TEST_F(Scopes, UnsentWorkOnATerritoryThatIsTakenIsDeliveredFirst) {
  ASSERT_TRUE(ann->set("contacts", jim, "name", Value{"James"}));
  give("ann", {"13"});
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *bob, "contacts", jim, "name"), "\"James\"");
  EXPECT_EQ(held_by(*ann), ids({visit, product}));
  EXPECT_EQ(*ann->edge->count_inbox(), 0U);
}

TEST_F(Scopes, AManagerWhoBecomesARepKeepsOnlyHisSlice) {
  office.add_user("ann", sync::Role::kManager);
  const RecordId mill = make("accounts", {{"territory", Value{"12"}}});
  ASSERT_TRUE(ann->sync());
  ASSERT_EQ(held_by(*ann), ids({shop, jim, phone_of_jim, visit, product, mill}));
  give("ann", {"12"});
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(held_by(*ann), ids({visit, product, mill}));
  EXPECT_EQ(stored_by(*ann), 3U);
}

TEST_F(Scopes, ASessionEndsWhenItsUserMayHoldSomethingElse) {
  sync::HubSession hub_side = office.session();
  sync::EdgeSession edge_side = ann->session(true);
  const auto talk = [&]() -> Status {
    for (int quiet = 0; quiet < 3; ++quiet) {
      office.work_for(hub_side);
      auto down = hub_side.generate();
      if (!down) return down.error();
      if (*down) SATCHEL_TRY(edge_side.receive(**down));
      auto up = edge_side.generate();
      if (!up) return up.error();
      if (*up) SATCHEL_TRY(hub_side.receive(**up));
      if (*down || *up) quiet = -1;
    }
    return {};
  };
  ASSERT_TRUE(talk());
  give("bob", {"14"});
  hub_side.poke();
  EXPECT_TRUE(talk()) << "another user's change is not hers";
  give("ann", {"12"});
  ASSERT_TRUE(change("accounts", shop, "name", Value{"still"}));
  hub_side.poke();
  const Status ended = talk();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::kConnectionCut);
  EXPECT_EQ(ann->shows("accounts", shop, "name"), "\"shop\"") << "nothing was told meanwhile";
}

TEST_F(Scopes, AHelloThatNamesScopesNeverGrantedLearnsNoIdOfThem) {
  const RecordId mill = make("accounts", {{"territory", Value{"13"}}});
  sync::ReplicaState replica;
  {
    auto txn = office.hub->begin();
    replica = *(*txn)->replica_state(ann->edge->numbering().replica);
  }
  EXPECT_EQ(replica.held,
            (std::vector<std::string>{"all", "owner:ann", "team:ann", "territory:11"}));
  // The device says that it holds 13 too: it is told everything anew, and no id of 13.
  auto state = ann->edge->state();
  wire::HelloBody hello;
  hello.incarnation = state.incarnation;
  hello.scopes = state.scopes;
  hello.scopes.push_back({"territory:13", state.scopes.front().epoch, {}});
  const sync::TellingPlan plan = sync::plan_telling(
      {hello, state.cursor, state.scopes.front().epoch, office.hub->state().seq, false},
      replica.granted, replica);
  EXPECT_EQ(plan.telling, sync::Telling::kRestart);
  EXPECT_TRUE(plan.former.empty());
  static_cast<void>(mill);
}

}  // namespace
}  // namespace satchel::test
