// From compiled nodes to a catalog. Includes Cap'n Proto: for schema/catalog and schema/compiler
// alone.
#pragma once

#include <memory>
#include <string>

#include <capnp/common.h>
#include <kj/array.h>
#include <kj/exception.h>

#include "schema/catalog/catalog.hpp"
#include "schema/catalog/complaints.hpp"

namespace satchel::schema {

// How much may be read of a message of so many words: everything is read a few times.
[[nodiscard]] constexpr std::uint64_t traversal_limit(std::size_t words) {
  return 16 * std::uint64_t{words} + 4096;
}

// Readers need aligned words, which a string's bytes need not be.
[[nodiscard]] kj::Array<capnp::word> aligned(const std::string& bytes);

// A catalog of `serialized`, checked whole. kSchemaInvalid (also by `complaints`), kLimitExceeded;
// throws what Cap'n Proto throws: call it within guarded().
Result<std::shared_ptr<const Catalog>> build_from(std::string serialized, Complaints& complaints);

// One of the three walls: runs one step of Cap'n Proto; what it throws becomes an error.
template <class Step>
auto guarded(Step step) -> decltype(step()) {
  try {
    return step();
  } catch (const kj::Exception& thrown) {
    return Error{Errc::kSchemaInvalid,
                 std::string{"Cap'n Proto: "} + thrown.getDescription().cStr()};
  } catch (const std::exception&) {
    return Error{Errc::kSchemaInvalid, "Cap'n Proto refused the schema"};
  }
}

}  // namespace satchel::schema
