// A fleet that comes back all at once after the server was away.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/fleet/accounts.hpp"
#include "bench/fleet/admin_line.hpp"
#include "bench/fleet/limits.hpp"
#include "bench/fleet/stages.hpp"
#include "bench/table.hpp"

namespace satchel::bench {
namespace {

constexpr std::size_t kCommits = 5;  // Of each device while the server is away.
constexpr std::size_t kThreads = 8;  // That start devices; each device has its own besides.
constexpr std::chrono::milliseconds kLookEvery{20};
constexpr double kPatienceSeconds = 600;
constexpr double kReach = 20;

// Device `number` belongs to the rep of a territory and writes to an account that no other device
// writes to; all devices of the territory are to show it.
std::size_t account_of(std::size_t device) { return device; }
std::string user_of(std::size_t device) { return "slice" + std::to_string(device % kTerritories); }

struct Fleet {
  std::vector<Replica> devices;
  [[nodiscard]] std::size_t size() const { return devices.size(); }
};

// Work of every device, shared among a few threads.
template <class Work>
void for_each_device(std::size_t count, const Work& work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (std::size_t n = next++; n < count; n = next++) work(n);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

Fleet enrol_fleet(const Setting& setting, const Server& server) {
  const Timer timer;
  AdminLine admin{server};
  std::vector<std::string> codes;
  for (std::size_t n = 0; n < setting.devices; ++n) codes.push_back(admin.enrolment(user_of(n)));
  std::vector<std::unique_ptr<Replica>> made(setting.devices);
  for_each_device(setting.devices, [&](std::size_t n) {
    made[n] = std::make_unique<Replica>(
        take(Replica::enroll(home(setting, "outage" + std::to_string(n)), codes[n], "bench")));
    take(made[n]->sync_once());
  });
  Fleet fleet;
  for (auto& each : made) fleet.devices.push_back(std::move(*each));
  std::fprintf(stderr, "enrolled %zu devices and synced each once in %.1f s\n", setting.devices,
               timer.seconds());
  return fleet;
}

// Five commits on each device, none of which can leave.
void write_offline(Fleet& fleet) {
  const Timer timer;
  for_each_device(fleet.size(), [&](std::size_t n) {
    const Ref ref{"accounts", account_id(account_of(n))};
    for (std::size_t i = 0; i < kCommits; ++i) {
      take(fleet.devices[n].write(kPurpose, [&](Write& write) -> Status {
        const std::string website = "\"https://offline" + std::to_string(i) + ".example\"";
        if (Status set = write.set(ref, "website", website); !set) return set;
        return write.add(ref, "visitCount", 1);
      }));
    }
  });
  std::fprintf(stderr, "%zu commits offline in %.1f s\n", fleet.size() * kCommits, timer.seconds());
}

std::int64_t visits_at_first(std::size_t device) {
  return static_cast<std::int64_t>(account_of(device) % 40);
}

// Nothing of its own waits, and it shows the commits of all devices of its territory.
bool is_quiet(const Fleet& fleet, std::size_t number) {
  const Read read = take(fleet.devices[number].read(kPurpose));
  if (!take(read.pending()).empty()) return false;
  for (std::size_t n = number % kTerritories; n < fleet.size(); n += kTerritories) {
    const Record record = take(read.get("accounts", account_id(account_of(n))));
    const auto expected = visits_at_first(n) + static_cast<std::int64_t>(kCommits);
    if (record["visitCount"].integer_or(-1) != expected) return false;
  }
  return true;
}

struct Drain {
  double seconds = 0;
  double server_cpu_s = 0;
  double fleet_cpu_s = 0;
};

Drain drain(Fleet& fleet, const Server& server) {
  Drain figures;
  const double before = server.processor_seconds();
  const double own = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const Timer timer;
  for_each_device(fleet.size(), [&](std::size_t n) { take(fleet.devices[n].sync_start()); });
  std::vector<std::size_t> busy;
  for (std::size_t n = 0; n < fleet.size(); ++n) busy.push_back(n);
  while (!busy.empty()) {
    if (timer.seconds() > kPatienceSeconds) {
      give_up(std::to_string(busy.size()) + " devices did not become quiet");
    }
    // Looking costs processor that the fleet needs: one device that is not quiet stands for all.
    if (is_quiet(fleet, busy.back())) {
      busy.pop_back();
    } else {
      std::this_thread::sleep_for(kLookEvery);
    }
  }
  figures.seconds = timer.seconds();
  figures.server_cpu_s = server.processor_seconds() - before;
  figures.fleet_cpu_s = processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - own;
  return figures;
}

// After a kill -9: how many of the acknowledged commits the server shows.
std::size_t count_durable(const Server& server, std::size_t devices) {
  AdminLine admin{server};
  std::size_t found = 0;
  for (std::size_t n = 0; n < devices; ++n) {
    const std::string record = admin.get("/admin/v1/records/accounts/" + account_id(account_of(n)));
    const std::size_t at = record.find("\"visitCount\":");
    if (at == std::string::npos) give_up("a record without visitCount: " + record);
    const auto shown = std::atoll(record.c_str() + at + 13);
    found += static_cast<std::size_t>(std::max<std::int64_t>(0, shown - visits_at_first(n)));
  }
  return found;
}

}  // namespace

void measure_outage(const Setting& setting) {
  rlimit files{};  // A device has about eight open.
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  Server server{setting.bin, setting.folder + "/outage"};
  for (std::size_t i = 0; i < kTerritories; ++i) {
    server.add_rep_of("slice" + std::to_string(i), territory_name(i));
  }
  import_accounts(setting, server, std::max(setting.records / 10, setting.devices));
  Fleet fleet = enrol_fleet(setting, server);
  server.stop();
  write_offline(fleet);
  server.start();
  const Drain figures = drain(fleet, server);
  const double memory = static_cast<double>(server.anonymous_bytes()) / (1 << 20);
  for_each_device(fleet.size(), [&](std::size_t n) { take(fleet.devices[n].sync_stop()); });
  server.kill();
  server.start();
  const std::size_t durable = count_durable(server, fleet.size());
  const std::size_t commits = fleet.size() * kCommits;
  const double handshake = tls_connect_seconds(server.certificate(), server.private_key(), 20);
  DiskLimit disk{setting.folder};
  std::vector<double> syncs;
  for (int i = 0; i < 50; ++i) syncs.push_back(disk.once());
  const double bare = handshake * static_cast<double>(fleet.size());
  print({std::to_string(fleet.size()) + " devices catching up at once after an outage, " +
             std::to_string(kCommits) + " commits each",
         format("%.1f s", figures.seconds) +
             format(" (processor: server %.1f s", figures.server_cpu_s) +
             format(", devices %.1f s", figures.fleet_cpu_s) +
             format("; server's RssAnon %.0f MiB)", memory),
         "<= 20 s", figures.seconds <= kReach,
         "as many TCP and TLS handshakes, raw, one after the other: " + format("%.1f s", bare) +
             format("; fdatasync: %.2f ms", median(syncs) * 1e3),
         figures.seconds / bare});
  print({"  acknowledged commits that are there after kill -9",
         std::to_string(durable) + " of " + std::to_string(commits),
         "all",
         durable == commits,
         {},
         0});
}

}  // namespace satchel::bench
