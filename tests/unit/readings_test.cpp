// Each merge rule on the whiteboard: who wrote what, having seen what, and what everybody is shown.
#include <gtest/gtest.h>

#include "sync/merge/compare.hpp"
#include "sync/merge/local_write.hpp"
#include "sync/merge/reading.hpp"
#include "sync/merge/total.hpp"
#include "tests/support/fields.hpp"
#include "tests/support/literals.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals and field definitions of the tests.
using schema::FieldDef;
using schema::Kind;
using schema::Rule;

FieldReading read(const FieldDef& field, const Register& state) {
  const Entry entry = entry_of(state);
  return read_field(field, std::span{&entry, 1});
}

Register concurrent(const Register& a, const Register& b) { return join(a, b); }

const Register kAnnTen = written("ann:1"_dot, 10_at, text("ten"), {});
const Register kBobTwenty = written("bob:1"_dot, 20_at, text("twenty"), {});

TEST(Register, ALoweredStampStandsWhicheverSideHasIt) {
  Register lowered = kBobTwenty;
  lowered.siblings[0].stamp = 5_at;
  EXPECT_EQ(join(kBobTwenty, lowered), lowered);
  EXPECT_EQ(join(lowered, kBobTwenty), lowered);
  // And so the other's write now reads as the later one.
  EXPECT_EQ(read(field_of(Rule::kLww, {}), concurrent(kAnnTen, lowered)).value, text("ten"));
}

TEST(Register, AWriteThatSawBothLeavesOneSibling) {
  const Register both = concurrent(kAnnTen, kBobTwenty);
  const Register settled = written("cyd:7"_dot, 30_at, text("thirty"), both.context);
  EXPECT_EQ(join(both, settled).siblings.size(), 1U);
  EXPECT_EQ(join(both, settled).context, "ann:1 bob:1 cyd:7"_ctx);
}

TEST(Register, AnOldStateNeverBringsBackWhatWasSeen) {
  const Register over = written("bob:1"_dot, 5_at, text("over"), kAnnTen.context);
  EXPECT_EQ(join(over, kAnnTen), over);
}

TEST(LocalWrite, WithNothingShownHasOnlyItsOwnDot) {
  EXPECT_EQ(local_write(nullptr, "ann:4"_dot, 1_at, text("x")).context, "ann:4"_ctx);
}

TEST(LocalWrite, CoversTheAuthorsEarlierWritesEvenWhereNothingWasShown) {
  const Register first = local_write(nullptr, "ann:4"_dot, 1_at, text("x"));
  const Register second = local_write(nullptr, "ann:6"_dot, 1_at, text("y"));
  EXPECT_EQ(join(first, second), second);
}

// ---- Registers ----

TEST(Lww, ShowsTheHighestStampAndKeepsTheLoser) {
  const FieldReading reading = read(field_of(Rule::kLww, {}), concurrent(kAnnTen, kBobTwenty));
  EXPECT_EQ(reading.value, text("twenty"));
  EXPECT_FALSE(reading.flagged);
  ASSERT_EQ(reading.losers.size(), 1U);
  EXPECT_EQ(reading.losers[0].dot, "ann:1"_dot);
}

TEST(Lww, BreaksATieByReplica) {
  const Register tie = written("bob:1"_dot, 10_at, text("bob's"), {});
  EXPECT_EQ(read(field_of(Rule::kLww, {}), concurrent(kAnnTen, tie)).value, text("bob's"));
}

TEST(Lww, AClearedWinnerReadsAsAbsent) {
  const Register clear = written("bob:1"_dot, 20_at, cleared(), {});
  const FieldReading reading = read(field_of(Rule::kLww, {}), concurrent(kAnnTen, clear));
  EXPECT_FALSE(reading.present);
  EXPECT_EQ(reading.value, "");
  ASSERT_EQ(reading.winners.size(), 1U);
  EXPECT_EQ(reading.winners[0].dot, "bob:1"_dot);
}

TEST(Lww, NothingWrittenReadsAsAbsent) {
  EXPECT_FALSE(read_field(field_of(Rule::kLww, {}), {}).present);
}

