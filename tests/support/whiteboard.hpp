// Two who wrote the same register without knowing of each other, and what a field reads as. For
// tests of readings only.
#pragma once

#include <span>

#include "sync/merge/reading.hpp"
#include "tests/support/fields.hpp"
#include "tests/support/literals.hpp"

namespace satchel::test {

inline sync::FieldReading read(const schema::FieldDef& field, const sync::Register& state) {
  const sync::Entry entry = entry_of(state);
  return sync::read_field(field, std::span{&entry, 1});
}

inline sync::Register concurrent(const sync::Register& a, const sync::Register& b) {
  return join(a, b);
}

inline const sync::Register kAnnTen = sync::written("ann:1"_dot, 10_at, text("ten"), {});
inline const sync::Register kBobTwenty = sync::written("bob:1"_dot, 20_at, text("twenty"), {});

}  // namespace satchel::test
