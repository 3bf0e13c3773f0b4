// Time as the core sees it. The hosts give the real one, the simulator a lying one.
#pragma once

#include <cstdint>

namespace satchel::sync {

// Thread-safe. Microseconds throughout.
class Clock {
 public:
  virtual ~Clock() = default;
  // The wall clock, microseconds UTC since 1970. May be wrong, may jump, may go backwards.
  [[nodiscard]] virtual std::int64_t wall_us() = 0;
  // Runs on in sleep, never goes back within one boot; its zero means nothing.
  [[nodiscard]] virtual std::int64_t boot_us() = 0;
};

}  // namespace satchel::sync
