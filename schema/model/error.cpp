#include "schema/model/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace satchel {
namespace {

struct Entry {
  std::string_view wire;
  int exit_status;
  std::string_view sentence;
};

Entry entry_of(Errc code) {
  switch (code) {
#define SATCHEL_ERROR(name, number, wire, exit_status, sentence) \
  case Errc::name:                                               \
    return {wire, exit_status, sentence};
#include "schema/model/error.def"
#undef SATCHEL_ERROR
  }
  return {"internal", 1, "An unknown error code was met."};
}

}  // namespace

std::string_view wire_name(Errc code) { return entry_of(code).wire; }
std::string_view sentence(Errc code) { return entry_of(code).sentence; }
int exit_status(Errc code) { return entry_of(code).exit_status; }

std::optional<Errc> errc_from_number(std::int32_t number) {
  switch (number) {
#define SATCHEL_ERROR(name, value, wire, exit_status, sentence) \
  case value:                                                   \
    return Errc::name;
#include "schema/model/error.def"
#undef SATCHEL_ERROR
    default:
      return std::nullopt;
  }
}

std::string Error::message() const {
  std::string text{sentence(code)};
  if (!context.empty()) {
    text += " (";
    text += context;
    text += ")";
  }
  return text;
}

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, expression);
  std::abort();
}

}  // namespace satchel
