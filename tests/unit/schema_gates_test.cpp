// What a schema may hang on stages: freezes, retention from a stage on, logs that reopen. What is
// refused, with its line; what is read; what may change later.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schema/catalog/catalog.hpp"
#include "schema/compiler/compile.hpp"

namespace satchel::schema {
namespace {

constexpr const char* kHead =
    "@0xd2f1a7c3b5e49877;\nusing S = import \"/satchel/annotations.capnp\";\n";

// A repair shop. Fields that the cases add begin on line 9, after those of every job.
std::string shop(const std::string& fields, const std::string& words = "") {
  return std::string{
             "const steps :S.StageTable = (stages = [\"new\", \"open\", \"done\", \"billed\"],"
             " moves = [(from = \"new\", to = [\"open\", \"done\"]), (from = \"done\", to = "
             "[\"open\", \"billed\"])], beats = [(stage = \"open\", over = [\"new\"]), (stage "
             "= \"done\", over = [\"open\"]), (stage = \"billed\", over = [\"done\"])]);\n"} +
         "struct Van $S.collection(\"vans\") $S.scopes([\"all\"]) { name @0 :Text $S.merge(lww); "
         "}\n"
         "struct Job $S.collection(\"jobs\") $S.scopes([\"all\"]) " +
         words +
         " {\n  step @0 :Text $S.merge(stage) $S.stages(.steps);\n"
         "  parent @1 :Text $S.merge(once) $S.ref(to = \"jobs\");\n" +
         fields + "\n}\n";
}

std::string complaint_of(const std::string& body) {
  const auto catalog = compile_text("my.capnp", kHead + body);
  if (catalog) return "(no complaint)";
  EXPECT_EQ(catalog.error().code, Errc::kSchemaInvalid);
  const std::string& context = catalog.error().context;
  return context.substr(0, context.find('\n'));
}

std::shared_ptr<const Catalog> compiled(const std::string& body) {
  const auto catalog = compile_text("my.capnp", kHead + body);
  EXPECT_TRUE(catalog) << (catalog ? "" : catalog.error().context);
  return catalog ? *catalog : nullptr;
}

struct Case {
  const char* field;
  const char* complaint;
};

TEST(SchemaGate, IsRefusedWhereItNamesWhatIsNotThere) {
  const Case cases[] = {
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"stop\", stage = \"done\");",
       "$frozenFrom names \"stop\", which is no stage field of Job"},
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"parent\", stage = \"done\");",
       "$frozenFrom names \"parent\", which is no stage field of Job"},
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"step\", stage = \"sold\");",
       "$frozenFrom names the stage \"sold\", which step does not have"},
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"step\", stage = \"new\");",
       "$frozenFrom names new, where every record starts; name a later stage"},
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"step\");",
       "$frozenFrom names the stage \"...\", which step does not have"},
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"up.step\", stage = \"done\");",
       "$frozenFrom passes through \"up\", which is no reference; give it a $ref"},
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"step.step\", stage = \"done\");",
       "$frozenFrom passes through \"step\", which is no reference; give it a $ref"},
      {"a @2 :Text $S.merge(lww) $S.ref(to = \"jobs\") $S.frozenFrom(field = \"a.step\", stage = "
       "\"done\");",
       "$frozenFrom passes through a, which may be written again; make it $merge(once) or "
       "$merge(server)"},
      {"a @2 :Text $S.merge(once) $S.ref(to = \"vans\") $S.frozenFrom(field = \"a.step\", stage = "
       "\"done\");",
       "$frozenFrom names \"step\", which is no stage field of Van"},
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"parent.parent.step\", stage = \"done\");",
       "$frozenFrom has more than one reference; shorten it"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.field);
    EXPECT_EQ(complaint_of(shop(each.field)), std::string{"my.capnp:8: Job.a: "} + each.complaint);
  }
}

