// The device's clocks.
#pragma once

#include <atomic>
#include <string>

#include "schema/model/result.hpp"
#include "sync/clock/ports.hpp"

namespace satchel::sdk {

// Thread-safe. The clock since boot counts within one boot only: each boot is given a range of its
// own, below all earlier ones, so that readings of two boots are never taken for a span of time.
class SystemClock final : public sync::Clock {
 public:
  // Far longer than any device stays on.
  static constexpr std::int64_t kBootRangeUs = std::int64_t{1} << 49;

  [[nodiscard]] std::int64_t wall_us() override;
  [[nodiscard]] std::int64_t boot_us() override;
  void set_boot_range(std::int64_t offset_us) { offset_us_ = offset_us; }

 private:
  std::atomic<std::int64_t> offset_us_{0};
};

// The name of this boot, the kernel's where `file` is empty. kFileRead.
Result<std::string> read_boot_id(const std::string& file);

}  // namespace satchel::sdk