TEST(Multi, ShowsTheHighestStampAndFlagsTheOthers) {
  const FieldReading reading = read(field_of(Rule::kMulti, {}), concurrent(kAnnTen, kBobTwenty));
  EXPECT_EQ(reading.value, text("twenty"));
  EXPECT_TRUE(reading.flagged);
}

TEST(Multi, IsNotFlaggedWhereBothWroteTheSame) {
  const Register same = written("bob:1"_dot, 20_at, text("ten"), {});
  EXPECT_FALSE(read(field_of(Rule::kMulti, {}), concurrent(kAnnTen, same)).flagged);
}

TEST(Multi, TextReadsAsMultiUntilItHasAReadingOfItsOwn) {
  EXPECT_TRUE(read(field_of(Rule::kText, {}), concurrent(kAnnTen, kBobTwenty)).flagged);
}

// A struct is one value: the street of one with the city of the other does not exist.
TEST(Multi, AStructIsOneRegister) {
  const auto address = [](const char* street, const char* city) {
    return encode_value(Value{StructMembers{{0, Value{street}}, {1, Value{city}}}});
  };
  const Bytes base = address("Old Road", "Oldham");
  const Register shown = written("hub:1"_dot, 1_at, base, {});
  const Register street = local_write(&shown, "ann:1"_dot, 10_at, address("New Road", "Oldham"));
  const Register city = local_write(&shown, "bob:1"_dot, 20_at, address("Old Road", "Newham"));
  const FieldReading reading = read(field_of(Rule::kMulti, {}), concurrent(street, city));
  EXPECT_EQ(reading.value, address("Old Road", "Newham"));
  EXPECT_TRUE(reading.flagged);
}

TEST(Once, ShowsTheEarliest) {
  EXPECT_EQ(read(field_of(Rule::kOnce, {}), concurrent(kAnnTen, kBobTwenty)).value, text("ten"));
}

TEST(Server, ShowsTheHighestStamp) {
  EXPECT_EQ(read(field_of(Rule::kServer, {}), concurrent(kAnnTen, kBobTwenty)).value,
            text("twenty"));
}

TEST(Deny, TrueStandsAgainstALaterFalse) {
  const Register yes = written("ann:1"_dot, 10_at, boolean(true), {});
  const Register no = written("bob:1"_dot, 20_at, boolean(false), {});
  EXPECT_EQ(read(field_of(Rule::kDeny, type_of(Kind::kBool)), concurrent(yes, no)).value,
            boolean(true));
}

TEST(Deny, AConcurrentClearDoesNotLiftIt) {
  const Register yes = written("ann:1"_dot, 10_at, boolean(true), {});
  const Register clear = written("bob:1"_dot, 20_at, cleared(), {});
  EXPECT_EQ(read(field_of(Rule::kDeny, type_of(Kind::kBool)), concurrent(yes, clear)).value,
            boolean(true));
}

// ---- Stages ----

FieldDef pipeline() {
  FieldDef field = field_of(Rule::kStage, struct_of("Pipeline", {{"stage", Kind::kText},
                                                                 {"closedAt", Kind::kInteger},
                                                                 {"lostReason", Kind::kText}}));
  field.stages = pipeline_stages();
  return field;
}
Bytes at_stage(const char* stage, const char* reason = nullptr) {
  StructMembers members{{0, Value{stage}}};
  if (reason != nullptr) members.emplace_back(std::uint16_t{2}, Value{reason});
  return encode_value(Value{std::move(members)});
}
FieldReading race(const Bytes& ann, const Bytes& bob) {
  const Register base = written("hub:1"_dot, 1_at, at_stage("prospecting"), {});
  return read(pipeline(), concurrent(local_write(&base, "ann:1"_dot, 10_at, ann),
                                     local_write(&base, "bob:1"_dot, 20_at, bob)));
}

