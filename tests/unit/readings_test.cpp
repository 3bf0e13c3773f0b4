// Each merge rule of a register on the whiteboard: who wrote what, having seen what, and what
// everybody is shown. Stages are in stage_readings_test.cpp, maps in map_readings_test.cpp.
#include <gtest/gtest.h>

#include "sync/merge/local_write.hpp"
#include "tests/support/whiteboard.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals and field definitions of the tests.
using schema::Kind;
using schema::Rule;

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

}  // namespace
}  // namespace satchel::sync
