// What grows with a company and what does not: import, ingest, catching up, memory, a restart.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
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

constexpr double kMiB = 1 << 20;
constexpr int kSyncs = 9;
constexpr std::size_t kCatchUp = 1'000;
constexpr std::size_t kCatchUpCommits = 10;
constexpr std::size_t kPushedCommits = 50;  // Of each device; each writes kFields of all it holds.
constexpr const char* kFields[] = {"type", "industry", "size", "website"};
constexpr std::chrono::milliseconds kSampleEvery{5};
constexpr double kMemoryMaxMib = 256;

// The most RssAnon of a process while this lives.
class Peak {
 public:
  explicit Peak(pid_t process)
      : thread_([this, process] {
          while (!stopping_) {
            most_ = std::max<std::size_t>(most_, anonymous_bytes(process));
            std::this_thread::sleep_for(kSampleEvery);
          }
        }) {}
  ~Peak() { end(); }
  Peak(const Peak&) = delete;
  Peak& operator=(const Peak&) = delete;
  std::size_t end() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return most_;
  }

 private:
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> most_ = 0;
  std::thread thread_;
};

// Of processes that ended and were waited for.
double ended_processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::string size_name(std::size_t records) { return "at " + std::to_string(records) + " records"; }

void add_people(Server& server) {
  server.add_rep("ann");
  for (std::size_t i = 0; i < kOwners; ++i)
    server.ctl({"user", "create", "rep" + std::to_string(i), "--role", "rep"});
  server.add_rep_of("day", "Day");
  for (std::size_t i = 0; i < kPushers; ++i) {
    server.add_rep_of("push" + std::to_string(i), "P" + std::to_string(i));
  }
}

void import_company(const Setting& setting, Server& server, std::size_t records) {
  const std::string file = setting.folder + "/company.csv";
  const double row_bytes = write_company(file, records);
  Peak peak{server.id()};
  const double before = server.processor_seconds();
  const double ended = ended_processor_seconds();
  const Timer timer;
  Process ctl{server.ctl_words({"import", "accounts", file}), server.log()};
  if (ctl.finish() != 0) give_up("the import failed, see " + server.log());
  const double seconds = timer.seconds();
  const double server_mib = static_cast<double>(peak.end()) / kMiB;
  const double ctl_mib = static_cast<double>(ctl.peak_bytes()) / kMiB;
  const double server_cpu_s = server.processor_seconds() - before;
  const double ctl_cpu_s = ended_processor_seconds() - ended;
  const auto bytes = std::filesystem::file_size(server.store_file());
  const double raw = write_seconds(setting.folder, bytes);
  const double rate = static_cast<double>(records) / seconds;
  print({"import of " + std::to_string(records) + " CSV rows of " + format("%.0f B", row_bytes),
         format("%.0f/s", rate) + format(" (processor: satcheld %.1f s", server_cpu_s) +
             format(", satchelctl %.1f s)", ctl_cpu_s),
         ">= 30,000/s", rate >= 30'000,
         "writing the store's " + format("%.0f MiB", static_cast<double>(bytes) / kMiB) +
             format(" in one go, and fdatasync: %.2f s", raw),
         seconds / raw});
  print({"  RssAnon, peak",
         format("satcheld %.0f MiB", server_mib) + format(", satchelctl %.0f MiB", ctl_mib),
         "<= 256 MiB",
         server_mib <= kMemoryMaxMib && ctl_mib <= kMemoryMaxMib,
         {},
         0});
  std::filesystem::remove(file);
}

// Enrolled, opened, and nothing synced.
Replica fresh(const Setting& setting, AdminLine& admin, const std::string& name,
              const std::string& user) {
  return take(Replica::enroll(home(setting, name), admin.enrolment(user), "bench"));
}

// ---- The slice of a rep

bool shows_day(const Replica& device) {
  const Read read = take(device.read(kPurpose));
  for (std::size_t n = 0; n < kDayVisits; ++n) {
    if (!read.get("visits", visit_id(n)) || !read.get("accounts", account_id(n * 97))) return false;
  }
  return true;
}

