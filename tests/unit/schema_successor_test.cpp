// What may change in a schema that has data, and what needs a migration.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "schema/catalog/catalog.hpp"
#include "schema/compiler/compile.hpp"

namespace satchel::schema {
namespace {

std::string fleet_text() {
  std::ifstream in{SATCHEL_TEST_DATA "/fleet.capnp"};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The first place where `from` stands, changed to `to`.
std::string changed(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// "" where the change is accepted.
std::string verdict(const std::string& newer_text) {
  const auto older = compile_text("fleet.capnp", fleet_text());
  const auto newer = compile_text("fleet.capnp", newer_text);
  EXPECT_TRUE(older);
  if (!newer) return newer.error().message();
  const Status accepted = (*newer)->accepts_successor_of(**older);
  if (accepted) return "";
  EXPECT_EQ(accepted.error().code, Errc::kSchemaIncompatible);
  return accepted.error().context;
}
std::string verdict(const std::string& from, const std::string& to) {
  return verdict(changed(fleet_text(), from, to));
}

struct Change {
  const char* from;
  const char* to;
  const char* verdict;
};

TEST(Successor, IsRefusedWhereStoredDataWouldChangeItsMeaning) {
  const Change changes[] = {
      {"$Satchel.collection(\"vans\") $Satchel.life(deleteWins)", "$Satchel.collection(\"vans\")",
       "vans: the life rule changed"},
      {"$Satchel.subject([\"driver\"])", "$Satchel.subject([\"self\"])",
       "trips: the data subjects changed"},
      {"phone   @1 :Text", "mobile   @1 :Text", "drivers.phone: the field was renamed to mobile"},
      {"phone   @1 :Text", "phone   @1 :Int64", "drivers.phone: the type changed"},
      {"seats     @7 :UInt8", "seats     @7 :UInt16", "vans.seats: the type changed"},
      {"ratio   @3 :Float32 $Satchel.merge(lww)", "ratio   @3 :Float32 $Satchel.merge(multi)",
       "trips.ratio: the merge rule changed"},
      {"$Satchel.values(deny)", "$Satchel.values(lww)", "vans.extras: the merge rule changed"},
      {"$Satchel.privacy(behavioural)", "$Satchel.privacy(special)",
       "trips.ratio: the privacy class changed"},
      {"$Satchel.retention(crm)", "", "trips.ratio: the retention changed"},
      {"driver  @1 :Text $Satchel.merge(once) $Satchel.ref(to = \"drivers\", gone = clear);",
       "driver  @1 :Text $Satchel.merge(once) $Satchel.ref(to = \"vans\", gone = clear);",
       "trips.driver: the reference changed"},
      {"phone   @1 :Text $Satchel.merge(lww);",
       "phone   @1 :Text $Satchel.merge(lww) $Satchel.required;",
       "drivers.phone: the field became required"},
      {"phone   @1 :Text $Satchel.merge(lww);",
       "phone   @1 :Text $Satchel.merge(lww) $Satchel.ref(to = \"vans\");",
       "drivers.phone: the reference changed"},
      {"mileage   @1 :Int64 ", "mileage   @1 :Int64 $Satchel.unit(\"km\")",
       "vans.mileage: the unit changed"},
      {"since @1 :Int64 $Satchel.unit(\"us\");", "since @1 :Int64;",
       "vans.state: the type changed"},
      {"total @4 :Bool;", "whole @4 :Bool;", "vans.damages: the type changed"},
      {"\"ready\", \"onRoad\", \"workshop\", \"retired\", \"lost\"],\n  moves",
       "\"ready\", \"workshop\", \"onRoad\", \"retired\", \"lost\"],\n  moves",
       "vans.state: the order of the stages changed"},
      {"stages = [\"ready\"", "stages = [\"ordered\", \"ready\"",
       "vans.state: the order of the stages changed"},
      {"(stage = \"lost\", over = [\"workshop\"])", "(stage = \"lost\", over = [\"retired\"])",
       "vans.state: the precedence of lost and retired changed"},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(change.from);
    EXPECT_EQ(verdict(change.from, change.to), change.verdict);
  }
}

TEST(Successor, IsRefusedWhereSomethingWasTakenOut) {
  EXPECT_EQ(
      verdict("\n  barred  @2 :Bool $Satchel.merge(deny) $Satchel.writers([server, dpo]);", ""),
      "drivers.barred: the field was taken out");
  EXPECT_EQ(verdict("total @4 :Bool;", ""), "vans.damages: the type changed");
  std::string without_lost = changed(fleet_text(), ", \"lost\"],\n  moves", "],\n  moves");
  without_lost = changed(without_lost, ", \"lost\"]),\n           (from = \"onRoad\"",
                         "]),\n           (from = \"onRoad\"");
  without_lost = changed(without_lost, "\"workshop\", \"lost\"]),", "\"workshop\"]),");
  without_lost =
      changed(without_lost, ",\n           (stage = \"lost\", over = [\"workshop\"])]", "]");
  without_lost = changed(without_lost, ",\n  needsReason = [\"lost\"]", "");
  EXPECT_EQ(verdict(without_lost), "vans.state: the stage lost was taken out");
  const std::string text = fleet_text();
  EXPECT_EQ(verdict(text.substr(0, text.find("struct Trip"))),
            "trips: the collection was taken out");
  EXPECT_EQ(verdict("collection(\"trips\")", "collection(\"journeys\")"),
            "trips: the collection was renamed to journeys");
}

TEST(Successor, IsAcceptedWhereSomethingWasAdded) {
  const Change changes[] = {
      {"struct Driver",
       "struct Depot $Satchel.collection(\"depots\") $Satchel.scopes([\"all\"]) {}\nstruct Driver",
       ""},
      {"  barred  @2", "  email @3 :Text $Satchel.merge(lww);\n  barred  @2", ""},
      {"total @4 :Bool;", "total @4 :Bool; by @5 :Text;", ""},
      {"\"retired\", \"lost\"],\n  moves", "\"retired\", \"sold\", \"lost\"],\n  moves", ""},
      {"(from = \"workshop\", to = [\"ready\", \"retired\"])",
       "(from = \"workshop\", to = [\"ready\"])", ""},
      {"phone   @1 :Text $Satchel.merge(lww);",
       "phone   @1 :Text $Satchel.merge(lww) $Satchel.index;", ""},
      {"$Satchel.scopes([\"owner\", \"van.depot\"])", "$Satchel.scopes([\"owner\"])", ""},
      {"gone = clear", "gone = keep", ""},
      {"$Satchel.search $Satchel.required", "$Satchel.search", ""},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(change.to);
    EXPECT_EQ(verdict(change.from, change.to), change.verdict);
  }
  EXPECT_EQ(verdict(fleet_text()), "");
}

TEST(Successor, MayNotRequireWhatOlderRecordsLack) {
  EXPECT_EQ(verdict("  barred  @2",
                    "  email @3 :Text $Satchel.merge(lww) $Satchel.required;\n  barred  @2"),
            "drivers.email: a new field cannot be required, since older records lack it");
}

TEST(Successor, TellsEveryReasonOnItsOwnLine) {
  std::string text = changed(fleet_text(), "phone   @1 :Text", "phone   @1 :Data");
  text = changed(text, "$Satchel.privacy(behavioural)", "");
  EXPECT_EQ(verdict(text),
            "drivers.phone: the type changed\ntrips.ratio: the privacy class changed");
}

}  // namespace
}  // namespace satchel::schema
