// Of the build: compiles the standard CRM and writes built_in_crm() of schema/catalog/built_in.hpp.
//
//   satchel-embed OUT.cpp
#include <cstdio>
#include <fstream>

#include "schema/compiler/compile.hpp"

namespace satchel::schema {
namespace {

int run(const char* path) {
  const auto crm = compile_crm();
  if (!crm) {
    std::fprintf(stderr, "error: %s\n", crm.error().message().c_str());
    return exit_status(crm.error().code);
  }
  std::ofstream out{path};
  out << "// Made by satchel-embed of crm.capnp; do not edit.\n"
         "#include \"schema/catalog/built_in.hpp\"\n\n"
         "namespace satchel::schema {\nnamespace {\n\nconstexpr unsigned char kNodes[] = {";
  std::size_t at = 0;
  for (const char byte : (*crm)->serialized())
    out << (at++ % 24 == 0 ? "\n" : "") << unsigned{static_cast<unsigned char>(byte)} << ',';
  out << "};\n\n}  // namespace\n\n"
         "Result<std::shared_ptr<const Catalog>> built_in_crm() {\n"
         "  return Catalog::load({reinterpret_cast<const char*>(kNodes), sizeof kNodes});\n"
         "}\n\n}  // namespace satchel::schema\n";
  out.close();
  if (out) return 0;
  std::fprintf(stderr, "error: file_write: %s\n", path);
  return exit_status(Errc::kFileWrite);
}

}  // namespace
}  // namespace satchel::schema

int main(int argc, char** argv) {
  if (argc == 2) return satchel::schema::run(argv[1]);
  std::fputs("usage: satchel-embed OUT.cpp\n", stderr);
  return satchel::exit_status(satchel::Errc::kUsage);
}
