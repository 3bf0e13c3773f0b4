// Pushes, edits that others see, opening, and devices that only wait.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "bench/fleet/accounts.hpp"
#include "bench/fleet/limits.hpp"
#include "bench/fleet/stages.hpp"
#include "bench/table.hpp"

namespace satchel::bench {
namespace {

constexpr std::size_t kPushed = 2'000;
constexpr std::chrono::milliseconds kOneWay{100};

// Two fields of many records in one commit, durable on the device when it returns.
void change_many(Replica& device, std::size_t round) {
  take(device.write(kPurpose, [&](Write& write) -> Status {
    for (std::size_t n = 0; n < kPushed; ++n) {
      const Ref ref{"accounts", account_id(n)};
      const std::string mark = std::to_string(round) + "-" + std::to_string(n);
      if (Status set = write.set(ref, "industry", "\"changed " + std::to_string(n % 7) + "\"");
          !set) {
        return set;
      }
      if (Status set = write.set(ref, "website", "\"https://changed.example/" + mark + "\"");
          !set) {
        return set;
      }
    }
    return {};
  }));
}

double timed_sync(Replica& device) {
  const Timer timer;
  take(device.sync_once());
  return timer.seconds();
}

// What `work` takes longer over a long line, in round trips of that line.
template <class Work>
double round_trips(Relay& relay, const Work& work) {
  const double near = work();
  relay.delay(kOneWay);
  const double far = work();
  relay.delay(std::chrono::milliseconds{0});
  return (far - near) / (2e-3 * static_cast<double>(kOneWay.count()));
}

// Waits until a marked value was seen. Thread-safe.
class Sighting {
 public:
  void expect(std::string mark) {
    const std::lock_guard hold{mutex_};
    mark_ = std::move(mark);
    seen_ = false;
  }
  void look(const Event& event) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard hold{mutex_};
    for (std::size_t i = 0; i < event.size() && !seen_; ++i) {
      if (mark_.empty() || event[i].find(mark_) == std::string_view::npos) continue;
      seen_ = true;
      at_ = now;
      changed_.notify_all();
    }
  }
  std::chrono::steady_clock::time_point wait() {
    std::unique_lock hold{mutex_};
    if (!changed_.wait_for(hold, std::chrono::seconds{10}, [this] { return seen_; })) {
      give_up("an edit was not seen");
    }
    return at_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string mark_;
  bool seen_ = false;
  std::chrono::steady_clock::time_point at_;
};

}  // namespace

void measure_push(const Setting& setting, Relay& relay) {
  Replica device = take(Replica::open(home(setting, "first0", &relay)));
  take(device.sync_once());
  DiskLimit disk{setting.folder};
  std::vector<double> seconds;
  std::vector<double> syncs;
  double up = 0;
  std::size_t round = 0;
  for (; round < static_cast<std::size_t>(setting.rounds) + 2; ++round) {
    change_many(device, round);
    relay.reset();
    seconds.push_back(timed_sync(device));
    up = static_cast<double>(relay.up_bytes()) / kPushed;
    for (int i = 0; i < 20; ++i) syncs.push_back(disk.once());
  }
  const double whole_trips = round_trips(relay, [&] {
    change_many(device, round++);
    return timed_sync(device);
  });
  take(device.sync_start());
  take(device.sync_once());
  const double live_trips = round_trips(relay, [&] {
    change_many(device, round++);
    return timed_sync(device);
  });
  take(device.sync_stop());
  const double least_s = least(seconds);
  print({"push of 2,000 records, 2 fields each", format("%.3f s", least_s), "<= 0.15 s",
         least_s <= 0.15, "fdatasync: " + format("%.2f ms", median(syncs) * 1e3),
         least_s / median(syncs)});
  print({"  up, per changed record", format("%.1f B", up), "<= 64 B", up <= 64, {}, 0});
  print({"  round trips",
         format("%.1f when connected", live_trips) + format(", %.1f from the dial", whole_trips),
         "<= 2",
         live_trips <= 2.05,
         {},
         0});
}

int run_open(const Setting& setting, const std::string& name) {
  const Timer timer;
  Replica device = take(Replica::open(home(setting, name)));
  const double opened = timer.seconds();
  const Read read = take(device.read(kPurpose));
  const List found = take(read.query("accounts", "owner = \"rep3\"", {.order = {}, .limit = 10}));
  const double usable = timer.seconds();
  const double used = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const Timer again;
  take(read.query("accounts", "owner = \"rep4\"", {.order = {}, .limit = 10}));
  const double next = again.seconds();
  if (found.size() != 10) give_up("the query found too few");
  std::printf("%.6f %.6f %.6f %.6f\n", opened, usable, next, used);
  return 0;
}

void measure_open(const Setting& setting) {
  std::vector<double> opened;
  std::vector<double> usable;
  std::vector<double> processor;
  for (int i = 0; i < setting.rounds + 2; ++i) {
    const std::string line = run({setting.self, "--bin", setting.bin, "--folder", setting.folder,
                                  "--device", "open", "first1", "-"},
                                 setting.folder + "/device.log");
    double first = 0;
    double second = 0;
    double third = 0;
    double used = 0;
    std::istringstream{line} >> first >> second >> third >> used;
    processor.push_back(used);
    opened.push_back(first);
    usable.push_back(second);
    std::fprintf(stderr, "open %.1f ms, usable %.1f ms, next query %.2f ms\n", first * 1e3,
                 second * 1e3, third * 1e3);
  }
  const double raw = read_and_open_seconds(home(setting, "first1").path + "/replica/data.mdb", 256);
  print({"open of " + std::to_string(setting.records) + " records, indexes usable",
         format("%.0f ms", least(usable) * 1e3) +
             format(" (open alone %.0f ms)", least(opened) * 1e3) +
             format(" (processor %.0f ms)", least(processor) * 1e3),
         "<= 300 ms", least(usable) <= 0.3,
         "reading and opening every byte: " + format("%.0f ms", raw * 1e3), least(usable) / raw});
}

void measure_edit(const Setting& setting, Server& server) {
  static_cast<void>(server);
  Replica author = take(Replica::open(home(setting, "first1")));
  Replica other = take(Replica::open(home(setting, "first2")));
  Sighting sighting;
  const Subscription watching = take(
      other.observe_changes(kPurpose, [&sighting](const Event& event) { sighting.look(event); }));
  for (Replica* device : {&author, &other}) {
    take(device->sync_start());
    take(device->sync_once());
  }
  DiskLimit disk{setting.folder};
  std::vector<double> seen;
  std::vector<double> after_commit;
  std::vector<double> syncs;
  for (std::size_t i = 0; i < setting.edits + 20; ++i) {
    const std::string mark = "https://edit" + std::to_string(i) + ".example";
    const Ref ref{"accounts", account_id((i * 7919) % setting.records)};
    sighting.expect(mark);
    const auto begun = std::chrono::steady_clock::now();
    take(author.write(kPurpose,
                      [&](Write& write) { return write.set(ref, "website", "\"" + mark + "\""); }));
    const auto committed = std::chrono::steady_clock::now();
    const auto at = sighting.wait();
    std::this_thread::sleep_for(std::chrono::milliseconds{5});  // Its aftermath, off the clock.
    if (i < 20) continue;                                       // Warming up.
    seen.push_back(std::chrono::duration<double>(at - begun).count());
    after_commit.push_back(std::chrono::duration<double>(at - committed).count());
    syncs.push_back(disk.once());
  }
  const double middle = median(seen);
  const double tail = quantile(seen, 0.99);
  const double sync = median(syncs);
  const std::string limit = "fdatasync: " + format("%.2f ms", sync * 1e3);
  print({"an edit on A seen on B, median",
         format("%.2f ms", middle * 1e3) +
             format(" (%.2f after A's commit)", median(after_commit) * 1e3),
         "<= 2 ms, <= 6 fdatasync", middle <= 2e-3 && middle <= 6 * sync, limit, middle / sync});
  print({"  p99", format("%.2f ms", tail * 1e3), "<= 8 ms", tail <= 8e-3,
         "fdatasync p99: " + format("%.2f ms", quantile(syncs, 0.99) * 1e3),
         tail / quantile(syncs, 0.99)});
}

void measure_idle(const Setting& setting) {
  Server server{setting.bin, setting.folder + "/idle"};
  server.add_rep("ann");
  for (std::size_t i = 0; i < kOwners; ++i)
    server.ctl({"user", "create", "rep" + std::to_string(i), "--role", "rep"});
  const std::string file = setting.folder + "/few.ndjson";
  write_accounts(file, 0, 1000);
  server.ctl({"import", "accounts", file});
  std::vector<Config> homes;
  for (std::size_t i = 0; i <= setting.idle_devices; ++i) {
    homes.push_back(home(setting, "idle" + std::to_string(i)));
    enroll(server, homes.back(), "ann");
  }
  // Anew, so that nothing of the enrolments is in its memory.
  server.stop();
  server.start();
  std::vector<Replica> devices;
  const auto connect = [&](const Config& config) {
    devices.push_back(take(Replica::open(config)));
    take(devices.back().sync_start());
    take(devices.back().sync_once());
  };
  connect(homes[0]);
  const std::size_t before = server.anonymous_bytes();
  for (std::size_t i = 1; i < homes.size(); ++i) connect(homes[i]);
  std::this_thread::sleep_for(std::chrono::seconds{2});
  const double each = static_cast<double>(server.anonymous_bytes() - before) / 1024 /
                      static_cast<double>(setting.idle_devices);
  print({"memory per idle device (" + std::to_string(setting.idle_devices) + " connected)",
         format("%.0f KiB", each), "<= 112 KiB", each <= 112, "Asio's TLS stream alone: 76 KiB",
         each / 76});
}

}  // namespace satchel::bench
