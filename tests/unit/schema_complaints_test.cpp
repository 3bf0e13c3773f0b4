// Every way in which a schema can be wrong, and what its author is told, with the line.

#include <gtest/gtest.h>

#include <string>

#include "schema/catalog/catalog.hpp"
#include "schema/compiler/compile.hpp"

namespace satchel::schema {
namespace {

constexpr const char* kHead =
    "@0xd2f1a7c3b5e49877;\nusing S = import \"/satchel/annotations.capnp\";\n";

std::string complaint_of(const std::string& body) {
  const auto catalog = compile_text("my.capnp", kHead + body);
  if (catalog) return "(no complaint)";
  EXPECT_EQ(catalog.error().code, Errc::kSchemaInvalid);
  return catalog.error().context;
}

// A collection whose fields begin on line 4.
std::string of_fields(const std::string& fields) {
  return "struct A $S.collection(\"as\") $S.scopes([\"all\"]) {\n" + fields + "\n}\n";
}

struct Case {
  const char* body;
  const char* complaint;  // The first line.
};

void expect_first(const std::string& body, const std::string& complaint) {
  SCOPED_TRACE(body);
  const std::string context = complaint_of(body);
  EXPECT_EQ(context.substr(0, context.find('\n')), complaint);
}

TEST(SchemaComplaint, NamesLineStructAndFieldOfAWrongRule) {
  const Case cases[] = {
      {"a @0 :Text $S.merge(lww)\n  $S.merge(multi);",
       "my.capnp:4: A.a: two $merge; a field has one rule"},
      {"# a comment\n\na @0 :Text;",
       "my.capnp:6: A.a: no $merge; say how concurrent values are read, such as $merge(lww)"},
      {"a @0 :Text $S.merge(lww) $S.privacy(public) $S.privacy(company);",
       "my.capnp:4: A.a: the same annotation twice; take one out"},
      {"a @0 :Text $S.merge(set);", "my.capnp:4: A.a: a set is a List; make it List(...)"},
      {"a @0 :Text $S.merge(accessSet);", "my.capnp:4: A.a: a set is a List; make it List(...)"},
      {"a @0 :List(Float32) $S.merge(set);",
       "my.capnp:4: A.a: a set's elements are compared, which floats are not fit for; use an "
       "integer or Text"},
      {"a @0 :Text $S.merge(log);", "my.capnp:4: A.a: a log is a List; make it List(...)"},
      {"a @0 :Text $S.merge(counter);", "my.capnp:4: A.a: a counter is an Int64"},
      {"a @0 :UInt64 $S.merge(counter);", "my.capnp:4: A.a: a counter is an Int64"},
      {"a @0 :Float64 $S.merge(max);", "my.capnp:4: A.a: max and min compare integers; use Int64"},
      {"a @0 :Text $S.merge(min);", "my.capnp:4: A.a: max and min compare integers; use Int64"},
      {"a @0 :Text $S.merge(escrow);", "my.capnp:4: A.a: an escrow is an integer; use Int64"},
      {"a @0 :Int8 $S.merge(deny);",
       "my.capnp:4: A.a: deny is for Bool, where true is the stricter"},
      {"a @0 :Data $S.merge(text);", "my.capnp:4: A.a: the rule text is for Text"},
      {"a @0 :Text $S.merge(stage);",
       "my.capnp:4: A.a: $merge(stage) without $stages; give it a StageTable constant"},
  };
  for (const Case& each : cases) expect_first(of_fields(each.body), each.complaint);
}

TEST(SchemaComplaint, NamesAWrongMap) {
  const Case cases[] = {
      {"a @0 :S.Map(Text, Text) $S.merge(map);",
       "my.capnp:4: A.a: $merge(map) comes with $values, and $values only with it"},
      {"a @0 :Text $S.merge(lww) $S.values(lww);",
       "my.capnp:4: A.a: $merge(map) comes with $values, and $values only with it"},
      {"a @0 :S.Map(Text, Text) $S.merge(lww);",
       "my.capnp:4: A.a: $merge(map) is for a Map, and a Map for $merge(map)"},
      {"a @0 :List(Text) $S.merge(map) $S.values(lww);",
       "my.capnp:4: A.a: $merge(map) is for a Map, and a Map for $merge(map)"},
      {"a @0 :S.Map(Text, List(Text)) $S.merge(map) $S.values(set);",
       "my.capnp:4: A.a: a map's entries are registers; use lww, multi, once, server, deny, max or "
       "min"},
      {"a @0 :S.Map(Text, Text) $S.merge(map) $S.values(stage);",
       "my.capnp:4: A.a: a map's entries have no stages; use lww"},
      {"a @0 :S.Map(Text, Text) $S.merge(map) $S.values(text);",
       "my.capnp:4: A.a: a map's entries take lww or multi"},
      {"a @0 :S.Map(Text, Text) $S.merge(map) $S.values(max);",
       "my.capnp:4: A.a: max and min compare integers; use Map(Text, Integer)"},
      {"a @0 :S.Map(Text, Text) $S.merge(map) $S.values(deny);",
       "my.capnp:4: A.a: deny is for Bool; use Map(Text, Flag)"},
      {"a @0 :S.Map(Data, Text) $S.merge(map) $S.values(lww);",
       "my.capnp:4: A.a: the key of a Map is Text; write Map(Text, ...)"},
      {"a @0 :S.Map $S.merge(map) $S.values(lww);",
       "my.capnp:4: A.a: a Map needs a key and a value that is no map; write Map(Text, ...)"},
      {"a @0 :S.Map(Text, S.Map(Text, Text)) $S.merge(map) $S.values(lww);",
       "my.capnp:4: A.a: a Map needs a key and a value that is no map; write Map(Text, ...)"},
      {"a @0 :List(S.Map(Text, Text)) $S.merge(lww);",
       "my.capnp:4: A.a: a Map is the type of a collection's field and of nothing inside it"},
  };
  for (const Case& each : cases) expect_first(of_fields(each.body), each.complaint);
}

TEST(SchemaComplaint, NamesATypeThatIsNoData) {
  const Case cases[] = {
      {"union { a @0 :Text $S.merge(lww); b @1 :Text $S.merge(lww); }",
       "my.capnp:4: A.union: a union cannot merge; make its members fields"},
      {"g :group { a @0 :Text $S.merge(lww); }",
       "my.capnp:4: A.g: a group cannot merge; make it a struct"},
      {"a @0 :E $S.merge(lww);\nenum E { x @0; }",
       "my.capnp:4: A.a: an enum is not a field's type, since devices could not read a later "
       "enumerant; "
       "use Text"},
      {"a @0 :AnyPointer $S.merge(lww);",
       "my.capnp:4: A.a: this is not a type of data; use Bool, an integer, a float, Text, Data, a "
       "struct, "
       "a List or a Map"},
      {"a @0 :Void $S.merge(lww);",
       "my.capnp:4: A.a: this is not a type of data; use Bool, an integer, a float, Text, Data, a "
       "struct, "
       "a List or a Map"},
      {"a @0 :Text = \"x\" $S.merge(lww);",
       "my.capnp:4: A.a: a field that nobody wrote is absent; take the default value out"},
      {"a @0 :B $S.merge(lww);\nstruct B {\n x @0 :Int32 = 5; }",
       "my.capnp:6: A.B.x: a member that nobody wrote is absent; take the default value out"},
      {"a @0 :B $S.merge(lww);\nstruct B { union { x @0 :Text; y @1 :Text; } }",
       "my.capnp:5: A.B.union: a union cannot merge, nor can more than 256 members"},
      {"a @0 :B $S.merge(lww);\nstruct B {\n g :group { x @0 :Text; } }",
       "my.capnp:6: A.B.g: a group cannot merge; make it a struct"},
      {"a @0 :B $S.merge(lww);\nstruct B { b @0 :List(B); }",
       "my.capnp:5: A.B.b: a struct may not hold itself, nor nest too deeply; refer to a record "
       "instead"},
      {"a @0 :B(Text) $S.merge(lww);\nstruct B(T) { b @0 :T; }",
       "my.capnp:4: A.a: only Map takes parameters; write the struct out"},
      {"a @0 :B $S.merge(lww);\nstruct B {\n x @0 :Text $S.unit(\"us\"); }",
       "my.capnp:6: A.B.x: $unit(\"us\") is for Int64"},
  };
  for (const Case& each : cases) expect_first(of_fields(each.body), each.complaint);
}

TEST(SchemaComplaint, NamesAMarkThatMakesNoSense) {
  const Case cases[] = {
      {"a @0 :S.Money $S.merge(lww) $S.index;",
       "my.capnp:4: A.a: $index is for Bool, numbers, Text, lists of them, and stages"},
      {"a @0 :Int64 $S.merge(lww) $S.search;", "my.capnp:4: A.a: $search is for text"},
      {"a @0 :Text $S.merge(lww) $S.unit(\"us\");", "my.capnp:4: A.a: $unit(\"us\") is for Int64"},
      {"a @0 :Int32 $S.merge(lww) $S.unit(\"us\");", "my.capnp:4: A.a: $unit(\"us\") is for Int64"},
      {"a @0 :Int64 $S.merge(counter) $S.required;",
       "my.capnp:4: A.a: $required is for a field with one value, not for entries"},
      {"a @0 :Text $S.merge(lww) $S.writers([]);",
       "my.capnp:4: A.a: $writers names one to three of device, server, dpo"},
      {"a @0 :Int64 $S.merge(lww) $S.ref(to = \"as\");",
       "my.capnp:4: A.a: a $ref is for a Text field, which holds the record's id"},
      {"a @0 :Text $S.merge(lww) $S.ref(to = \"bs\");",
       "my.capnp:4: A.a: $ref names no collection: \"bs\"; correct it"},
      {"a @0 :Text $S.merge(lww) $S.stages((stages = [\"x\"]));",
       "my.capnp:4: A.a: $stages is for $merge(stage)"},
  };
  for (const Case& each : cases) expect_first(of_fields(each.body), each.complaint);
}

TEST(SchemaComplaint, NamesAWrongStageTable) {
  const auto staged = [](const std::string& table) {
    return of_fields("a @0 :Text $S.merge(stage) $S.stages((" + table + "));");
  };
  expect_first(staged("stages = []"), "my.capnp:4: A.a: a stage table has 1 to 64 stages");
  expect_first(staged("stages = [\"x\", \"x\"]"),
               "my.capnp:4: A.a: the stage x is listed twice; list it once");
  expect_first(staged("stages = [\"not a name\"]"),
               "my.capnp:4: A.a: a stage's name is letters and digits");
  expect_first(staged("stages = [\"x\"], moves = [(from = \"x\", to = [\"y\"])]"),
               "my.capnp:4: A.a: the stage y is not among the stages; add it or correct it");
  expect_first(staged("stages = [\"x\"], serverOnly = [\"y\"]"),
               "my.capnp:4: A.a: the stage y is not among the stages; add it or correct it");
  expect_first(
      staged("stages = [\"x\"], beats = [(stage = \"x\", over = [\"x\"])]"),
      "my.capnp:4: A.a: the stage x would beat itself; precedence is a strict partial order");
  expect_first(
      staged("stages = [\"x\", \"y\", \"z\"], beats = [(stage = \"x\", over = [\"y\"]), "
             "(stage = \"y\", over = [\"z\"]), (stage = \"z\", over = [\"x\"])]"),
      "my.capnp:4: A.a: the stage x would beat itself; precedence is a strict partial order");
  expect_first(
      staged("stages = [\"x\"], needsReason = [\"x\"]"),
      "my.capnp:4: A.a: a stage that needs a reason is a struct whose third member is the reason");
  const std::string table = "$S.merge(stage) $S.stages((stages = [\"x\"], needsReason = [\"x\"]));";
  expect_first(
      of_fields("a @0 :B " + table + "\nstruct B { s @0 :Text; r @1 :Text; }"),
      "my.capnp:4: A.a: a stage that needs a reason has it in the struct's third member, as Text");
  expect_first(of_fields("a @0 :B " + table + "\nstruct B { s @0 :Int64; r @1 :Text; }"),
               "my.capnp:4: A.a: a stage is Text, or a struct whose first member is Text");
  expect_first(of_fields("a @0 :List(Text) $S.merge(stage) $S.stages((stages = [\"x\"]));"),
               "my.capnp:4: A.a: a stage is Text, or a struct whose first member is Text");
}

// One field of every kind that a scope could pass or end in.
std::string of_words(const std::string& words) {
  return "struct A $S.collection(\"as\") " + words +
         " {\n"
         "  b @0 :Text $S.merge(lww) $S.ref(to = \"bs\");\n"
         "  plain @1 :Text $S.merge(lww);\n"
         "  number @2 :Int64 $S.merge(lww);\n"
         "  log @3 :List(Text) $S.merge(log);\n"
         "  a @4 :Text $S.merge(lww) $S.ref(to = \"as\");\n"
         "}\n"
         "struct B $S.collection(\"bs\") $S.scopes([\"c.d.e.name\"]) {\n"
         "  a @0 :Text $S.merge(lww) $S.ref(to = \"as\");\n"
         "  c @1 :Text $S.merge(lww) $S.ref(to = \"cs\");\n"
         "}\n"
         "struct C $S.collection(\"cs\") $S.scopes([\"all\"]) {\n"
         "  d @0 :Text $S.merge(lww) $S.ref(to = \"ds\");\n}\n"
         "struct D $S.collection(\"ds\") $S.scopes([\"all\"]) {\n"
         "  e @0 :Text $S.merge(lww) $S.ref(to = \"es\");\n}\n"
         "struct E $S.collection(\"es\") $S.scopes([\"all\"]) {\n  name @0 :Text "
         "$S.merge(lww);\n}\n";
}

TEST(SchemaComplaint, NamesAWrongScope) {
  EXPECT_EQ(complaint_of(of_words("$S.scopes([\"all\", \"owner\", \"plain\", \"b.c.d.e\"])")),
            "(no complaint)");
  expect_first(
      of_words(""),
      "my.capnp:3: A: no $scopes; say who may hold its records, such as $scopes([\"owner\"])");
  expect_first(of_words("$S.scopes([\"nope\"])"),
               "my.capnp:3: A: the scope \"nope\" names a field that A does not have; correct it");
  expect_first(
      of_words("$S.scopes([\"b.nope\"])"),
      "my.capnp:3: A: the scope \"b.nope\" names a field that B does not have; correct it");
  expect_first(
      of_words("$S.scopes([\"plain.owner\"])"),
      "my.capnp:3: A: the scope \"plain.owner\" passes through plain, which is no reference; "
      "give it a $ref");
  expect_first(
      of_words("$S.scopes([\"b.c.d.e.name\"])"),
      "my.capnp:3: A: the scope \"b.c.d.e.name\" has more than three references; shorten it");
  expect_first(
      of_words("$S.scopes([\"a.owner\"])"),
      "my.capnp:3: A: the scope \"a.owner\" comes back to A; a scope must not run in a circle");
  expect_first(
      of_words("$S.scopes([\"b.a.plain\"])"),
      "my.capnp:3: A: the scope \"b.a.plain\" comes back to A; a scope must not run in a circle");
  for (const char* path : {"number", "log"}) {
    expect_first(of_words("$S.scopes([\"" + std::string{path} + "\"])"),
                 "my.capnp:3: A: the scope \"" + std::string{path} +
                     "\" ends in a field that is neither Text nor a set of Text");
  }
  for (const char* path : {"", ".", "b.", ".b"}) {
    EXPECT_NE(complaint_of(of_words("$S.scopes([\"" + std::string{path} + "\"])")),
              "(no complaint)")
        << path;
  }
}

TEST(SchemaComplaint, NamesAWrongSubjectOrName) {
  const std::string scoped = "$S.scopes([\"all\"]) ";
  EXPECT_EQ(complaint_of(of_words(scoped + "$S.subject([\"self\", \"b\"])")), "(no complaint)");
  for (const char* subject : {"plain", "nope"}) {
    expect_first(of_words(scoped + "$S.subject([\"" + subject + "\"])"),
                 "my.capnp:3: A: $subject names \"" + std::string{subject} +
                     "\", which is no reference; give the field a $ref");
  }
  expect_first(of_words(scoped + "$S.subjectIf(\"plain\")"),
               "my.capnp:3: A: $subjectIf names \"plain\", which is no field of the rule deny");
  const std::string agenda = scoped + "$S.agenda((at = ";
  EXPECT_EQ(complaint_of(of_words(agenda + "\"createdAt\", with = [\"b\"]))")), "(no complaint)");
  expect_first(of_words(agenda + "\"plain\"))"),
               "my.capnp:3: A: $agenda's at names \"plain\", which is no time; give an Int64 "
               "$unit(\"us\")");
  expect_first(
      of_words(agenda + "\"createdAt\", with = [\"plain\"]))"),
      "my.capnp:3: A: $agenda's with names \"plain\", which is no reference; give the field "
      "a $ref");
  expect_first(of_words(agenda + "\"createdAt\", with = [\"b\", \"b\"]))"),
               "my.capnp:3: A: $agenda's with names \"b\" twice; take one out");
  EXPECT_EQ(complaint_of(of_words(scoped + "$S.history(\"createdAt\")")), "(no complaint)");
  expect_first(of_words(scoped + "$S.history(\"plain\")"),
               "my.capnp:3: A: $history names \"plain\", which is neither a time nor a reference; "
               "give an Int64 $unit(\"us\") or a field with a $ref");
  expect_first(of_words(scoped + "$S.history(\"b\")"),
               "my.capnp:3: A: $history names \"b\", which no scope passes through; name it in "
               "$scopes");
  expect_first(of_words(scoped + "$S.life(editWins) $S.life(deleteWins)"),
               "my.capnp:3: A: the same annotation twice; take one out");
  expect_first("struct A $S.collection(\"a b\") $S.scopes([\"all\"]) {}\n",
               "my.capnp:3: A: a collection's name is letters and digits");
  expect_first(
      "struct A(T) $S.collection(\"as\") $S.scopes([\"all\"]) {\n  a @0 :T $S.merge(lww);\n}\n",
      "my.capnp:3: A: a collection takes no parameters");
}

TEST(SchemaComplaint, NamesTheSecondOfTwoCollectionsWithOneName) {
  const std::string context = complaint_of(
      "struct A $S.collection(\"same\") $S.scopes([\"all\"]) {}\n"
      "struct B $S.collection(\"same\") $S.scopes([\"all\"]) {}\n");
  EXPECT_EQ(context,
            "my.capnp:4: B: the collection \"same\" is declared by A too; give it another name");
}

TEST(SchemaComplaint, CountsTheCompilersLinesAndColumnsFromOne) {
  expect_first(of_fields("a @0 :Nope $S.merge(lww);"), "my.capnp:4:7: Not defined: Nope");
  const auto no_id = compile_text("my.capnp", "struct A {}\n");
  ASSERT_FALSE(no_id);
  EXPECT_EQ(no_id.error().context.find("my.capnp:1:1: File does not declare an ID."), 0u);
}

TEST(SchemaComplaint, NamesTheLineOfATextThatIsTooDeepForItsParser) {
  const auto times = [](std::size_t count, const std::string& piece) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += piece;
    return text;
  };
  const std::vector<std::string> texts{
      times(100'000, "("), times(100'000, "["), "const a :Int64 = " + times(200'000, ".a") + ";",
      "struct A { a @0 :" + times(30'000, "List(") + "Text" + times(30'000, ")") + "; }",
      times(30'000, "struct A { ") + times(30'000, "}")};
  for (const std::string& text : texts) {
    SCOPED_TRACE(text.substr(0, 40));
    const auto refused = compile_text("my.capnp", kHead + text);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().context,
              "my.capnp:3: this goes more than 64 brackets or dots deep; name the parts");
  }
}

TEST(SchemaComplaint, HasNoClassForTheProductsOwnBookkeeping) {
  const std::string context =
      complaint_of(of_fields("a @0 :Text $S.merge(lww) $S.privacy(structure);"));
  EXPECT_EQ(context.find("my.capnp:4:37: "), 0u) << context;
  EXPECT_NE(context.find("structure"), std::string::npos) << context;
}

TEST(SchemaComplaint, TellsAllAtOnceInTheOrderOfTheText) {
  EXPECT_EQ(complaint_of(
                of_fields("a @0 :Text;\nb @1 :Text $S.merge(set);\nc @2 :Bool $S.merge(counter);")),
            "my.capnp:4: A.a: no $merge; say how concurrent values are read, such as $merge(lww)\n"
            "my.capnp:5: A.b: a set is a List; make it List(...)\n"
            "my.capnp:6: A.c: a counter is an Int64");
}

TEST(SchemaComplaint, SaysWhenASchemaHasNoCollection) {
  EXPECT_EQ(complaint_of("struct A { a @0 :Text; }\n"), "no struct of the schema is a $collection");
}

}  // namespace
}  // namespace satchel::schema
