// First sync over a long line.
#include <chrono>
#include <cstdio>
#include <vector>

#include "bench/fleet/stages.hpp"
#include "bench/table.hpp"

namespace satchel::bench {
namespace {

constexpr std::chrono::milliseconds kOneWay{50};

}  // namespace

void measure_far(const Setting& setting) {
  Server server{setting.bin, setting.folder + "/far"};
  Relay relay{server.port()};
  server.add_rep("ann");
  import_accounts(setting, server, setting.records);
  std::vector<double> near;
  std::vector<double> far;
  for (int i = 0; i < setting.rounds; ++i) {
    // Near and far in turn, both through the relay: what else the machine does meets both.
    for (const bool is_far : {false, true}) {
      relay.delay(is_far ? kOneWay : std::chrono::milliseconds{0});
      const std::string name = (is_far ? "far" : "near") + std::to_string(i);
      const double seconds = first_sync_seconds(setting, server, name, relay);
      std::fprintf(stderr, "first sync, %s: %.2f s\n", name.c_str(), seconds);
      (is_far ? far : near).push_back(seconds);
    }
  }
  relay.delay(std::chrono::milliseconds{0});
  const double ratio = least(far) / least(near);
  print({"bootstrap of " + std::to_string(setting.records) + " records with 100 ms round trips",
         format("%.2f s", least(far)) + format(" (medians %.2f", median(far)) +
             format(" to %.2f s)", median(near)),
         "<= 1.2x the time without", ratio <= 1.2,
         "through the same relay without delay: " + format("%.2f s", least(near)), ratio});
}

}  // namespace satchel::bench
