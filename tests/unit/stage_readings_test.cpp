// Stages on the whiteboard: which of two moves stands, what may be moved where, and what a log
// takes back.
#include <gtest/gtest.h>

#include <algorithm>

#include "sync/merge/local_write.hpp"
#include "tests/support/whiteboard.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals and field definitions of the tests.
using schema::FieldDef;
using schema::Kind;
using schema::Rule;

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

}  // namespace
}  // namespace satchel::sync
