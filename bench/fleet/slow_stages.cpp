// A fleet that syncs, alone and beside a thousand peers that are slow on purpose.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/fleet/accounts.hpp"
#include "bench/fleet/stages.hpp"
#include "bench/table.hpp"

namespace satchel::bench {
namespace {

constexpr std::size_t kFleet = 8;
constexpr int kSyncs = 100;  // Of each device, in each half of a round.
constexpr int kMoreRounds = 2;
constexpr std::chrono::milliseconds kPause{50};
constexpr std::chrono::seconds kSettled{2};
constexpr const char* kPeers = "1000";
constexpr double kWorseMax = 2;

struct Member {
  Replica device;
  Ref shop;
};

Member join_fleet(const Setting& setting, const Server& server, std::size_t number) {
  const std::string user = "rep" + std::to_string(number);
  const Config config = home(setting, "honest" + std::to_string(number));
  server.ctl({"user", "create", user, "--role", "rep"});
  enroll(server, config, user);
  Replica device = take(Replica::open(config));
  Ref shop{"accounts", account_id(number)};
  take(device.write(kPurpose, [&](Write& write) { return write.create(shop); }));
  take(device.sync_once());
  return {std::move(device), std::move(shop)};
}

// Seconds of each sync that had one increment to push: dial, handshake, exchange. One that fails
// ends the benchmark.
std::vector<double> sync_often(Member& member) {
  std::vector<double> seconds;
  for (int i = 0; i < kSyncs; ++i) {
    take(member.device.write(
        kPurpose, [&](Write& write) { return write.add(member.shop, "visitCount", 1); }));
    const Timer timer;
    take(member.device.sync_once());
    seconds.push_back(timer.seconds());
    std::this_thread::sleep_for(kPause);
  }
  return seconds;
}

std::vector<double> all_sync(std::vector<Member>& fleet) {
  std::vector<std::vector<double>> parts(fleet.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    threads.emplace_back([&, i] { parts[i] = sync_often(fleet[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Of one half of each round: what else the machine does at times falls to one round, and the median
// of rounds leaves it out.
struct Halves {
  std::vector<double> tails{};
  std::vector<double> middles{};
  void add(const std::vector<double>& seconds) {
    tails.push_back(quantile(seconds, 0.99));
    middles.push_back(median(seconds));
  }
};

}  // namespace

void measure_slow_peers(const Setting& setting) {
  Server server{setting.bin, setting.folder + "/beset"};
  std::vector<Member> fleet;
  for (std::size_t i = 0; i < kFleet; ++i) fleet.push_back(join_fleet(setting, server, i));
  const std::size_t before = server.anonymous_bytes();
  std::size_t most = before;
  Halves alone;
  Halves beside;
  // In turns, so that what else this machine does falls to both.
  for (int round = 0; round < setting.rounds + kMoreRounds; ++round) {
    alone.add(all_sync(fleet));
    {
      // The peers would have machines of their own: these take the processor that is left.
      Process peers{
          {"/usr/bin/nice", "-n", "19", "/usr/bin/env", "python3", setting.peers, "127.0.0.1",
           std::to_string(server.port()), server.authority(), kPeers, "again"},
          setting.folder + "/peers.log"};
      if (peers.read_line() != "ready") give_up("the slow peers are not there");
      std::this_thread::sleep_for(kSettled);
      beside.add(all_sync(fleet));
      most = std::max(most, server.anonymous_bytes());
    }
    std::this_thread::sleep_for(kSettled);
    std::fprintf(stderr, "round %d: p99 %.1f ms alone, %.1f ms beside slow peers\n", round,
                 alone.tails.back() * 1e3, beside.tails.back() * 1e3);
  }
  const double tail = median(beside.tails);
  const double calm = median(alone.tails);
  print({"a sync of one change beside 1,000 slow headers, bodies and readers, p99",
         format("%.1f ms", tail * 1e3) + format(" (median %.1f)", median(beside.middles) * 1e3),
         "<= 2x", tail <= kWorseMax * calm,
         "without them: " + format("%.1f ms", calm * 1e3) +
             format(" (median %.1f)", median(alone.middles) * 1e3),
         tail / calm});
  const double each = static_cast<double>(most - before) / 1024 / 1000;
  print({"  memory per slow peer", format("%.0f KiB", each), "<= 128 KiB", each <= 128,
         "Asio's TLS stream alone: 76 KiB", each / 76});
}

}  // namespace satchel::bench
