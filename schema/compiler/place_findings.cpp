#include "schema/compiler/place_findings.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "schema/compiler/source_text.hpp"
#include "schema/model/limits.hpp"

namespace satchel::schema {
namespace {

namespace fs = std::filesystem;

// The file and what it imports beside it. What is embedded does not change under its author.
std::vector<SourceText> texts_of(const std::string& path) {
  std::vector<SourceText> texts;
  std::set<std::string> seen;
  std::vector<fs::path> waiting{path};
  while (!waiting.empty() && texts.size() < limits::kSchemaFilesMax) {
    const fs::path file = waiting.back();
    waiting.pop_back();
    std::ifstream in{file, std::ios::binary};
    if (!seen.insert(file.lexically_normal().string()).second || !in) continue;
    std::ostringstream text;
    text << in.rdbuf();
    texts.emplace_back(file.string(), std::move(text).str());
    for (const std::string& import : texts.back().imports()) {
      if (!import.starts_with('/')) waiting.push_back(file.parent_path() / import);
    }
  }
  return texts;
}

// "vans.plate: the type changed" stands where Van.plate does, or else where Van does.
std::string place_of(const std::string& finding, const Catalog& newer,
                     const std::vector<SourceText>& texts) {
  const std::string name = finding.substr(0, finding.find(':'));
  const std::size_t dot = name.find('.');
  const CollectionDef* collection = newer.find(name.substr(0, dot));
  if (collection == nullptr) return {};
  for (const SourceText& text : texts) {
    const unsigned of_type = text.line_of(collection->type_name);
    if (of_type == 0) continue;
    const unsigned of_field =
        dot == std::string::npos ? 0 : text.line_of(collection->type_name + name.substr(dot));
    return text.display_name() + ":" + std::to_string(of_field != 0 ? of_field : of_type) + ": ";
  }
  return {};
}

}  // namespace

Error place_findings(const Error& refused, const Catalog& newer, const std::string& path) {
  if (refused.code != Errc::kSchemaIncompatible) return refused;
  const std::vector<SourceText> texts = texts_of(path);
  std::istringstream findings{refused.context};
  std::string context;
  for (std::string finding; std::getline(findings, finding);) {
    std::string place = place_of(finding, newer, texts);
    if (place.empty()) place = path + ":1: ";
    context += (context.empty() ? "" : "\n") + place + finding;
  }
  return Error{refused.code, std::move(context)};
}

}  // namespace satchel::schema
