#include <filesystem>
#include <fstream>

#include "schema/catalog/catalog.hpp"
#include "schema/catalog/json.hpp"
#include "schema/compiler/compile.hpp"
#include "schema/model/limits.hpp"
#include "tests/limits/probe.hpp"
#include "tests/support/replica_home.hpp"

namespace satchel::test {
namespace {

constexpr const char* kHead =
    "@0xd2f1a7c3b5e49877;\nusing S = import \"/satchel/annotations.capnp\";\n";
constexpr const char* kOne =
    "struct A $S.collection(\"as\") $S.scopes([\"all\"]) { a @0 :Text $S.merge(lww); }\n";

Status compile(const std::string& body) {
  return status_of(schema::compile_text("my.capnp", kHead + body));
}
std::string many(std::size_t count, const std::function<std::string(const std::string&)>& make) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += make(std::to_string(i));
  return text;
}

Status collections(std::size_t count) {
  return compile(many(count, [](const std::string& i) {
    return "struct A" + i + " $S.collection(\"as" + i + "\") $S.scopes([\"all\"]) {}\n";
  }));
}
Status fields(std::size_t count) {
  return compile(
      "struct A $S.collection(\"as\") $S.scopes([\"all\"]) {\n" +
      many(count,
           [](const std::string& i) { return "f" + i + " @" + i + " :Text $S.merge(lww);\n"; }) +
      "}\n");
}
Status members(std::size_t count) {
  return compile(
      "struct A $S.collection(\"as\") $S.scopes([\"all\"]) { a @0 :B $S.merge(lww);\nstruct B {\n" +
      many(count, [](const std::string& i) { return "f" + i + " @" + i + " :Bool;\n"; }) +
      "}\n}\n");
}
Status stages(std::size_t count) {
  return compile(
      "struct A $S.collection(\"as\") $S.scopes([\"all\"]) {\n"
      "  a @0 :Text $S.merge(stage) $S.stages((stages = [\"first\"" +
      many(count - 1, [](const std::string& i) { return ", \"s" + i + "\""; }) + "]));\n}\n");
}
Status scope_paths(std::size_t count) {
  return compile("struct A $S.collection(\"as\") $S.scopes([\"all\"" +
                 many(count - 1, [](const auto&) { return ", \"owner\""; }) + "]) {}\n");
}
Status subjects(std::size_t count) {
  return compile("struct A $S.collection(\"as\") $S.scopes([\"all\"]) $S.subject([\"self\"" +
                 many(count - 1, [](const auto&) { return ", \"self\""; }) + "]) {}\n");
}
Status agenda_fields(std::size_t count) {
  std::string names;
  std::string fields = "at @0 :Int64 $S.merge(lww) $S.unit(\"us\");\n";
  for (std::size_t i = 1; i <= count; ++i) {
    const std::string number = std::to_string(i);
    names += (i > 1 ? ", \"f" : "\"f") + number + "\"";
    fields += "f" + number + " @" + number + " :Text $S.merge(lww) $S.ref(to = \"as\");\n";
  }
  return compile(
      "struct A $S.collection(\"as\") $S.scopes([\"owner\"]) $S.agenda((at = \"at\", with = [" +
      names + "])) {\n" + fields + "}\n");
}
Status collection_name(std::size_t size) {
  return compile("struct A $S.collection(\"" + std::string(size, 'n') +
                 "\") $S.scopes([\"all\"]) {}\n");
}
Status field_name(std::size_t size) {
  return compile("struct A $S.collection(\"as\") $S.scopes([\"all\"]) { " + std::string(size, 'n') +
                 " @0 :Text $S.merge(lww); }\n");
}
Status nesting(std::size_t levels) {
  std::string type = "Int64";
  for (std::size_t i = 1; i < levels; ++i) type = "List(" + type + ")";
  return compile(kOne + ("struct Deep { deep @0 :" + type + "; }\n"));
}
Status type_depth(std::size_t levels) {
  std::string type = "Text";
  for (std::size_t i = 1; i < levels; ++i) type = "List(" + type + ")";
  return compile("struct A $S.collection(\"as\") $S.scopes([\"all\"]) { a @0 :" + type +
                 " $S.merge(lww); }\n");
}
Status value_depth(std::size_t levels) {
  Value value{std::string{"x"}};
  for (std::size_t i = 1; i < levels; ++i) value = Value{ListElements{value}};
  return status_of(decode_value(encode_value(value)));
}

Status text_of_size(std::size_t size) {
  std::string text = std::string{kHead} + kOne + "#";
  text.append(size - text.size(), 'x');
  return status_of(schema::compile_text("my.capnp", std::move(text)));
}
Status file_of_size(std::size_t size) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/root.capnp";
  std::string text = std::string{kHead} + kOne + "#";
  text.append(size - text.size(), 'x');
  std::ofstream{path} << text;
  return status_of(schema::compile_file(path));
}