TEST(Stage, TheFurtherOpenStageWinsThoughItIsTheEarlierWrite) {
  const FieldReading reading = race(at_stage("proposal"), at_stage("prospecting"));
  EXPECT_EQ(reading.value, at_stage("proposal"));
  EXPECT_FALSE(reading.contested);
  EXPECT_FALSE(reading.flagged);
}

TEST(Stage, WonAgainstLostIsContested) {
  const FieldReading reading = race(at_stage("won"), at_stage("lost", "price"));
  EXPECT_TRUE(reading.contested);
  EXPECT_TRUE(reading.flagged);
  EXPECT_EQ(reading.value, at_stage("lost", "price"));  // The highest stamp of the branches left.
}

TEST(Stage, WonAgainstOpenIsWon) {
  const FieldReading reading = race(at_stage("won"), at_stage("proposal"));
  EXPECT_EQ(reading.value, at_stage("won"));
  EXPECT_FALSE(reading.flagged);
}

TEST(Stage, LostAgainstOpenIsLostAndTheOtherWorkIsSurfaced) {
  const FieldReading reading = race(at_stage("lost", "price"), at_stage("proposal"));
  EXPECT_EQ(reading.value, at_stage("lost", "price"));
  EXPECT_FALSE(reading.contested);
  EXPECT_TRUE(reading.flagged);
}

TEST(Stage, TheSameStageTwiceIsNotContested) {
  const FieldReading reading = race(at_stage("lost", "price"), at_stage("lost", "timing"));
  EXPECT_FALSE(reading.contested);
  EXPECT_FALSE(reading.flagged);
  EXPECT_EQ(reading.value, at_stage("lost", "timing"));
}

TEST(Stage, ABranchThatIsBeatenDoesNotContest) {
  Register three = concurrent(written("ann:1"_dot, 10_at, at_stage("won"), {}),
                              written("bob:1"_dot, 20_at, at_stage("proposal"), {}));
  three = concurrent(three, written("cyd:1"_dot, 30_at, at_stage("prospecting"), {}));
  const FieldReading reading = read(pipeline(), three);
  EXPECT_EQ(reading.value, at_stage("won"));
  EXPECT_EQ(reading.losers.size(), 2U);
}

TEST(Stage, OfANewerSchemaIsNeverBeatenSilently) {
  const FieldReading reading = race(at_stage("won"), at_stage("parked"));
  EXPECT_TRUE(reading.contested);
}

TEST(Stage, AClearedStageLosesAgainstEveryOther) {
  EXPECT_EQ(race(at_stage("proposal"), cleared()).value, at_stage("proposal"));
}

TEST(Stage, CancelAgainstSubmitIsCancelled) {
  FieldDef status = field_of(Rule::kStage, type_of(Kind::kText));
  status.stages = order_stages();
  const Register cancel = written("ann:1"_dot, 10_at, text("cancelled"), {});
  const Register submit = written("bob:1"_dot, 20_at, text("submitted"), {});
  const FieldReading reading = read(status, concurrent(cancel, submit));
  EXPECT_EQ(reading.value, text("cancelled"));
  EXPECT_FALSE(reading.contested);
}

// ---- A log that reopens ----

// A case that is resolved once it is accepted: a comment takes it back to submitted.
FieldDef reopened_field(schema::Type type) {
  FieldDef field = field_of(Rule::kStage, std::move(type));
  field.stages = order_stages();
  schema::Reopening reopening;
  reopening.gate.reached = {2, 3};
  reopening.log = "comments";
  reopening.to = 1;
  field.reopening = std::make_shared<const schema::Reopening>(reopening);
  return field;
}
Record with_mark(const Register& stage, const Register& mark) {
  return {7, {}, {entry_of(stage), entry_of(mark, Bytes{kReopenKey})}};
}
Register mark_by(const Dot& dot, bool up, const Context& shown) {
  return written(dot, 20_at, up ? encode_value(Value{true}) : cleared(), shown);
}

