// Life and death of a record: deletes, edits beside and after them, and restores.
#include <gtest/gtest.h>

#include "sync/merge/life.hpp"
#include "sync/merge/local_write.hpp"
#include "tests/support/literals.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals of the tests.
using schema::LifeRule;

constexpr FieldId kName = 1;
constexpr FieldId kNotes = 2;

Record created() {
  Record record;
  record.at(kName, {}, PrivacyClass::kPersonal).state =
      written("hub:1"_dot, 1_at, text("name"), {});
  record.at(kNotes, {}, PrivacyClass::kSpecial).state =
      written("hub:1"_dot, 1_at, text("notes"), {});
  record.at(kLifeField, {}, PrivacyClass::kStructure).state =
      written("hub:1"_dot, 1_at, alive_life(), {});
  return record;
}

void write(Record& record, FieldId field, PrivacyClass privacy, const Dot& dot, Bytes value) {
  Entry& entry = record.at(field, {}, privacy);
  entry.state = local_write(&entry.state, dot, 5_at, std::move(value));
}
void edit(Record& record, const Dot& dot, FieldId field = kName,
          PrivacyClass privacy = PrivacyClass::kPersonal) {
  write(record, field, privacy, dot, text("edited"));
}
void erase(Record& record, const Dot& dot) {
  write(record, kLifeField, PrivacyClass::kStructure, dot, make_dead(record));
}
void restore(Record& record, const Dot& dot) {
  write(record, kLifeField, PrivacyClass::kStructure, dot, alive_life());
}

bool edit_wins(const Record& record) { return is_alive(record, LifeRule::kEditWins); }
bool delete_wins(const Record& record) { return is_alive(record, LifeRule::kDeleteWins); }

TEST(Life, ARecordWithoutALifeRegisterLives) { EXPECT_TRUE(edit_wins(Record{})); }

TEST(Life, ADeletedRecordIsDeadUnderBothRules) {
  Record record = created();
  erase(record, "ann:1"_dot);
  EXPECT_FALSE(edit_wins(record));
  EXPECT_FALSE(delete_wins(record));
  EXPECT_FALSE(read_life(record, LifeRule::kEditWins).edited_after_death);
}

TEST(Life, AConcurrentEditLivesUnderEditWins) {
  Record ann = created();
  Record bob = created();
  erase(ann, "ann:1"_dot);
  edit(bob, "bob:1"_dot);
  EXPECT_TRUE(edit_wins(join(ann, bob)));
  EXPECT_TRUE(edit_wins(join(bob, ann)));
}

TEST(Life, AConcurrentEditIsKeptAndSurfacedUnderDeleteWins) {
  Record ann = created();
  Record bob = created();
  erase(ann, "ann:1"_dot);
  edit(bob, "bob:1"_dot);
  const Record both = join(ann, bob);
  const LifeReading life = read_life(both, LifeRule::kDeleteWins);
  EXPECT_FALSE(life.alive);
  EXPECT_TRUE(life.edited_after_death);
  EXPECT_EQ(life.unobserved, std::vector<Dot>{"bob:1"_dot});
  EXPECT_EQ(life.deletes, std::vector<Dot>{"ann:1"_dot});
  EXPECT_EQ(both.find(kName)->state.siblings[0].value, text("edited"));
}

TEST(Life, ALaterDeleteThatSawTheEditKillsAgain) {
  Record ann = created();
  Record bob = created();
  erase(ann, "ann:1"_dot);
  edit(bob, "bob:1"_dot);
  Record both = join(ann, bob);
  erase(both, "ann:2"_dot);
  EXPECT_FALSE(edit_wins(both));
}

TEST(Life, AnEditOfTheDeletedRecordBringsItBackUnderEditWins) {
  Record record = created();
  erase(record, "ann:1"_dot);
  edit(record, "ann:2"_dot);
  EXPECT_TRUE(edit_wins(record));
  EXPECT_FALSE(delete_wins(record));
}

