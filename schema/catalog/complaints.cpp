#include "schema/catalog/complaints.hpp"

namespace satchel::schema {
namespace {

// A hostile schema can be wrong in millions of ways; nobody reads beyond this.
constexpr std::size_t kComplaintsMax = 200;

}  // namespace

void Complaints::add(const Place& place, std::string_view what) {
  std::string sentence{place.type_name};
  if (!place.member.empty()) sentence.append(".").append(place.member);
  sentence.append(": ").append(what);
  add_at(locate_ ? locate_(place) : Position{}, sentence);
}

void Complaints::add_at(const Position& position, std::string_view what) {
  if (found_.size() < kComplaintsMax) {
    found_.emplace(position.file, position.line, position.column, std::string{what});
  }
}

Error Complaints::error() const {
  std::string context;
  for (const auto& [file, line, column, what] : found_) {
    if (!context.empty()) context += '\n';
    if (!file.empty()) {
      context += file + ":" + std::to_string(line) + ":";
      if (column != 0) context += std::to_string(column) + ":";
      context += ' ';
    }
    context += what;
  }
  return Error{Errc::kSchemaInvalid, std::move(context)};
}

}  // namespace satchel::schema