TEST(Reopening, AMarkThatTheMoveHadNotSeenTakesTheRecordBackInEveryOrder) {
  const FieldDef field = reopened_field(type_of(Kind::kText));
  const Register submitted = written("ann:1"_dot, 1_at, text("submitted"), {});
  const Register moved = written("ann:4"_dot, 9_at, text("accepted"), "ann:1"_ctx);
  std::vector<Record> parts{{7, {}, {entry_of(submitted)}},
                            with_mark(moved, mark_by("ann:4"_dot, false, "bob:1"_ctx)),
                            with_mark(submitted, mark_by("bob:1"_dot, true, {})),
                            with_mark(submitted, mark_by("bob:3"_dot, true, "bob:1"_ctx))};
  std::vector<std::size_t> order{0, 1, 2, 3};
  do {
    Record all{7, {}, {}};
    for (const std::size_t i : order) all = join(all, parts[i]);
    const FieldReading reading = read_field(field, all.of_field(1));
    EXPECT_TRUE(reading.reopened);
    EXPECT_FALSE(reading.flagged);
    EXPECT_EQ(reading.value, text("submitted"));
    ASSERT_EQ(reading.losers.size(), 1U);
    EXPECT_EQ(reading.losers[0].dot, "ann:4"_dot) << "the move is kept";
    EXPECT_EQ(reading.winners.size(), 2U) << "the clearing stands beside the later mark";
    const ReopenedReading why = read_reopened(field, all.of_field(1));
    EXPECT_EQ(why.by->dot, "bob:3"_dot);
    EXPECT_EQ(why.moved->dot, "ann:4"_dot);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Reopening, AMarkThatTheMoveHadSeenTakesNothingBack) {
  const FieldDef field = reopened_field(type_of(Kind::kText));
  const Register moved = written("ann:4"_dot, 9_at, text("accepted"), "ann:1"_ctx);
  const Register mark =
      join(mark_by("bob:1"_dot, true, {}), mark_by("ann:4"_dot, false, "bob:1"_ctx));
  const Record record = with_mark(moved, mark);
  const FieldReading reading = read_field(field, record.of_field(1));
  EXPECT_FALSE(reading.reopened);
  EXPECT_EQ(reading.value, text("accepted"));
  EXPECT_TRUE(reading.losers.empty());
}

TEST(Reopening, AMarkAloneShowsNothingAndBeforeTheStageChangesNothing) {
  const FieldDef field = reopened_field(type_of(Kind::kText));
  const Record alone{7, {}, {entry_of(mark_by("bob:1"_dot, true, {}), Bytes{kReopenKey})}};
  EXPECT_FALSE(read_field(field, alone.of_field(1)).present);
  const Record before =
      with_mark(written("ann:1"_dot, 1_at, text("draft"), {}), mark_by("bob:1"_dot, true, {}));
  const FieldReading reading = read_field(field, before.of_field(1));
  EXPECT_EQ(reading.value, text("draft"));
  EXPECT_FALSE(reading.reopened);
}

TEST(Reopening, WhatIsContestedWaitsForAPerson) {
  const FieldDef field = reopened_field(type_of(Kind::kText));
  const Register contested = concurrent(written("ann:1"_dot, 1_at, text("accepted"), {}),
                                        written("eve:1"_dot, 2_at, text("cancelled"), {}));
  const Record record = with_mark(contested, mark_by("bob:1"_dot, true, {}));
  const FieldReading reading = read_field(field, record.of_field(1));
  EXPECT_TRUE(reading.contested);
  EXPECT_FALSE(reading.reopened);
}

TEST(Stage, AMoveThatTheTableDoesNotHaveIsRefused) {
  const FieldDef field = pipeline();
  const Register lost = written("ann:1"_dot, 1_at, at_stage("lost", "price"), {});
  const Status moved = may_write_stage(field, &lost, at_stage("won"));
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, Errc::kRuleMismatch);
  EXPECT_EQ(moved.error().context, "no move from lost to won");
}

TEST(Stage, AStageThatAsksForAReasonIsRefusedWithoutOne) {
  const Register open = written("ann:1"_dot, 1_at, at_stage("proposal"), {});
  EXPECT_EQ(may_write_stage(pipeline(), &open, at_stage("lost")).error().code,
            Errc::kRequiredMissing);
  EXPECT_TRUE(may_write_stage(pipeline(), &open, at_stage("lost", "price")));
}

