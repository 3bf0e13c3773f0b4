// satchel-codegen: typed C++ for the collections of a schema.
//
//   satchel-codegen NAMESPACE OUT.hpp [SCHEMA.capnp]     without a schema: the standard CRM
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "schema/catalog/catalog.hpp"
#include "schema/compiler/compile.hpp"

namespace satchel::sdk {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using schema::Kind;
using schema::StructType;
using schema::Type;

// Names that C++ keeps for itself, or that the generated structs use.
std::string safe(const std::string& name) {
  static const std::set<std::string> kTaken{
      "alignas",  "auto",      "bool",    "break",    "case",    "catch",     "char",   "class",
      "const",    "continue",  "default", "delete",   "do",      "double",    "else",   "enum",
      "explicit", "export",    "extern",  "false",    "float",   "for",       "friend", "goto",
      "if",       "inline",    "int",     "long",     "mutable", "namespace", "new",    "operator",
      "private",  "protected", "public",  "register", "return",  "short",     "signed", "sizeof",
      "static",   "struct",    "switch",  "template", "this",    "throw",     "true",   "try",
      "typedef",  "typename",  "union",   "unsigned", "using",   "virtual",   "void",   "volatile",
      "while",    "json",      "read",    "and",      "or",      "not",       "xor"};
  return kTaken.contains(name) ? name + '_' : name;
}

class Generator {
 public:
  Generator(const schema::Catalog& catalog, std::string name_space)
      : catalog_(catalog), namespace_(std::move(name_space)) {}

  std::string run() {
    for (const CollectionDef& collection : catalog_.collections()) {
      for (const FieldDef& field : collection.fields) note_structs(field.type);
    }
    for (const CollectionDef& collection : catalog_.collections()) add_collection(collection);
    return "// Made by satchel-codegen from a schema; do not edit.\n#pragma once\n\n"
           "#include <satchel/typed.hpp>\n\nnamespace " +
           namespace_ + " {\n\n" + structs_ + "}  // namespace " + namespace_ +
           "\n\nnamespace satchel {\ninline namespace v1 {\n\n" + codecs_ +
           "}  // namespace v1\n}  // namespace satchel\n\nnamespace " + namespace_ + " {\n\n" +
           collections_ + "}  // namespace " + namespace_ + "\n";
  }

 private:
  std::string type_name(const Type& type) {
    switch (type.kind) {
      case Kind::kBool: return "bool";
      case Kind::kInteger: return "std::int64_t";
      case Kind::kFloat: return "double";
      case Kind::kText:
      case Kind::kData: return "std::string";
      case Kind::kStruct:
      case Kind::kAttachment: return "::" + namespace_ + "::" + struct_name(*type.structure);
      case Kind::kList: return "std::vector<" + type_name(*type.element) + '>';
      case Kind::kMap: return "std::map<std::string, " + type_name(*type.element) + '>';
    }
    return "std::string";
  }

  // Two structs of one name in different scopes get different names.
  std::string struct_name(const StructType& structure) {
    const auto known = names_.find(&structure);
    if (known != names_.end()) return known->second;
    for (const auto& [other, name] : names_) {
      if (other->name == structure.name && same(*other, structure)) {
        return names_.emplace(&structure, name).first->second;
      }
    }
    std::string name = structure.name;
    std::erase(name, '.');  // "Order.Payment"
    while (taken_.contains(name)) name += '_';
    taken_.insert(name);
    return names_.emplace(&structure, name).first->second;
  }

  static bool same(const StructType& a, const StructType& b) {
    if (a.members.size() != b.members.size()) return false;
    for (std::size_t i = 0; i < a.members.size(); ++i) {
      if (a.members[i].name != b.members[i].name ||
          a.members[i].type.kind != b.members[i].type.kind)
        return false;
    }
    return true;
  }