struct FirstSlice {
  double day_s = 0;    // Until the day's visits and the accounts that they name can be read.
  double whole_s = 0;  // Until all of the slice is there.
};

FirstSlice first_slice(Replica& device) {
  FirstSlice figures;
  const Timer timer;
  std::thread syncing{[&] {
    take(device.sync_once());
    figures.whole_s = timer.seconds();
  }};
  while (!shows_day(device)) {
    if (timer.seconds() > 60) give_up("the day's visits did not come");
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  figures.day_s = timer.seconds();
  syncing.join();
  const Read read = take(device.read(kPurpose));
  const auto held = take(read.query("accounts", "", {.order = {}, .limit = 10'000})).size();
  if (held != kDayAccounts) give_up("a slice of " + std::to_string(held) + " accounts");
  return figures;
}

// One of a rep's two devices changes `count` records in `commits` commits; seconds that the other
// takes to have them.
double catch_up(Replica& author, Replica& other, std::size_t count, std::size_t commits,
                int round) {
  for (std::size_t c = 0; c < commits; ++c) {
    take(author.write(kPurpose, [&](Write& write) -> Status {
      for (std::size_t n = c * count / commits; n < (c + 1) * count / commits; ++n) {
        const std::string website = "\"https://change" + std::to_string(round) + ".example\"";
        if (Status set = write.set({"accounts", account_id(n)}, "website", website); !set) {
          return set;
        }
      }
      return {};
    }));
  }
  take(author.sync_once());
  const Timer timer;
  take(other.sync_once());
  return timer.seconds();
}

void measure_slices(const Setting& setting, Server& server, std::size_t records) {
  const std::string file = setting.folder + "/visits.ndjson";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  write_day(file, "day", std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  server.ctl({"import", "visits", file});
  AdminLine admin{server};
  std::vector<double> day;
  std::vector<double> whole;
  std::vector<Replica> devices;
  for (int i = 0; i < setting.rounds; ++i) {
    devices.push_back(fresh(setting, admin, "day" + std::to_string(i), "day"));
    const FirstSlice first = first_slice(devices.back());
    day.push_back(first.day_s);
    whole.push_back(first.whole_s);
  }
  devices.push_back(fresh(setting, admin, "author", "day"));
  Replica& author = devices.back();
  take(author.sync_once());
  std::vector<double> one;
  std::vector<double> many;
  int round = 0;
  for (int i = 0; i < kSyncs; ++i) one.push_back(catch_up(author, devices[0], 1, 1, round++));
  take(devices[0].sync_once());
  for (int i = 0; i < setting.rounds; ++i) {
    many.push_back(catch_up(author, devices[0], kCatchUp, kCatchUpCommits, round++));
  }
  const double connect_s = tls_connect_seconds(server.certificate(), server.private_key(), 20);
  const std::string limit = "TCP and TLS handshake, raw: " + format("%.1f ms", connect_s * 1e3);
  const std::string size = size_name(records);
  print({size + ": first sync of a slice of 2,000, the day's visits usable",
         format("%.0f ms", median(day) * 1e3) + format(" (all of it %.0f ms)", median(whole) * 1e3),
         "<= 1 s", median(day) <= 1, limit, median(day) / connect_s});
  print({size + ": a sync of one change", format("%.1f ms", median(one) * 1e3), "-", false, limit,
         median(one) / connect_s});
  print({size + ": catching up with 1,000 changes", format("%.1f ms", median(many) * 1e3), "-",
         false, limit, median(many) / connect_s});
}

// ---- Ingest

// Commits that cannot leave yet; gives how many field changes they hold.
std::size_t write_changes(Replica& device, std::size_t pusher) {
  std::size_t changes = 0;
  for (std::size_t c = 0; c < kPushedCommits; ++c) {
    take(device.write(kPurpose, [&](Write& write) -> Status {
      for (std::size_t n = 0; n < kPusherAccounts; ++n) {
        const Ref ref{"accounts", account_id(kDayAccounts + pusher * kPusherAccounts + n)};
        for (const char* field : kFields) {
          const std::string value = "\"pushed " + std::to_string(c) + " of " + field + "\"";
          if (Status set = write.set(ref, field, value); !set) return set;
          ++changes;
        }
      }
      return {};
    }));
  }
  return changes;
}

void measure_ingest(const Setting& setting, Server& server, std::size_t records) {
  AdminLine admin{server};
  std::vector<Replica> devices;
  for (std::size_t i = 0; i < kPushers; ++i) {
    const std::string name = "push" + std::to_string(i);
    devices.push_back(fresh(setting, admin, name, name));
    take(devices.back().sync_once());
  }
  std::atomic<std::size_t> changes = 0;
  const auto each = [&](const auto& work) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kPushers; ++i) threads.emplace_back([&work, i] { work(i); });
    for (std::thread& thread : threads) thread.join();
  };
  each([&](std::size_t i) { changes += write_changes(devices[i], i); });
  DiskLimit disk{setting.folder};
  std::vector<double> syncs;
  for (int i = 0; i < 50; ++i) syncs.push_back(disk.once());
  const double before = server.processor_seconds();
  const double own = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const Timer timer;
  each([&](std::size_t i) { take(devices[i].sync_once()); });
  const double seconds = timer.seconds();
  const double server_cpu_s = server.processor_seconds() - before;
  const double own_cpu_s = processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - own;
  for (const Replica& device : devices) {
    const Read read = take(device.read(kPurpose));
    if (!take(read.pending()).empty() || !take(read.inbox()).empty()) give_up("not all was taken");
  }
  const double rate = static_cast<double>(changes) / seconds;
  print({size_name(records) + ": ingest of " + std::to_string(changes) +
             " pushed field changes from " + std::to_string(kPushers) + " devices",
         format("%.0f/s", rate) + format(" (processor: server %.2f s", server_cpu_s) +
             format(", devices %.2f s)", own_cpu_s),
         ">= 50,000/s", rate >= 50'000, "fdatasync: " + format("%.2f ms", median(syncs) * 1e3),
         seconds / median(syncs)});
}

// ---- A restart

void measure_restart(const Setting& setting, Server& server, std::size_t records) {
  AdminLine admin{server};
  Replica device = fresh(setting, admin, "restart", "day");
  take(device.sync_once());
  std::vector<double> ready;
  std::vector<double> synced;
  std::vector<double> processor;
  for (int i = 0; i < setting.rounds; ++i) {
    server.kill();
    const Timer timer;
    server.start();
    ready.push_back(timer.seconds());
    processor.push_back(server.processor_seconds());
    take(device.sync_once());
    synced.push_back(timer.seconds());
  }
  const double raw = read_seconds(server.store_file());
  print({"restart after kill -9 " + size_name(records),
         format("ready after %.2f s", median(ready)) +
             format(" (processor %.2f s)", median(processor)) +
             format(", a device synced after %.2f s", median(synced)),
         "<= 5 s", median(ready) <= 5, "reading the store's file: " + format("%.2f s", raw),
         median(ready) / raw});
}

}  // namespace

void measure_scale(const Setting& setting, std::size_t wanted, const ScaleParts& parts) {
  const std::size_t records = std::max(wanted, kSpecialAccounts);
  std::filesystem::create_directories(setting.folder + "/devices");
  {
    Server server{setting.bin, setting.folder + "/scale"};
    add_people(server);
    import_company(setting, server, records);
    if (parts.restart) measure_restart(setting, server, records);
    if (parts.slices) measure_slices(setting, server, records);
    if (parts.ingest) measure_ingest(setting, server, records);
    if (parts.slices) {
      const double used = static_cast<double>(server.anonymous_bytes()) / kMiB;
      server.stop();
      server.start();
      const double fresh_mib = static_cast<double>(server.anonymous_bytes()) / kMiB;
      print({size_name(records) + ": RssAnon of the server",
             format("%.0f MiB after all of this", used) +
                 format(", %.0f MiB at its start", fresh_mib),
             "-",
             false,
             {},
             0});
    }
  }
  std::filesystem::remove_all(setting.folder);
}

}  // namespace satchel::bench