TEST(Stage, EitherBranchOfAContestedOneMayBeChosen) {
  const Register contested = concurrent(written("ann:1"_dot, 1_at, at_stage("won"), {}),
                                        written("bob:1"_dot, 2_at, at_stage("lost", "price"), {}));
  EXPECT_TRUE(may_write_stage(pipeline(), &contested, at_stage("won")));
  EXPECT_TRUE(may_write_stage(pipeline(), &contested, at_stage("lost", "price")));
  EXPECT_FALSE(may_write_stage(pipeline(), &contested, at_stage("prospecting")));
}

TEST(Stage, ANewRecordStartsAtTheFirstOrOneMoveFromIt) {
  EXPECT_TRUE(may_write_stage(*order_stages(), std::nullopt, 0));
  EXPECT_TRUE(may_write_stage(*order_stages(), std::nullopt, 1));
  EXPECT_FALSE(may_write_stage(*order_stages(), std::nullopt, 2));
}

// ---- Maps ----

struct MapField {
  FieldDef field;
  Record record;
  FieldReading read() const { return read_field(field, record.of_field(1)); }
  void take(const Bytes& key, const Register& state) {
    Entry& entry = record.at(1, key, PrivacyClass::kCompany);
    join_with(entry.state, state);
  }
};

TEST(Set, AnAddWinsAgainstAConcurrentRemoval) {
  MapField tags{field_of(Rule::kSet, list_of(Kind::kText)), {}};
  const Register vip = written("hub:1"_dot, 1_at, boolean(true), {});
  tags.take(text("vip"), local_write(&vip, "ann:1"_dot, 10_at, boolean(true)));
  tags.take(text("vip"), local_write(&vip, "bob:1"_dot, 20_at, cleared()));
  ASSERT_EQ(tags.read().items.size(), 1U);
  EXPECT_EQ(tags.read().items[0].key, text("vip"));
}

TEST(Set, ARemovalThatSawTheAddRemoves) {
  MapField tags{field_of(Rule::kSet, list_of(Kind::kText)), {}};
  const Register vip = written("hub:1"_dot, 1_at, boolean(true), {});
  tags.take(text("vip"), vip);
  tags.take(text("vip"), local_write(&vip, "bob:1"_dot, 20_at, cleared()));
  EXPECT_FALSE(tags.read().present);
}

TEST(AccessSet, ARemovalWinsAgainstAConcurrentAdd) {
  MapField team{field_of(Rule::kAccessSet, list_of(Kind::kText)), {}};
  const Register rep = written("hub:1"_dot, 1_at, boolean(true), {});
  team.take(text("rep"), local_write(&rep, "ann:1"_dot, 10_at, cleared()));
  team.take(text("rep"), local_write(&rep, "bob:1"_dot, 20_at, boolean(true)));
  EXPECT_FALSE(team.read().present);
  ASSERT_EQ(team.read().losers.size(), 1U);
  EXPECT_EQ(team.read().losers[0], (SiblingName{text("rep"), "bob:1"_dot}));
}

TEST(Log, ShowsEveryEntryByKey) {
  MapField log{field_of(Rule::kLog, list_of(Kind::kText)), {}};
  const auto key = [](const Dot& dot) {
    return Bytes{dot.replica.bytes()} + std::string(7, '\0') + static_cast<char>(dot.commit) +
           std::string(2, '\0');
  };
  log.take(key("bob:1"_dot), written("bob:1"_dot, 1_at, text("b"), {}));
  log.take(key("ann:2"_dot), written("ann:2"_dot, 5_at, text("a2"), {}));
  log.take(key("ann:1"_dot), written("ann:1"_dot, 9_at, text("a1"), {}));
  const FieldReading reading = log.read();
  ASSERT_EQ(reading.items.size(), 3U);
  EXPECT_EQ(reading.items[0].value, text("a1"));
  EXPECT_EQ(reading.items[1].value, text("a2"));
  EXPECT_EQ(reading.items[2].value, text("b"));
}