TEST(SchemaGate, IsRefusedWhereItContradictsTheField) {
  const Case cases[] = {
      {"a @2 :Text $S.merge(server) $S.frozenFrom(field = \"step\", stage = \"done\");",
       "$frozenFrom on a field that only the server writes; take it out"},
      {"a @2 :Text $S.merge(lww) $S.writers([server]) $S.frozenFrom(field = \"step\", stage = "
       "\"done\");",
       "$frozenFrom on a field that only the server writes; take it out"},
      {"a @2 :Text $S.merge(stage) $S.stages(.steps) $S.frozenFrom(field = \"step\", stage = "
       "\"done\");",
       "$frozenFrom is not for a stage field; its moves say what may follow"},
      {"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"step\", stage = \"done\")\n "
       "$S.frozenFrom(field = \"step\", stage = \"open\");",
       "the same annotation twice; take one out"},
      {"a @2 :Text $S.merge(lww) $S.retentionFrom(field = \"step\", stage = \"done\");",
       "$retentionFrom without a basis; say $retention(legal) or (evidence)"},
      {"a @2 :Text $S.merge(lww) $S.retention(crm) $S.retentionFrom(field = \"step\", stage = "
       "\"done\");",
       "$retentionFrom without a basis; say $retention(legal) or (evidence)"},
      {"a @2 :Text $S.merge(lww) $S.retention(legal) $S.retentionFrom(field = \"step\", stage = "
       "\"x\");",
       "$retentionFrom names the stage \"x\", which step does not have"},
      {"a @2 :Text $S.merge(lww) $S.reopens(field = \"step\", stage = \"done\", to = \"open\");",
       "$reopens is for $merge(log)"},
      {"a @2 :List(Text) $S.merge(log) $S.reopens(field = \"parent.step\", stage = \"done\", to = "
       "\"open\");",
       "$reopens names \"...\", which is no field of Job"},
      {"a @2 :List(Text) $S.merge(log) $S.reopens(field = \"step\", stage = \"done\", to = \"x\");",
       "$reopens goes to a stage that the table does not have"},
      {"a @2 :List(Text) $S.merge(log) $S.reopens(field = \"step\", stage = \"done\", to = "
       "\"billed\");",
       "$reopens goes to billed, which is not before done"},
      {"a @2 :List(Text) $S.merge(log) $S.reopens(field = \"step\", stage = \"billed\", to = "
       "\"open\");",
       "$reopens goes from billed to open, which no move of the table does; add the move"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.field);
    EXPECT_EQ(complaint_of(shop(each.field)), std::string{"my.capnp:8: Job.a: "} + each.complaint);
  }
  const std::string reopens =
      " :List(Text) $S.merge(log) $S.reopens(field = \"step\", stage = \"done\", to = \"open\");\n";
  EXPECT_EQ(complaint_of(shop("a @2" + reopens + "b @3" + reopens)),
            "my.capnp:9: Job.b: $reopens: another log reopens step already");
}

TEST(SchemaGate, IsReachedByItsStageAndByAllThatBeatIt) {
  const auto catalog = compiled(
      shop("a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"step\", stage = \"open\");\n"
           "b @3 :Text $S.merge(lww) $S.frozenFrom(field = \"parent.step\", stage = \"billed\");\n"
           "c @4 :Text $S.merge(lww) $S.retention(crm);\n"
           "d @5 :List(Text) $S.merge(log) $S.reopens(field = \"step\", stage = \"done\", to = "
           "\"open\");",
           "$S.retention(legal) $S.retentionFrom(field = \"step\", stage = \"done\")"));
  ASSERT_NE(catalog, nullptr);
  const auto again = Catalog::load(catalog->serialized());
  ASSERT_TRUE(again);
  for (const Catalog* each : {catalog.get(), again->get()}) {
    const CollectionDef& jobs = *each->find("jobs");
    const FieldDef& step = *jobs.find("step");
    const FieldDef& a = *jobs.find("a");
    ASSERT_TRUE(a.frozen_from);
    EXPECT_FALSE(a.frozen_from->through);
    EXPECT_EQ(a.frozen_from->field, step.id);
    EXPECT_EQ(a.frozen_from->reached, (std::vector<std::uint8_t>{1, 2, 3}));
    EXPECT_TRUE(a.frozen_from->is_reached_by("billed", *step.stages));
    EXPECT_FALSE(a.frozen_from->is_reached_by("new", *step.stages));
    EXPECT_FALSE(a.frozen_from->is_reached_by("of a newer schema", *step.stages));
    const FieldDef& b = *jobs.find("b");
    ASSERT_TRUE(b.frozen_from);
    EXPECT_EQ(b.frozen_from->through, jobs.find("parent")->id);
    EXPECT_EQ(b.frozen_from->reached, (std::vector<std::uint8_t>{3}));
    EXPECT_EQ(b.retention, Retention::kLegal);
    ASSERT_TRUE(b.retained_from);
    EXPECT_EQ(b.retained_from->stage, "done");
    EXPECT_TRUE(jobs.find("createdAt")->retained_from) << "said of the whole struct";
    EXPECT_FALSE(jobs.find("c")->retained_from) << "a field that says its own basis";
    ASSERT_TRUE(step.reopening);
    EXPECT_EQ(step.reopening->log, "d");
    EXPECT_EQ(step.reopening->to, 1);
    EXPECT_EQ(jobs.find("d")->reopens, step.id);
  }
}