// The root, the annotations and what those import are three.
Status files(std::size_t count) {
  const TemporaryFolder folder;
  std::string root = std::string{kHead} + kOne;
  for (std::size_t i = 0; i + 3 < count; ++i) {
    const std::string name = "part" + std::to_string(i);
    root += "using P" + std::to_string(i) + " = import \"" + name + ".capnp\";\n";
    std::ofstream{folder.path() + "/" + name + ".capnp"} << "@0x" << std::hex
                                                         << 0xd2f1a7c3b5e40000 + i << ";\n";
  }
  std::ofstream{folder.path() + "/root.capnp"} << root;
  return status_of(schema::compile_file(folder.path() + "/root.capnp"));
}

Status json_value(std::size_t size) {
  static const auto catalog = *schema::compile_crm();
  const schema::Type& text = catalog->find("accounts")->find("industry")->value_type();
  const std::size_t most = limits::kValueBytesMax - 64;
  const std::size_t head = encode_value(Value{std::string(most, 'x')}).size() - most;
  return status_of(schema::value_from_json(text, '"' + std::string(size - head, 'x') + '"'));
}

}  // namespace

LimitProbes schema_probes() {
  const Errc schema = Errc::kSchemaInvalid;
  return {
      {"kSchemaNestingMax", "brackets", nesting, schema, "my.capnp:4: "},
      {"kCollectionsMax", "compiler", collections, Errc::kLimitExceeded, "at most 512 collections"},
      {"kFieldsMax", "compiler", fields, schema, "A: a collection has at most 256 fields"},
      {"kFieldsMax", "struct members", members, schema, "more than 256 members"},
      {"kSchemaNameBytesMax", "collection", collection_name, schema, "my.capnp:3: A: "},
      {"kSchemaNameBytesMax", "field", field_name, schema, "my.capnp:3: A."},
      {"kStagesMax", "compiler", stages, schema, "my.capnp:4: A.a: a stage table has 1 to 64"},
      {"kScopePathsMax", "compiler", scope_paths, schema, "$scopes has at most 8 entries"},
      {"kAgendaFieldsMax", "compiler", agenda_fields, schema, "$agenda names at most 8 fields"},
      {"kSubjectsMax", "compiler", subjects, schema, "$subject has at most 4 entries"},
      {"kValueDepthMax", "compiler", type_depth, schema, "the type has more than 8 levels"},
      {"kValueDepthMax", "value reader", value_depth, Errc::kLimitExceeded, "8 levels"},
      {"kSchemaBytesMax", "text", text_of_size, Errc::kLimitExceeded, "my.capnp"},
      {"kSchemaBytesMax", "file", file_of_size, Errc::kLimitExceeded, "root.capnp"},
      {"kSchemaFilesMax", "compiler", files, schema, "at most 64 files"},
      {"kValueBytesMax", "JSON reader", json_value, Errc::kLimitExceeded, "at most 1 MiB"},
  };
}

}  // namespace satchel::test