TEST(Map, ReadsKeyByKeyWithTheRuleOfItsValues) {
  MapField map{field_of(Rule::kMap, map_of(Kind::kText, Kind::kText)), {}};
  map.field.values = Rule::kMulti;
  map.take(text("erp"), kAnnTen);
  map.take(text("erp"), kBobTwenty);
  map.take(text("web"), kAnnTen);
  map.take(text("old"), written("cyd:1"_dot, 1_at, cleared(), {}));
  const FieldReading reading = map.read();
  ASSERT_EQ(reading.items.size(), 2U);
  EXPECT_EQ(reading.items[0].value, text("twenty"));
  EXPECT_TRUE(reading.items[0].flagged);
  EXPECT_FALSE(reading.items[1].flagged);
  EXPECT_TRUE(reading.flagged);
}

TEST(Map, OfMaxNeverLosesTheExtremeThatItShows) {
  FieldDef field = field_of(Rule::kMap, map_of(Kind::kText, Kind::kInteger));
  field.values = Rule::kMax;
  const Register five = written("ann:1"_dot, 1_at, integer(5), {});
  EXPECT_EQ(value_over(field, &five, integer(3)), integer(5));
  EXPECT_EQ(value_over(field, &five, integer(7)), integer(7));
  EXPECT_EQ(value_over(field, nullptr, integer(3)), integer(3));
}

Bytes key_of(const Dot& dot) { return Bytes{dot.replica.bytes()}; }

TEST(Counter, IsTheSumOverItsAuthors) {
  MapField counter{field_of(Rule::kCounter, type_of(Kind::kInteger)), {}};
  const Register ann = apply_increment(nullptr, integer(3), "ann:1"_dot, 1_at).value();
  const Register bob = apply_increment(nullptr, integer(-1), "bob:1"_dot, 2_at).value();
  counter.take(key_of("ann:1"_dot), ann);
  counter.take(key_of("bob:1"_dot), bob);
  counter.take(key_of("ann:1"_dot), apply_increment(&ann, integer(4), "ann:5"_dot, 3_at).value());
  EXPECT_EQ(counter.read().value, integer(6));
  EXPECT_TRUE(counter.read().losers.empty());
}

TEST(Counter, AnIncrementStandsOnTheAuthorsOwnRegister) {
  const Register one = apply_increment(nullptr, integer(1), "ann:1"_dot, 1_at).value();
  const Register two = apply_increment(&one, integer(1), "ann:3"_dot, 2_at).value();
  EXPECT_EQ(two, written("ann:3"_dot, 2_at, integer(2), {}));
}

TEST(Counter, RefusesWhatWouldOverflow) {
  const Register most = apply_increment(nullptr, integer(INT64_MAX), "ann:1"_dot, 1_at).value();
  EXPECT_EQ(apply_increment(&most, integer(1), "ann:2"_dot, 2_at).error().code,
            Errc::kLimitExceeded);
  EXPECT_EQ(apply_increment(nullptr, text("x"), "ann:2"_dot, 2_at).error().code,
            Errc::kTypeMismatch);
}

TEST(Counter, ASumPastTheEndOfItsTypeStopsThere) {
  MapField counter{field_of(Rule::kCounter, type_of(Kind::kInteger)), {}};
  counter.take(key_of("ann:1"_dot), written("ann:1"_dot, 1_at, integer(INT64_MAX), {}));
  counter.take(key_of("bob:1"_dot), written("bob:1"_dot, 1_at, integer(1), {}));
  EXPECT_EQ(counter.read().value, integer(INT64_MAX));
}

TEST(Max, IsTheExtremeOfAllAuthors) {
  MapField last{field_of(Rule::kMax, type_of(Kind::kInteger)), {}};
  const Register ann = apply_candidate(Rule::kMax, nullptr, integer(9), "ann:1"_dot, 1_at).value();
  last.take(key_of("ann:1"_dot), ann);
  last.take(key_of("bob:1"_dot), written("bob:1"_dot, 2_at, integer(7), {}));
  EXPECT_EQ(last.read().value, integer(9));
  const Register again = apply_candidate(Rule::kMax, &ann, integer(4), "ann:2"_dot, 3_at).value();
  EXPECT_EQ(again.siblings[0].value, integer(9));
}

