// The one replicated shape and its one join (docs/MERGE_RULES.md).
#pragma once

#include <concepts>

#include <boost/container/small_vector.hpp>

#include "schema/model/bytes.hpp"
#include "sync/clock/context.hpp"

namespace satchel::sync {

// join must be commutative, associative and idempotent on reachable states; join_laws_test checks
// it.
template <class T>
concept JoinSemilattice = std::regular<T> && requires(const T& a, const T& b) {
  { join(a, b) } -> std::same_as<T>;
};

// One of the concurrent values of a register. `value` is encode_value's form and never read by
// join.
struct Sibling {
  Dot dot;
  Stamp stamp;
  Bytes value;
  friend bool operator==(const Sibling&, const Sibling&) = default;
};

// All concurrent values of one field (or one map entry), and what has been observed of its writes.
// A merge rule is a pure reading of the siblings, so the losers are still there to be explained or
// restored. Value type; thread-compatible. Invariants: (1) siblings sorted by dot, no dot twice;
// (2) context covers each.
struct Register {
  boost::container::small_vector<Sibling, 1> siblings;
  Context context;
  friend bool operator==(const Register&, const Register&) = default;
};

// The state that one write makes: what its author was shown of the register, and the new value on
// top.
Register written(const Dot& dot, Stamp stamp, Bytes value, const Context& shown);

// Keeps what both sides hold, and what one side holds and the other has never observed. Where both
// hold a dot with different stamps the lower stamp stands. Never reads a value: values may be
// sealed.
Register join(const Register& a, const Register& b);
static_assert(JoinSemilattice<Register>);

// Joins `other` into `into`; whether anything of `into` changed.
bool join_with(Register& into, const Register& other);

}  // namespace satchel::sync
