// Compiled schemas as bytes: what comes back, what hostile bytes do, and every limit at N and at N
// + 1.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>

#include "schema/catalog/catalog.hpp"
#include "schema/compiler/compile.hpp"
#include "schema/model/limits.hpp"

namespace satchel::schema {
namespace {

using SharedCatalog = std::shared_ptr<const Catalog>;
constexpr const char* kHead =
    "@0xd2f1a7c3b5e49877;\nusing S = import \"/satchel/annotations.capnp\";\n";

Result<SharedCatalog> compile(const std::string& body, const Catalog* base = nullptr) {
  return compile_text("my.capnp", kHead + body, base);
}
SharedCatalog fleet() { return *compile_file(SATCHEL_TEST_DATA "/fleet.capnp"); }

bool same(const Type& a, const Type& b);
bool same(const std::shared_ptr<const Type>& a, const std::shared_ptr<const Type>& b) {
  return a == nullptr ? b == nullptr : b != nullptr && same(*a, *b);
}
bool same(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.min != b.min || a.max != b.max || a.time != b.time) return false;
  if (!same(a.element, b.element) || !same(a.key, b.key)) return false;
  if (a.structure == nullptr || b.structure == nullptr) return a.structure == b.structure;
  const auto& left = a.structure->members;
  const auto& right = b.structure->members;
  if (a.structure->name != b.structure->name || left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const bool equal = left[i].ordinal == right[i].ordinal && left[i].name == right[i].name;
    if (!equal || !same(left[i].type, right[i].type)) return false;
  }
  return true;
}

void expect_same(const FieldDef& a, const FieldDef& b) {
  SCOPED_TRACE(a.name);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.name, b.name);
  EXPECT_TRUE(same(a.type, b.type));
  EXPECT_EQ(a.rule, b.rule);
  EXPECT_EQ(a.values, b.values);
  EXPECT_EQ(a.privacy, b.privacy);
  EXPECT_EQ(a.retention, b.retention);
  EXPECT_EQ(std::tie(a.indexed, a.searchable, a.required),
            std::tie(b.indexed, b.searchable, b.required));
  EXPECT_EQ(std::tie(a.server_only, a.cleared_by_office, a.unit),
            std::tie(b.server_only, b.cleared_by_office, b.unit));
  ASSERT_EQ(a.reference.has_value(), b.reference.has_value());
  if (a.reference) {
    EXPECT_EQ(a.reference->to, b.reference->to);
    EXPECT_EQ(a.reference->gone, b.reference->gone);
    EXPECT_EQ(a.reference->acyclic, b.reference->acyclic);
  }
  ASSERT_EQ(a.stages == nullptr, b.stages == nullptr);
  if (!a.stages) return;
  EXPECT_EQ(a.stages->stages, b.stages->stages);
  EXPECT_EQ(a.stages->moves, b.stages->moves);
  EXPECT_EQ(a.stages->beats, b.stages->beats);
  EXPECT_EQ(a.stages->server_only, b.stages->server_only);
  EXPECT_EQ(a.stages->needs_reason, b.stages->needs_reason);
}

void expect_same(const Catalog& a, const Catalog& b) {
  EXPECT_EQ(a.hash(), b.hash());
  ASSERT_EQ(a.collections().size(), b.collections().size());
  for (std::size_t i = 0; i < a.collections().size(); ++i) {
    const CollectionDef& left = a.collections()[i];
    const CollectionDef& right = b.collections()[i];
    SCOPED_TRACE(left.name);
    EXPECT_EQ(left.id, right.id);
    EXPECT_EQ(left.name, right.name);
    EXPECT_EQ(left.type_name, right.type_name);
    EXPECT_EQ(left.life, right.life);
    EXPECT_EQ(left.scopes, right.scopes);
    EXPECT_EQ(left.subjects, right.subjects);
    EXPECT_EQ(left.subject_if, right.subject_if);
    ASSERT_EQ(left.fields.size(), right.fields.size());
    for (std::size_t f = 0; f < left.fields.size(); ++f)
      expect_same(left.fields[f], right.fields[f]);
  }
}