TEST(Life, AnEditThatOneOfTwoDeletesHasSeenDoesNotKeepTheRecordAlive) {
  Record ann = created();
  Record bob = created();
  erase(ann, "ann:1"_dot);
  edit(bob, "bob:1"_dot);
  erase(bob, "bob:2"_dot);
  EXPECT_FALSE(edit_wins(join(ann, bob)));
}

TEST(Life, ARestoreBringsTheRecordBack) {
  Record record = created();
  erase(record, "ann:1"_dot);
  restore(record, "bob:1"_dot);
  EXPECT_TRUE(edit_wins(record));
  EXPECT_TRUE(delete_wins(record));
}

TEST(Life, ADeleteConcurrentWithARestoreFollowsTheRule) {
  Record dead = created();
  erase(dead, "ann:1"_dot);
  Record restored = dead;
  restore(restored, "bob:1"_dot);
  Record again = dead;
  erase(again, "cyd:1"_dot);
  EXPECT_TRUE(edit_wins(join(restored, again)));
  EXPECT_FALSE(delete_wins(join(restored, again)));
}

TEST(Life, ADeleteObservesOnlyTheClassesThatItsAuthorWasShown) {
  Record whole = created();
  Record narrow = created();
  Entry& notes = narrow.at(kNotes, {}, PrivacyClass::kSpecial);
  notes.state = {};
  notes.withheld = true;
  erase(narrow, "ann:1"_dot);
  // Whoever holds the notes sees that the delete's author did not: nothing is lost unseen.
  EXPECT_TRUE(edit_wins(join(whole, narrow)));
  EXPECT_FALSE(edit_wins(narrow));
}

TEST(Life, ADeleteInOneClassDoesNotCoverAnotherClassOfTheSameAuthor) {
  Record ann = created();
  edit(ann, "ann:5"_dot, kName, PrivacyClass::kPersonal);
  erase(ann, "ann:6"_dot);
  Record late = created();
  edit(late, "ann:4"_dot, kNotes, PrivacyClass::kSpecial);
  EXPECT_TRUE(edit_wins(join(ann, late)));
}

TEST(LifeValue, DecodesToWhatWasEncoded) {
  Life life;
  life.dead = true;
  life.observed = {{PrivacyClass::kCompany, "ann:3 bob:70000000000"_ctx},
                   {PrivacyClass::kSpecial, "bob:2"_ctx}};
  EXPECT_EQ(decode_life(encode_life(life)).value(), life);
  EXPECT_EQ(decode_life(alive_life()).value(), Life{});
  life.observed.clear();
  EXPECT_EQ(decode_life(encode_life(life)).value(), life);
}

TEST(LifeValue, RefusesEveryOtherForm) {
  const auto refused = [](const Value& value) {
    return decode_life(encode_value(value)).has_error();
  };
  const auto dead = [](std::int64_t privacy, Bytes data) {
    return Value{StructMembers{{0, Value{privacy}}, {1, Value{Data{std::move(data)}}}}};
  };
  const Bytes ann = Bytes{"ann"_replica.bytes()} + std::string(7, '\0') + '\1';
  const Bytes bob = Bytes{"bob"_replica.bytes()} + std::string(7, '\0') + '\1';
  EXPECT_FALSE(refused(Value{ListElements{dead(2, ann + bob)}}));
  EXPECT_TRUE(refused(Value{false}));
  EXPECT_TRUE(refused(Value{}));
  EXPECT_TRUE(refused(Value{"dead"}));
  EXPECT_TRUE(refused(Value{ListElements{dead(2, bob + ann)}}));
  EXPECT_TRUE(refused(Value{ListElements{dead(2, ann + ann)}}));
  EXPECT_TRUE(refused(Value{ListElements{dead(2, ann.substr(1))}}));
  EXPECT_TRUE(refused(Value{ListElements{dead(2, "")}}));
  EXPECT_TRUE(refused(Value{ListElements{dead(3, ann), dead(2, ann)}}));
  EXPECT_TRUE(refused(Value{ListElements{dead(0, ann)}}));
}

}  // namespace
}  // namespace satchel::sync
