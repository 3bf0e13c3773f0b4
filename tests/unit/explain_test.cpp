// Fixed situations and what people are told about them. The golden files were read by hand: a
// change of wording is a change of what users see. SATCHEL_WRITE_GOLDEN=1 writes them anew, to be
// read again.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "sync/merge/dot_text.hpp"
#include "sync/merge/explain.hpp"
#include "sync/merge/local_write.hpp"
#include "tests/support/fields.hpp"
#include "tests/support/literals.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals and field definitions of the tests.
using schema::FieldDef;
using schema::Kind;
using schema::Rule;

constexpr std::uint64_t kNoon = 1'763'726'400'000;  // 2025-11-21 12:00:00 UTC.
Stamp noon_and(std::uint64_t seconds) { return Stamp::at_ms(kNoon + seconds * 1000); }

// "ann" is Ann; a name ending in a digit has none.
std::string person(const ReplicaId& id) {
  std::string name = name_of(id);
  if (name.back() >= '0' && name.back() <= '9') return {};
  name[0] = static_cast<char>(name[0] - 32);
  return name;
}

// One field and the writes that met in it.
struct Situation {
  FieldDef field;
  Record record;

  Situation(Rule rule, schema::Type type, std::string name)
      : field(field_of(rule, std::move(type), std::move(name))) {}

  Situation& write(const Dot& dot, std::uint64_t second, Bytes value, const Bytes& key = {},
                   const Context& shown = {}) {
    Entry& entry = record.at(1, key, PrivacyClass::kCompany);
    join_with(entry.state, written(dot, noon_and(second), std::move(value), shown));
    return *this;
  }
};

const RecordId kRecord = *parse_record_id("018f3c5e-7b1a-7c3d-9e4f-0123456789ab");

void expect_golden(const std::string& name, const Situation& situation) {
  schema::CollectionDef collection;
  collection.name = "accounts";
  const Explanation explanation =
      explain_field(collection, kRecord, situation.field, situation.record.of_field(1), person);
  const std::string told = explanation.sentence + "\n" + to_json(explanation) + "\n";
  const std::string path = std::string{SATCHEL_GOLDEN_DIR} + "/explain_" + name + ".txt";
  if (std::getenv("SATCHEL_WRITE_GOLDEN") != nullptr) std::ofstream{path} << told;
  std::ostringstream golden;
  golden << std::ifstream{path}.rdbuf();
  EXPECT_EQ(told, golden.str()) << path;
}

schema::Type plain_text() { return type_of(Kind::kText); }
Bytes author(const Dot& dot) { return Bytes{dot.replica.bytes()}; }

TEST(Explain, ALastWriterAgainstAnEarlierOne) {
  expect_golden("lww", Situation(Rule::kLww, plain_text(), "website")
                           .write("ann:4"_dot, 0, text("a.example"))
                           .write("bob:2"_dot, 60, text("b.example")));
}

TEST(Explain, ATieOfStamps) {
  expect_golden("lww_tie", Situation(Rule::kLww, plain_text(), "website")
                               .write("ann:4"_dot, 0, text("a.example"))
                               .write("bob:2"_dot, 0, text("b.example")));
}

TEST(Explain, AClearingThatStands) {
  expect_golden("cleared", Situation(Rule::kLww, plain_text(), "website")
                               .write("ann:4"_dot, 0, text("a.example"))
                               .write("bob:2"_dot, 60, cleared()));
}

TEST(Explain, OneWriteAlone) {
  expect_golden("alone", Situation(Rule::kLww, plain_text(), "website")
                             .write("ann:4"_dot, 0, text("a.example")));
}

TEST(Explain, ThreeWritersOfAMultiField) {
  expect_golden(
      "multi",
      Situation(Rule::kMulti,
                struct_of("Address", {{"street", Kind::kText}, {"city", Kind::kText}}),
                "billingAddress")
          .write("ann:4"_dot, 0,
                 encode_value(Value{StructMembers{{0, Value{"Quay 1"}}, {1, Value{"Kiel"}}}}))
          .write("bob:2"_dot, 60,
                 encode_value(Value{StructMembers{{0, Value{"Quay 7"}}, {1, Value{"Kiel"}}}}))
          .write("r2:1"_dot, 30, encode_value(Value{StructMembers{{1, Value{"Bonn"}}}})));
}

TEST(Explain, TheFirstOfTwoOnceWrites) {
  expect_golden("once", Situation(Rule::kOnce, plain_text(), "source")
                            .write("ann:4"_dot, 0, text("fair"))
                            .write("bob:2"_dot, 60, text("web")));
}

TEST(Explain, AStageThatBeatsAnother) {
  Situation situation(Rule::kStage, plain_text(), "status");
  situation.field.stages = order_stages();
  situation.write("ann:4"_dot, 0, text("cancelled")).write("bob:2"_dot, 60, text("submitted"));
  expect_golden("stage", situation);
}

