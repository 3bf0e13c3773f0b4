// satchel-sim --seeds A..B [--ticks N] [--verbose]: one world per seed; a failing seed replays
// alone.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <iostream>

#include "tests/sim/catalog.hpp"
#include "tests/sim/world.hpp"

namespace {

using satchel::sim::kMarks;
using satchel::sim::Marks;
using satchel::sim::World;
using satchel::sim::WorldOptions;

constexpr std::uint64_t kSeedsForAllMarks = 500;  // So many worlds come through every branch.

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t last = 2000;
  std::uint64_t ticks = 150;
  bool verbose = false;
};

bool read_number(std::string_view text, std::uint64_t& number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

bool read_arguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--verbose") {
      arguments.verbose = true;
    } else if (word == "--ticks" && i + 1 < argc) {
      if (!read_number(argv[++i], arguments.ticks)) return false;
    } else if (word == "--seeds" && i + 1 < argc) {
      const std::string_view range = argv[++i];
      const std::size_t dots = range.find("..");
      if (!read_number(range.substr(0, dots), arguments.first)) return false;
      arguments.last = arguments.first;
      if (dots != range.npos && !read_number(range.substr(dots + 2), arguments.last)) return false;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) {
    std::cout << "usage: satchel-sim [--seeds A..B] [--ticks N] [--verbose]\n";
    return 2;
  }
  const auto catalogs = satchel::sim::make_catalogs();
  if (!catalogs) {
    std::cout << catalogs.error().message() << "\n";
    return 1;
  }
  Marks marks;
  std::uint64_t broken = 0;
  for (std::uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    const WorldOptions options{seed, arguments.ticks, arguments.verbose};
    // First of all, so that a world that ends the process is known too.
    std::cout << "SEED=" << seed << " COMMIT=" << SATCHEL_COMMIT
              << " OPTIONS=ticks:" << arguments.ticks << std::endl;
    World world{options, *catalogs};
    if (!world.run()) {
      std::cout << "FAILED " << world.failure() << "\n" << std::flush;
      ++broken;
    }
    marks.join_with(world.marks());
  }
  const std::uint64_t count = arguments.last - arguments.first + 1;
  std::cout << count - broken << " of " << count << " worlds held.\n";
  bool blind = false;
  for (std::size_t i = 0; i < std::size(kMarks); ++i) {
    if (marks.contains(i)) continue;
    blind = blind || count >= kSeedsForAllMarks;
    std::cout << "not reached: " << kMarks[i] << "\n";
  }
  return broken > 0 || blind ? 1 : 0;
}