  void note_structs(const Type& type) {
    if (type.element) note_structs(*type.element);
    if (!type.structure) return;
    for (const schema::StructMember& member : type.structure->members) note_structs(member.type);
    const std::string name = struct_name(*type.structure);
    if (done_.insert(name).second) add_struct(*type.structure, name);
  }

  void add_struct(const StructType& structure, const std::string& name) {
    const std::string whole = "::" + namespace_ + "::" + name;
    structs_ += "struct " + name + " {\n";
    std::string append;
    std::string read;
    for (const schema::StructMember& member : structure.members) {
      const std::string type = type_name(member.type);
      structs_ += "  std::optional<" + type + "> " + safe(member.name) + "{};\n";
      append += "    detail::append_member<" + type + ">(out, \"" + member.name + "\", value." +
                safe(member.name) + ");\n";
      read += "    value." + safe(member.name) + " = Codec<" + type + ">::read(record, path + \"." +
              member.name + "\");\n";
    }
    structs_ += "};\n\n";
    codecs_ += "template <>\nstruct Codec<" + whole +
               "> {\n  static void append(std::string& out, const " + whole +
               "& value) {\n    out += '{';\n" + append +
               "    out += '}';\n  }\n  static std::optional<" + whole +
               "> read(const Record& record, const std::string& path) {\n"
               "    if (record[path].kind() != SATCHEL_KIND_OBJECT) return std::nullopt;\n    " +
               whole + " value;\n" + read + "    return value;\n  }\n};\n\n";
  }

  void add_collection(const CollectionDef& collection) {
    std::string name = collection.type_name;
    while (taken_.contains(name)) name += "Record";
    taken_.insert(name);
    std::string tags;
    std::string members;
    std::string json;
    std::string read;
    for (const FieldDef& field : collection.fields) {
      const std::string type = type_name(field.type);
      const std::string own = safe(field.name);
      tags += "  static constexpr satchel::Field<" + name + ", " + type + "> " + own + "{\"" +
              field.name + "\"};\n";
      members += "    std::optional<" + type + "> " + own + "{};\n";
      json += "      satchel::detail::append_member<" + type + ">(out, \"" + field.name + "\", " +
              own + ");\n";
      read += "      values." + own + " = satchel::Codec<" + type + ">::read(record, \"" +
              field.name + "\");\n";
    }
    collections_ +=
        "struct " + name + " {\n  static constexpr std::string_view kCollection = \"" +
        collection.name + "\";\n" + tags + "\n  struct Values {\n" + members +
        "\n    [[nodiscard]] std::string json() const {\n      std::string out = \"{\";\n" + json +
        "      return out + '}';\n    }\n    static Values read(const satchel::Record& record) {\n"
        "      Values values;\n" +
        read + "      return values;\n    }\n  };\n};\n\n";
  }

  const schema::Catalog& catalog_;
  std::string namespace_;
  std::map<const StructType*, std::string> names_;
  std::set<std::string> taken_;
  std::set<std::string> done_;
  std::string structs_;
  std::string codecs_;
  std::string collections_;
};

int run(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fputs("usage: satchel-codegen NAMESPACE OUT.hpp [SCHEMA.capnp]\n", stderr);
    return exit_status(Errc::kUsage);
  }
  auto catalog = argc == 4 ? schema::compile_file(argv[3]) : schema::compile_crm();
  if (!catalog) {
    std::fprintf(stderr, "error: %s: %s\n", std::string{wire_name(catalog.error().code)}.c_str(),
                 catalog.error().message().c_str());
    return exit_status(catalog.error().code);
  }
  std::ofstream out{argv[2]};
  out << Generator{**catalog, argv[1]}.run();
  out.close();
  if (!out) {
    std::fprintf(stderr, "error: file_write: %s\n", argv[2]);
    return exit_status(Errc::kFileWrite);
  }
  return 0;
}

}  // namespace
}  // namespace satchel::sdk

int main(int argc, char** argv) { return satchel::sdk::run(argc, argv); }
