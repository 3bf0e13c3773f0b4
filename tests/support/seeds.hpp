// One number replays a random test. For tests only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace satchel::test {

// splitmix64: the same numbers on every platform and standard library.
class Gen {
 public:
  explicit Gen(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return mixed ^ (mixed >> 31);
  }
  // 0 .. end - 1.
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(next() % end); }
  bool chance(unsigned percent) { return next() % 100 < percent; }

 private:
  std::uint64_t state_;
};

// Runs `test(gen)` for 200 seeds, 20,000 with SATCHEL_LONG=1, or for SATCHEL_SEED alone; stops at
// the first failure, which names its seed.
template <class Test>
void for_each_seed(Test&& test, std::uint64_t count = 200) {
  if (const char* only = std::getenv("SATCHEL_SEED")) {
    const std::uint64_t seed = std::strtoull(only, nullptr, 10);
    SCOPED_TRACE("seed=" + std::to_string(seed));
    Gen gen{seed};
    test(gen);
    return;
  }
  const char* long_run = std::getenv("SATCHEL_LONG");
  if (long_run != nullptr && *long_run == '1') count *= 100;
  for (std::uint64_t seed = 1; seed <= count && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("SATCHEL_SEED=" + std::to_string(seed));
    Gen gen{seed};
    test(gen);
  }
}

}  // namespace satchel::test