TEST(Min, IsTheLeastOfAllAuthors) {
  MapField first{field_of(Rule::kMin, type_of(Kind::kInteger)), {}};
  first.take(key_of("ann:1"_dot), written("ann:1"_dot, 1_at, integer(9), {}));
  first.take(key_of("bob:1"_dot), written("bob:1"_dot, 2_at, integer(7), {}));
  EXPECT_EQ(first.read().value, integer(7));
}

TEST(Max, AWriteIsNoWriteOnlyIfBaseReachesIt) {
  const FieldDef field = field_of(Rule::kMax, type_of(Kind::kInteger));
  const Entry base = entry_of(written("ann:1"_dot, 1_at, integer(9), {}), key_of("ann:1"_dot));
  EXPECT_TRUE(is_reached(field, std::span{&base, 1}, integer(9)));
  EXPECT_FALSE(is_reached(field, std::span{&base, 1}, integer(10)));
  EXPECT_FALSE(is_reached(field, {}, integer(1)));
}

// ---- Withheld ----

TEST(Withheld, ReadsAsAbsentAndSaysSo) {
  Entry entry = entry_of({});
  entry.withheld = true;
  const FieldReading reading = read_field(field_of(Rule::kLww, {}), std::span{&entry, 1});
  EXPECT_TRUE(reading.withheld);
  EXPECT_FALSE(reading.present);
}

TEST(Withheld, TheMarkGivesWayToAState) {
  Record marked;
  marked.at(1, {}, PrivacyClass::kSpecial).withheld = true;
  Record pending;
  pending.at(1, {}, PrivacyClass::kSpecial).state = kAnnTen;
  EXPECT_EQ(join(marked, pending), pending);
  EXPECT_EQ(join(pending, marked), pending);
  EXPECT_EQ(join(marked, Record{}), marked);
}

// ---- The order of values ----

TEST(CompareValues, OrdersIntegersAndFloatsAsNumbers) {
  EXPECT_TRUE(compare_values(Value{std::int64_t{1}}, Value{1.5}) < 0);
  EXPECT_TRUE(compare_values(Value{std::int64_t{9007199254740993}}, Value{9007199254740992.0}) > 0);
  EXPECT_TRUE(compare_values(Value{-1.5}, Value{std::int64_t{-1}}) < 0);
  // A total order: equal numbers.
  EXPECT_TRUE(compare_values(Value{std::int64_t{1}}, Value{1.0}) < 0);
}

TEST(CompareValues, OrdersTextByUtf16) {
  // U+1F600 is a surrogate pair D83D DE00 and so comes before U+FF5E.
  EXPECT_TRUE(compare_utf16("\xF0\x9F\x98\x80", "\xEF\xBD\x9E") < 0);
  EXPECT_TRUE(compare_utf16("a", "\xC3\xA9") < 0);
  EXPECT_TRUE(compare_utf16("a", "ab") < 0);
}

TEST(CompareValues, AMissingMemberReadsAsNull) {
  const Value with{StructMembers{{0, Value{true}}, {1, Value{true}}}};
  const Value without{StructMembers{{1, Value{true}}}};
  EXPECT_TRUE(compare_values(with, without) > 0);
}

TEST(SaturatedSum, CountsWhatIsNoNumberAsNothing) {
  EXPECT_EQ(saturated_sum(Value{"x"}, Value{std::int64_t{2}}), Value{std::int64_t{2}});
  EXPECT_EQ(saturated_sum(Value{std::int64_t{INT64_MIN}}, Value{std::int64_t{-1}}),
            Value{std::int64_t{INT64_MIN}});
  EXPECT_EQ(saturated_sum(Value{0.5}, Value{std::int64_t{2}}), Value{2.5});
}

}  // namespace
}  // namespace satchel::sync
