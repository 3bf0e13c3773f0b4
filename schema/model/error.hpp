// What went wrong: a stable code and a context for engineers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace satchel {

// Codes are listed once, in error.def, and never change their number.
enum class Errc : std::int32_t {
#define SATCHEL_ERROR(name, number, wire, exit_status, sentence) name = number,
#include "schema/model/error.def"
#undef SATCHEL_ERROR
};

std::string_view wire_name(Errc code);  // "store_full"
std::string_view sentence(Errc code);   // "The store reached its size limit; ..."
int exit_status(Errc code);             // What a command line ends with.
std::optional<Errc> errc_from_number(std::int32_t number);

// Value type. The context says what and where (file:line:column, collection, record id, field) and
// what to do; it never holds personal data or key material.
struct Error {
  Errc code = Errc::kInternal;
  std::string context{};

  // "sentence context"; what a person is shown.
  [[nodiscard]] std::string message() const;
  friend bool operator==(const Error&, const Error&) = default;
};

// Ends the process: for broken invariants of our own, never for input.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace satchel

#define SATCHEL_ASSERT(expression)     \
  ((expression) ? static_cast<void>(0) \
                : ::satchel::assertion_failed(#expression, __FILE__, __LINE__))
