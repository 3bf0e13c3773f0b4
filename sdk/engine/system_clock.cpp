#include "sdk/engine/system_clock.hpp"

#include <ctime>

#include "sdk/engine/home.hpp"

namespace satchel::sdk {
namespace {

constexpr const char* kKernelBootId = "/proc/sys/kernel/random/boot_id";
constexpr std::size_t kBootIdBytesMax = 256;

std::int64_t read_clock_us(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

std::int64_t SystemClock::wall_us() { return read_clock_us(CLOCK_REALTIME); }
std::int64_t SystemClock::boot_us() { return read_clock_us(CLOCK_BOOTTIME) + offset_us_; }

Result<std::string> read_boot_id(const std::string& file) {
  auto text = read_small_file(file.empty() ? kKernelBootId : file, kBootIdBytesMax);
  if (!text) return text.error();
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
  return *text;
}

}  // namespace satchel::sdk
