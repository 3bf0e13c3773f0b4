// The operating system's clocks behind the port.
#pragma once

#include "sync/clock/ports.hpp"

namespace satchel::server {

// Thread-safe. Reads through libc, so that a test can bend time there.
class SystemClock final : public sync::Clock {
 public:
  [[nodiscard]] std::int64_t wall_us() override;
  [[nodiscard]] std::int64_t boot_us() override;
};

}  // namespace satchel::server