TEST(Catalog, LoadsWhatItSerialized) {
  for (const SharedCatalog& catalog : {*compile_crm(), fleet()}) {
    const auto loaded = Catalog::load(catalog->serialized());
    ASSERT_TRUE(loaded) << loaded.error().message();
    expect_same(*catalog, **loaded);
    EXPECT_EQ((*loaded)->serialized(), catalog->serialized());
    EXPECT_EQ(catalog->hash().size(), 32u);
  }
}

// The hash names a schema on every device: it follows the text and not the place where the text
// lay.
TEST(Catalog, HasOneHashForOneText) {
  const std::filesystem::path folder =
      std::filesystem::path{testing::TempDir()} / "schema_elsewhere";
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(SATCHEL_TEST_DATA "/fleet.capnp", folder / "other_name.capnp",
                             std::filesystem::copy_options::overwrite_existing);
  const auto elsewhere = compile_file((folder / "other_name.capnp").string());
  ASSERT_TRUE(elsewhere) << elsewhere.error().message();
  EXPECT_EQ((*elsewhere)->serialized(), fleet()->serialized());
  EXPECT_EQ((*elsewhere)->serialized().find("other_name"), std::string::npos);
  EXPECT_NE((*elsewhere)->hash(), (*compile_crm())->hash());
  std::filesystem::remove_all(folder);
}

TEST(Catalog, ReadsASchemaOfSomebodyElse) {
  const SharedCatalog catalog = fleet();
  ASSERT_EQ(catalog->collections().size(), 3u);
  const CollectionDef& vans = *catalog->find("vans");
  EXPECT_EQ(vans.life, LifeRule::kDeleteWins);
  EXPECT_EQ(vans.type_name, "Van");
  EXPECT_TRUE(vans.find("plate")->required);
  EXPECT_TRUE(vans.find("plate")->indexed && vans.find("plate")->searchable);
  EXPECT_EQ(vans.find("service")->values, Rule::kMax);
  EXPECT_TRUE(vans.find("service")->value_type().time);
  EXPECT_EQ(vans.find("extras")->value_type().kind, Kind::kBool);
  EXPECT_EQ(vans.find("seats")->type.max, 255);
  EXPECT_TRUE(vans.find("price")->server_only);
  EXPECT_FALSE(vans.find("price")->cleared_by_office);
  const CollectionDef& trips = *catalog->find("trips");
  EXPECT_EQ(trips.scopes, (std::vector<std::string>{"owner", "van.depot"}));
  EXPECT_EQ(trips.find("van")->reference->gone, WhenGone::kDelete);
  EXPECT_EQ(trips.find("driver")->reference->gone, WhenGone::kClear);
  EXPECT_EQ(trips.find("started")->retention, Retention::kLegal);
  EXPECT_EQ(trips.find("ratio")->retention, Retention::kCrm);
  EXPECT_EQ(trips.find("started")->privacy, PrivacyClass::kBusinessContact);
  EXPECT_EQ(trips.find("owner")->rule, Rule::kLww);
  EXPECT_TRUE(catalog->find("drivers")->find("barred")->cleared_by_office);
  EXPECT_EQ(catalog->find("accounts"), nullptr);
}

constexpr const char* kVisitorBook =
    "struct Guest $S.collection(\"guests\") $S.scopes([\"account.territory\"]) {\n"
    "  account @0 :Text $S.merge(lww) $S.ref(to = \"accounts\");\n}\n";

