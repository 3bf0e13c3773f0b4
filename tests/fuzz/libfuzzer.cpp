// A target as libFuzzer calls it (scripts/fuzz).
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  satchel::fuzz::run(satchel::as_view({data, size}));
  return 0;
}