TEST(SchemaGate, StandsInTheStandardSchemaWhereTheModelSaysSo) {
  const auto crm = compile_crm();
  ASSERT_TRUE(crm);
  std::string frozen;
  for (const CollectionDef& collection : (*crm)->collections()) {
    for (const FieldDef& field : collection.fields) {
      if (!field.frozen_from) continue;
      frozen += collection.name + "." + field.name + " ";
      EXPECT_EQ(field.frozen_from->stage, "submitted");
    }
    const bool sold = collection.name == "orders" || collection.name == "orderLines";
    for (const FieldDef& field : collection.fields) {
      EXPECT_EQ(field.retained_from != nullptr, sold) << collection.name << "." << field.name;
    }
  }
  EXPECT_EQ(frozen,
            "orderLines.order orderLines.product orderLines.quantity orderLines.unitPrice "
            "orderLines.discount orderLines.priceTrace orders.requestedDelivery orders.poNumber "
            "orders.note ");
  const FieldDef& status = *(*crm)->find("cases")->find("status");
  ASSERT_TRUE(status.reopening);
  EXPECT_EQ(status.reopening->log, "comments");
  EXPECT_EQ(status.stages->stages[status.reopening->to], "open");
}

// "" where `newer` may follow `older`.
std::string verdict(const std::string& older, const std::string& newer) {
  const auto before = compiled(older);
  const auto after = compiled(newer);
  if (!before || !after) return "(does not compile)";
  const Status accepted = after->accepts_successor_of(*before);
  return accepted ? "" : accepted.error().context;
}

std::string frozen_at(const char* stage) {
  return shop(std::string{"a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"step\", stage = \""} +
              stage + "\");");
}
std::string kept_from(const char* stage) {
  return shop("a @2 :Text $S.merge(lww);",
              std::string{"$S.retention(legal) $S.retentionFrom(field = \"step\", stage = \""} +
                  stage + "\")");
}

TEST(Successor, MayFreezeOrKeepMoreAndNeverLess) {
  const std::string free = shop("a @2 :Text $S.merge(lww);");
  EXPECT_EQ(verdict(free, frozen_at("done")), "");
  EXPECT_EQ(verdict(frozen_at("done"), frozen_at("open")), "") << "earlier";
  EXPECT_EQ(verdict(frozen_at("done"), frozen_at("done")), "");
  const std::string loosened = "jobs.a: the field is frozen later than it was, or no more";
  EXPECT_EQ(verdict(frozen_at("done"), frozen_at("billed")), loosened);
  EXPECT_EQ(verdict(frozen_at("done"), free), loosened);
  EXPECT_EQ(verdict(frozen_at("done"),
                    shop("a @2 :Text $S.merge(lww) $S.frozenFrom(field = \"parent.step\", stage = "
                         "\"done\");")),
            loosened);

  EXPECT_EQ(verdict(kept_from("done"), kept_from("open")), "");
  const std::string always = shop("a @2 :Text $S.merge(lww);", "$S.retention(legal)");
  EXPECT_EQ(verdict(kept_from("done"), always), "");
  const std::string later = "jobs.a: the retention begins later than it did";
  EXPECT_NE(verdict(kept_from("open"), kept_from("done")).find(later), std::string::npos);
  EXPECT_NE(verdict(always, kept_from("done")).find(later), std::string::npos);
}

TEST(Successor, MayLetALogReopenAStageAndMayNotTakeThatBack) {
  const std::string log = "a @2 :List(Text) $S.merge(log)";
  const auto reopening = [&](const char* to) {
    return shop(log + " $S.reopens(field = \"step\", stage = \"done\", to = \"" + to + "\");");
  };
  EXPECT_EQ(verdict(shop(log + ";"), reopening("open")), "");
  EXPECT_EQ(verdict(reopening("open"), reopening("open")), "");
  EXPECT_EQ(verdict(reopening("open"), shop(log + ";")), "jobs.step: what reopens it changed");
}

}  // namespace
}  // namespace satchel::schema