TEST(Catalog, AddsACollectionToItsBase) {
  const SharedCatalog crm = *compile_crm();
  const auto both = compile(kVisitorBook, crm.get());
  ASSERT_TRUE(both) << both.error().message();
  EXPECT_EQ((*both)->collections().size(), crm->collections().size() + 1);
  EXPECT_EQ((*both)->find("guests")->find("account")->reference->to, crm->find("accounts")->id);
  EXPECT_TRUE((*both)->accepts_successor_of(*crm));
  EXPECT_TRUE(Catalog::load((*both)->serialized()));
  // An import of the standard schema says the same.
  const auto imported =
      compile("using Crm = import \"/satchel/crm.capnp\";\n" + std::string{kVisitorBook});
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ((*imported)->hash(), (*both)->hash());
}

TEST(Catalog, ReplacesACollectionOfItsBaseByTypeId) {
  const std::string older =
      "struct A $S.collection(\"as\") $S.scopes([\"all\"]) {\n  a @0 :Text $S.merge(lww);\n";
  const auto base = compile(older + "}\nstruct B $S.collection(\"bs\") $S.scopes([\"all\"]) {}\n");
  ASSERT_TRUE(base) << base.error().message();
  const auto newer = compile(older + "  b @1 :Text $S.merge(lww);\n}\n", base->get());
  ASSERT_TRUE(newer) << newer.error().message();
  EXPECT_NE((*newer)->find("as")->find("b"), nullptr);
  EXPECT_NE((*newer)->find("bs"), nullptr);
}

TEST(Catalog, FollowsImportsOfFilesBesideIt) {
  const std::filesystem::path folder = std::filesystem::path{testing::TempDir()} / "schema_imports";
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream{folder / name} << text;
  };
  write("root.capnp", kHead + std::string{"using Part = import \"part.capnp\";\n"
                                          "struct A $S.collection(\"as\") $S.scopes([\"all\"]) {\n"
                                          "  size @0 :Part.Size $S.merge(lww);\n}\n"});
  write("part.capnp",
        "@0xd2f1a7c3b5e49878;\nusing S = import \"/satchel/annotations.capnp\";\n"
        "using Cxx = import \"/capnp/c++.capnp\";\n$Cxx.namespace(\"part\");\n"
        "struct Size { width @0 :Int64; }\n"
        "struct P $S.collection(\"ps\") $S.scopes([\"all\"]) {}\n");
  const auto catalog = compile_file((folder / "root.capnp").string());
  ASSERT_TRUE(catalog) << catalog.error().message();
  EXPECT_EQ((*catalog)->find("as")->find("size")->type.structure->name, "Size");
  EXPECT_NE((*catalog)->find("ps"), nullptr);
  write("part.capnp", "@0xd2f1a7c3b5e49878;\nstruct Size { width @0 :Nope; }\n");
  const auto broken = compile_file((folder / "root.capnp").string());
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().context, (folder / "part.capnp").string() + ":2:25: Not defined: Nope");
  std::filesystem::remove_all(folder);
}

TEST(Catalog, PlacesEachMistakeOfTheLanguageByLineAndColumn) {
  const auto broken = compile("struct A {\n  a @0 :Txt;\n  b @1 :Text; c @2 :Foo;\n}\n");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().context,
            "my.capnp:4:9: Not defined: Txt\nmy.capnp:5:21: Not defined: Foo");
}

TEST(Catalog, SaysWhichFileItCannotRead) {
  const auto missing = compile_file("nowhere.capnp");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), (Error{Errc::kFileRead, "nowhere.capnp"}));
  // Text that came over a wire reads no files of this machine.
  const auto text = compile("using H = import \"fleet.capnp\";\nstruct A { h @0 :H.Van; }\n");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().context.find("my.capnp:3:18: Import failed"), 0u) << text.error().context;
}

struct Limit {
  const char* name;
  std::string at;
  std::string beyond;
  const char* complaint;
};

