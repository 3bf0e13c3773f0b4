// What devices get: the shipped server, and devices of the public SDK, over TLS on loopback, with
// production settings and stores on disk.
//
//   fleet_bench [--bin FOLDER] [--folder FOLDER] [--records N] [--idle N] [--edits N] [--rounds N]
//               [--peers SCRIPT] [--only slow-peers]
//
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

void run_all(const Setting& setting) {
  std::filesystem::create_directories(setting.folder + "/devices");
  if (setting.only == "slow-peers") return measure_slow_peers(setting);
  {
    Server server{setting.bin, setting.folder + "/company"};
    Relay relay{server.port()};
    grow_company(setting, server, relay);
    measure_first_sync(setting, server, relay);
    measure_push(setting, relay);
    measure_open(setting);
    measure_edit(setting, server);
  }
  measure_idle(setting);
  if (!setting.peers.empty()) measure_slow_peers(setting);
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
  satchel::bench::run_all(setting);
  std::filesystem::remove_all(setting.folder);
  return 0;
}
