// The names and the tie-breaker of writes.
#pragma once

#include <compare>
#include <cstdint>

#include "schema/model/ids.hpp"

namespace satchel::sync {

using CommitNumber = std::uint64_t;  // 1, 2, 3, ... per replica, without holes; 0 is none.

// Names a write: a commit writes a register at most once. Value type.
struct Dot {
  ReplicaId replica;
  CommitNumber commit = 0;
  friend auto operator<=>(const Dot&, const Dot&) = default;
};

// Hybrid logical clock reading (Kulkarni et al., 2014): 48 bits of milliseconds, 16 bits of logical
// counter. Breaks ties between concurrent writes, nothing else; equal stamps are ordered by the
// dot's replica.
struct Stamp {
  std::uint64_t bits = 0;

  static Stamp at_ms(std::uint64_t ms, std::uint16_t logical = 0) {
    return Stamp{ms << 16 | logical};
  }
  [[nodiscard]] std::uint64_t ms() const { return bits >> 16; }
  [[nodiscard]] std::uint16_t logical() const { return static_cast<std::uint16_t>(bits & 0xFFFF); }
  friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

}  // namespace satchel::sync
