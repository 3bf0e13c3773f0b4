// Fields of many registers on the whiteboard: sets, logs and maps, and what is read over their
// authors, counters and extremes.
#include <gtest/gtest.h>

#include "sync/merge/local_write.hpp"
#include "tests/support/whiteboard.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals and field definitions of the tests.
using schema::FieldDef;
using schema::Kind;
using schema::Rule;

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

}  // namespace
}  // namespace satchel::sync