std::string many(std::size_t count, const std::function<std::string(const std::string&)>& make) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += make(std::to_string(i));
  return text;
}
std::string fields(std::size_t count) {
  return "struct A $S.collection(\"as\") $S.scopes([\"all\"]) {\n" +
         many(count,
              [](const std::string& i) { return "f" + i + " @" + i + " :Text $S.merge(lww);\n"; }) +
         "}\n";
}
std::string members(std::size_t count) {
  return "struct A $S.collection(\"as\") $S.scopes([\"all\"]) { a @0 :B $S.merge(lww);\nstruct B "
         "{\n" +
         many(count, [](const std::string& i) { return "f" + i + " @" + i + " :Bool;\n"; }) +
         "}\n}\n";
}
std::string stages(std::size_t count) {
  return "struct A $S.collection(\"as\") $S.scopes([\"all\"]) {\n"
         "  a @0 :Text $S.merge(stage) $S.stages((stages = [\"first\"" +
         many(count - 1, [](const std::string& i) { return ", \"s" + i + "\""; }) + "]));\n}\n";
}
std::string listed(const char* word, std::size_t count) {
  return "struct A $S.collection(\"as\") $S.scopes([\"all\"" +
         many(word == std::string{"scopes"} ? count - 1 : 0,
              [](const auto&) { return ", \"owner\""; }) +
         "])" + " $S.subject([\"self\"" +
         many(word == std::string{"subject"} ? count - 1 : 0,
              [](const auto&) { return ", \"self\""; }) +
         "]) {}\n";
}
std::string named(std::size_t size) {
  return "struct A $S.collection(\"" + std::string(size, 'n') + "\") $S.scopes([\"all\"]) {}\n";
}
std::string nested(std::size_t levels) {
  std::string type = "Text";
  for (std::size_t i = 1; i < levels; ++i) type = "List(" + type + ")";
  return "struct A $S.collection(\"as\") $S.scopes([\"all\"]) { a @0 :" + type +
         " $S.merge(lww); }\n";
}

TEST(SchemaLimits, HoldAtNAndRefuseOneMore) {
  const Limit cases[] = {
      {"kFieldsMax", fields(limits::kFieldsMax), fields(limits::kFieldsMax + 1),
       "at most 256 fields"},
      {"members", members(limits::kFieldsMax), members(limits::kFieldsMax + 1),
       "more than 256 members"},
      {"kStagesMax", stages(limits::kStagesMax), stages(limits::kStagesMax + 1), "1 to 64 stages"},
      {"kScopePathsMax", listed("scopes", limits::kScopePathsMax),
       listed("scopes", limits::kScopePathsMax + 1), "$scopes has at most 8 entries"},
      {"kSubjectsMax", listed("subject", limits::kSubjectsMax),
       listed("subject", limits::kSubjectsMax + 1), "$subject has at most 4 entries"},
      {"kSchemaNameBytesMax", named(limits::kSchemaNameBytesMax),
       named(limits::kSchemaNameBytesMax + 1), "a collection's name"},
      {"kValueDepthMax", nested(limits::kValueDepthMax), nested(limits::kValueDepthMax + 1),
       "more than 8 levels"},
  };
  for (const Limit& limit : cases) {
    SCOPED_TRACE(limit.name);
    const auto at = compile(limit.at);
    EXPECT_TRUE(at) << at.error().message();
    const auto beyond = compile(limit.beyond);
    ASSERT_FALSE(beyond);
    EXPECT_NE(beyond.error().context.find(limit.complaint), std::string::npos)
        << beyond.error().context;
  }
}

TEST(SchemaLimits, CountCollections) {
  const auto collections = [](std::size_t count) {
    return many(count, [](const std::string& i) {
      return "struct A" + i + " $S.collection(\"as" + i + "\") $S.scopes([\"all\"]) {}\n";
    });
  };
  EXPECT_TRUE(compile(collections(limits::kCollectionsMax)));
  const auto beyond = compile(collections(limits::kCollectionsMax + 1));
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::kLimitExceeded);
}

