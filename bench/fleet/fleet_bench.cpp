// What devices get: the shipped server, and devices of the public SDK, over TLS on loopback, with
// production settings and stores on disk.
//
//   fleet_bench [--bin FOLDER] [--folder FOLDER] [--records N] [--idle N] [--edits N] [--rounds N]
//               [--devices N] [--handovers N] [--peers SCRIPT] [--only STAGE]
//
// Stages: company, idle, handover, far, outage, scale and its parts import, ingest and restart, and
// slow-peers (with --peers). Those of a size use a tenth, all and ten times --records.
// Prints lines of the table in docs/PERFORMANCE.md on stdout and progress on stderr.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/fleet/stages.hpp"

namespace satchel::bench {
namespace {

int run_device(const Setting& setting, const std::vector<std::string>& words) {
  if (words[0] == "first-sync") return run_first_sync(setting, words[1], words[2]);
  if (words[0] == "open") return run_open(setting, words[1]);
  return 2;
}

void measure_company(const Setting& setting) {
  Server server{setting.bin, setting.folder + "/company"};
  Relay relay{server.port()};
  grow_company(setting, server, relay);
  measure_first_sync(setting, server, relay);
  measure_push(setting, relay);
  measure_open(setting);
  measure_edit(setting, server);
}

// A tenth, all and ten times Setting::records; the restart where there is most to start with.
void measure_sizes(const Setting& setting) {
  measure_scale(setting, setting.records / 10, {.slices = true, .ingest = true});
  measure_scale(setting, setting.records, {.slices = true, .ingest = true});
  measure_scale(setting, setting.records * 10, {.slices = true, .ingest = true, .restart = true});
}

struct Stage {
  const char* name;
  void (*run)(const Setting& setting);
  bool always;  // False: is part of another stage, and runs only where it is named.
};
constexpr Stage kStages[] = {
    {"company", measure_company, true},
    {"idle", measure_idle, true},
    {"handover", measure_handover, true},
    {"far", measure_far, true},
    {"outage", measure_outage, true},
    {"scale", measure_sizes, true},
    {"import", [](const Setting& setting) { measure_scale(setting, setting.records * 10, {}); },
     false},
    {"ingest",
     [](const Setting& setting) { measure_scale(setting, setting.records, {.ingest = true}); },
     false},
    {"restart",
     [](const Setting& setting) {
       measure_scale(setting, setting.records * 10, {.restart = true});
     },
     false},
    {"slow-peers", measure_slow_peers, true},
};

void run_stages(const Setting& setting) {
  bool found = false;
  for (const Stage& stage : kStages) {
    if (setting.only.empty() ? !stage.always : setting.only != stage.name) continue;
    found = true;
    if (std::string{stage.name} == "slow-peers" && setting.peers.empty()) continue;
    std::filesystem::create_directories(setting.folder + "/devices");
    stage.run(setting);
    std::filesystem::remove_all(setting.folder);  // Stages have nothing in common.
  }
  if (!found) give_up("no stage is called " + setting.only);
}

}  // namespace
}  // namespace satchel::bench

int main(int argc, char** argv) {
  satchel::bench::Setting setting;
  setting.self = std::filesystem::read_symlink("/proc/self/exe").string();
  setting.bin = std::filesystem::path{setting.self}.parent_path().string();
  std::string folder;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--bin") setting.bin = value;
    if (name == "--folder") folder = value;
    if (name == "--records") setting.records = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--idle") setting.idle_devices = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--edits") setting.edits = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--devices") setting.devices = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--handovers") setting.handovers = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--peers") setting.peers = value;
    if (name == "--only") setting.only = value;
    if (name == "--rounds") setting.rounds = std::atoi(value.c_str());
    if (name == "--device" && i + 3 < argc) {
      setting.folder = folder;
      return satchel::bench::run_device(setting, {value, argv[i + 2], argv[i + 3]});
    }
  }
  if (folder.empty()) folder = std::filesystem::temp_directory_path().string();
  setting.folder = folder + "/satchel-fleet-bench-" + std::to_string(::getpid());
  satchel::bench::run_stages(setting);
  return 0;
}