TEST(Explain, AStageThatAnUnseenEntryTookBack) {
  Situation situation(Rule::kStage, plain_text(), "status");
  situation.field.stages = order_stages();
  schema::Reopening reopening;
  reopening.gate.reached = {2, 3};
  reopening.log = "comments";
  reopening.to = 1;
  situation.field.reopening = std::make_shared<const schema::Reopening>(reopening);
  situation.write("ann:4"_dot, 0, text("accepted"))
      .write("bob:2"_dot, 60, boolean(true), Bytes{kReopenKey});
  expect_golden("reopened", situation);
}

TEST(Explain, AContestedStage) {
  Situation situation(Rule::kStage, struct_of("Pipeline", {{"stage", Kind::kText}}), "pipeline");
  situation.field.stages = pipeline_stages();
  const auto stage = [](const char* name) {
    return encode_value(Value{StructMembers{{0, Value{name}}}});
  };
  situation.write("ann:4"_dot, 0, stage("won")).write("bob:2"_dot, 60, stage("lost"));
  expect_golden("contested", situation);
}

TEST(Explain, ADenialAgainstALaterPermission) {
  expect_golden("deny", Situation(Rule::kDeny, type_of(Kind::kBool), "doNotTrack")
                            .write("ann:4"_dot, 0, boolean(true))
                            .write("bob:2"_dot, 60, boolean(false)));
}

TEST(Explain, AnAddAgainstARemoval) {
  expect_golden("set", Situation(Rule::kSet, list_of(Kind::kText), "tags")
                           .write("ann:4"_dot, 0, boolean(true), text("vip"))
                           .write("bob:2"_dot, 60, cleared(), text("vip"))
                           .write("bob:3"_dot, 70, boolean(true), text("key account")));
}

TEST(Explain, ARemovalOfAccessAgainstAnAdd) {
  expect_golden("access_set", Situation(Rule::kAccessSet, list_of(Kind::kText), "team")
                                  .write("ann:4"_dot, 0, cleared(), text("rep-7"))
                                  .write("bob:2"_dot, 60, boolean(true), text("rep-7")));
}

TEST(Explain, ACounter) {
  expect_golden("counter", Situation(Rule::kCounter, type_of(Kind::kInteger), "visitCount")
                               .write("ann:4"_dot, 0, integer(7), author("ann:4"_dot))
                               .write("bob:2"_dot, 60, integer(-1), author("bob:2"_dot)));
}

TEST(Explain, AMaximum) {
  expect_golden("max", Situation(Rule::kMax, type_of(Kind::kInteger), "lastVisitAt")
                           .write("ann:4"_dot, 0, integer(90), author("ann:4"_dot))
                           .write("bob:2"_dot, 60, integer(40), author("bob:2"_dot)));
}

TEST(Explain, AMapWithTwoContestedKeys) {
  Situation situation(Rule::kMap, map_of(Kind::kText, Kind::kText), "externalIds");
  situation.field.values = Rule::kMulti;
  expect_golden("map", situation.write("ann:4"_dot, 0, text("17"), text("erp"))
                           .write("bob:2"_dot, 60, text("71"), text("erp"))
                           .write("ann:5"_dot, 80, text("x"), text("web"))
                           .write("bob:3"_dot, 90, text("y"), text("web"))
                           .write("bob:4"_dot, 95, text("z"), text("fax")));
}

TEST(Explain, AWithheldField) {
  Situation situation(Rule::kLww, plain_text(), "notes");
  situation.record.at(1, {}, PrivacyClass::kSpecial).withheld = true;
  expect_golden("withheld", situation);
}

TEST(DotText, ReadsWhatItWrites) {
  const Dot dot = "ann:1234567890123"_dot;
  EXPECT_EQ(parse_dot(to_text(dot)).value(), dot);
  for (const char* wrong :
       {"", ":", "00:1", "00112233445566778899aabbccddeeff",
        "00112233445566778899aabbccddeeff:", "00112233445566778899aabbccddeeff:0",
        "00112233445566778899aabbccddeeff:1x", "00112233445566778899aabbccddeeff:-1"}) {
    EXPECT_FALSE(parse_dot(wrong)) << wrong;
  }
}

TEST(DotText, WritesStampsInUtc) {
  EXPECT_EQ(utc_text(noon_and(61)), "2025-11-21 12:01:01 UTC");
  EXPECT_EQ(utc_text(Stamp{}), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(utc_text(Stamp::at_ms(951'782'400'000)), "2000-02-29 00:00:00 UTC");
  EXPECT_EQ(to_text(Stamp::at_ms(1'700'000'000'000, 3)), "1700000000000:3");
}

}  // namespace
}  // namespace satchel::sync