TEST(SchemaLimits, CountBytes) {
  const auto at = Catalog::load(Bytes(limits::kSchemaBytesMax, '\0'));
  ASSERT_FALSE(at);
  EXPECT_EQ(at.error().code, Errc::kSchemaInvalid);
  const auto beyond = Catalog::load(Bytes(limits::kSchemaBytesMax + 8, '\0'));
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::kLimitExceeded);

  const std::string small = kHead + fields(1);
  const std::string filled =
      small + "#" + std::string(limits::kSchemaBytesMax - small.size() - 1, 'x');
  EXPECT_TRUE(compile_text("my.capnp", filled));
  const auto long_text = compile_text("my.capnp", filled + "x");
  ASSERT_FALSE(long_text);
  EXPECT_EQ(long_text.error().code, Errc::kLimitExceeded);
}

TEST(SchemaLimits, CountFiles) {
  const std::filesystem::path folder = std::filesystem::path{testing::TempDir()} / "schema_files";
  std::filesystem::create_directories(folder);
  const auto root_with = [&](std::size_t parts) {
    std::string root = kHead + fields(1);
    for (std::size_t i = 0; i < parts; ++i) {
      const std::string name = "part" + std::to_string(i);
      root += "using P" + std::to_string(i) + " = import \"" + name + ".capnp\";\n";
      std::ofstream{folder / (name + ".capnp")} << "@0x" << std::hex << 0xd2f1a7c3b5e40000 + i
                                                << ";\n";
    }
    std::ofstream{folder / "root.capnp"} << root;
    return compile_file((folder / "root.capnp").string());
  };
  // The root, the annotations and what those import are three.
  const auto at = root_with(limits::kSchemaFilesMax - 3);
  EXPECT_TRUE(at) << at.error().message();
  const auto beyond = root_with(limits::kSchemaFilesMax - 2);
  ASSERT_FALSE(beyond);
  EXPECT_NE(beyond.error().context.find("at most 64 files"), std::string::npos)
      << beyond.error().context;
  std::filesystem::remove_all(folder);
}

// Bytes of a stranger: loading ends, and what loads was checked like everything else.
TEST(CatalogLoad, SurvivesFlippedBytes) {
  const std::string whole = fleet()->serialized();
  std::mt19937 random{2026};
  std::size_t refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = whole;
    const std::size_t flips = 1 + random() % 4;
    for (std::size_t f = 0; f < flips; ++f) {
      char& byte = bytes[random() % bytes.size()];
      byte = static_cast<char>(byte ^ static_cast<char>(1U << (random() % 8)));
    }
    const auto loaded = Catalog::load(bytes);
    if (loaded) {
      EXPECT_EQ((*loaded)->serialized(), bytes);
      EXPECT_LE((*loaded)->collections().size(), 3u);
    } else {
      ++refused;
      EXPECT_TRUE(loaded.error().code == Errc::kSchemaInvalid ||
                  loaded.error().code == Errc::kLimitExceeded);
    }
  }
  EXPECT_GT(refused, 200u);
}

TEST(CatalogLoad, SurvivesTruncationAndNoise) {
  const std::string whole = fleet()->serialized();
  for (std::size_t size = 0; size < whole.size(); size += 40)
    EXPECT_FALSE(Catalog::load(whole.substr(0, size)));
  std::mt19937 random{7};
  for (int i = 0; i < 300; ++i) {
    std::string noise((random() % 64) * 8, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    EXPECT_FALSE(Catalog::load(noise));
  }
}

// Without text there are no lines; the complaint names the place all the same.
TEST(CatalogLoad, RepeatsTheChecksOfTheCompiler) {
  std::string bytes = fleet()->serialized();
  const std::size_t at = bytes.find("van.depot");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 9, "van.depoX");
  const auto loaded = Catalog::load(bytes);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().context,
            "Trip: the scope \"van.depoX\" names a field that Van does not have; correct it");
}

}  // namespace
}  // namespace satchel::schema
