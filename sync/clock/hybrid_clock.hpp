// The clock that stamps writes: hybrid time over trusted time.
#pragma once

#include <cstdint>

#include "sync/clock/dot.hpp"

namespace satchel::sync {

// Hybrid logical clock (Kulkarni et al., 2014). Reads are never lower than any stamp made or
// accepted before, and a peer's stamp pulls it at most kAheadMsMax past trusted time.
// Thread-compatible.
class HybridClock {
 public:
  static constexpr std::uint64_t kAheadMsMax = 5 * 60 * 1000;

  explicit HybridClock(Stamp last = {}) : last_(last) {}

  // The stamp of a new local commit. `trusted_ms`: a lower bound of real time, milliseconds UTC.
  Stamp tick(std::uint64_t trusted_ms);
  // Takes notice of a stamp that was received.
  void observe(Stamp received, std::uint64_t trusted_ms);
  [[nodiscard]] Stamp last() const { return last_; }

 private:
  Stamp last_;
};

// What the server makes of a stamp that it receives at `now_ms`: one from the future is lowered to
// the moment of arrival, every other stays.
Stamp canonical_stamp(Stamp received, std::uint64_t now_ms);

}  // namespace satchel::sync
