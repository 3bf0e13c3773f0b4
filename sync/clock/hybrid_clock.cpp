#include "sync/clock/hybrid_clock.hpp"

#include <algorithm>

namespace satchel::sync {

Stamp HybridClock::tick(std::uint64_t trusted_ms) {
  // Adding to the bits carries from the logical counter into the milliseconds: still greater than
  // before.
  last_ = std::max(Stamp::at_ms(trusted_ms), Stamp{last_.bits + 1});
  return last_;
}

void HybridClock::observe(Stamp received, std::uint64_t trusted_ms) {
  const Stamp farthest = Stamp::at_ms(trusted_ms + kAheadMsMax, 0xFFFF);
  last_ = std::max(last_, std::min(received, farthest));
}

Stamp canonical_stamp(Stamp received, std::uint64_t now_ms) {
  return std::min(received, Stamp::at_ms(now_ms, 0xFFFF));
}

}  // namespace satchel::sync
