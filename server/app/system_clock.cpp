#include "server/app/system_clock.hpp"

#include <ctime>

#include "schema/model/error.hpp"

namespace satchel::server {
namespace {

std::int64_t read_us(clockid_t clock) {
  timespec now{};
  SATCHEL_ASSERT(clock_gettime(clock, &now) == 0);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

std::int64_t SystemClock::wall_us() { return read_us(CLOCK_REALTIME); }
std::int64_t SystemClock::boot_us() { return read_us(CLOCK_BOOTTIME); }

}  // namespace satchel::server
