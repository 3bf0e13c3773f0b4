// An account changes hands between two live devices, with all that hangs on it.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "bench/fleet/accounts.hpp"
#include "bench/fleet/admin_line.hpp"
#include "bench/fleet/limits.hpp"
#include "bench/fleet/stages.hpp"
#include "bench/table.hpp"

namespace satchel::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBefore = 2;  // Rounds that only warm up.
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kAftermath{300};
constexpr const char* kReps[] = {"anna", "bert"};
constexpr const char* kPlaces[] = {"North", "South"};

// One kind of dependent, how many there are, and what each of them says.
struct Kind {
  const char* collection;
  std::size_t count;
  const char* refers;   // The field that refers, ...
  std::size_t of_kind;  // ... to a record of this kind; 0: to the account.
  const char* more;     // Further members of its line.
};
// Their numbers begin at 1,000 times the place, and the account's is 0.
constexpr Kind kKinds[] = {
    {"accounts", 1, "parent", 0, ",\"name\":\"Hafen Markt\",\"type\":\"retail\""},
    {"contacts", 100, "account", 0, ",\"jobTitle\":\"buyer\",\"department\":\"purchasing\""},
    {"contactPoints", 100, "contact", 1, ",\"kind\":\"email\",\"label\":\"work\""},
    {"orders", 50, "account", 0, ",\"currency\":\"EUR\",\"note\":\"gate B\""},
    {"orderLines", 150, "order", 3, ",\"quantity\":5"},
    {"visits", 50, "account", 0, ",\"outcome\":\"ordered\""},
    {"tasks", 50, "account", 0, ",\"title\":\"call back\",\"priority\":\"high\""},
};
std::string id_of(std::size_t kind, std::size_t number) { return account_id(kind * 1000 + number); }

// What one device shows of the account and its dependents, kept from its change stream.
// Thread-safe.
class Holding {
 public:
  Holding() {
    for (std::size_t kind = 0; kind < std::size(kKinds); ++kind) {
      for (std::size_t n = 0; n < kKinds[kind].count; ++n) of_account_.insert(id_of(kind, n));
    }
  }
  void look(const Event& event) {
    const auto now = Clock::now();
    const std::lock_guard hold{mutex_};
    for (std::size_t i = 0; i < event.size(); ++i) {
      const std::string_view row = event[i];
      const std::size_t at = row.find("\"id\":\"");
      if (at == std::string_view::npos) continue;
      const std::string id{row.substr(at + 6, 36)};
      if (of_account_.count(id) == 0) continue;  // Who is who comes in the same stream.
      if (row.find("\"gone\":true") != std::string_view::npos) {
        shown_.erase(id);
      } else {
        shown_.insert(id);
      }
    }
    at_ = now;
    changed_.notify_all();
  }
  // When the last of so many came, or went where `count` is 0.
  Clock::time_point wait_for(std::size_t count) {
    std::unique_lock hold{mutex_};
    if (!changed_.wait_for(hold, kPatience, [&] { return shown_.size() == count; })) {
      give_up("a hand-over stopped at " + std::to_string(shown_.size()) + " of " +
              std::to_string(count));
    }
    return at_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> of_account_;
  std::set<std::string> shown_;
  Clock::time_point at_{};
};

std::size_t import_all(const Setting& setting, const Server& server) {
  std::size_t records = 0;
  for (std::size_t kind = 0; kind < std::size(kKinds); ++kind) {
    const Kind& each = kKinds[kind];
    const std::string file = setting.folder + "/" + each.collection + ".ndjson";
    std::ofstream out{file, std::ios::trunc};
    for (std::size_t n = 0; n < each.count; ++n, ++records) {
      out << "{\"id\":\"" << id_of(kind, n) << '"';
      if (kind == 0) {
        out << ",\"territory\":\"" << kPlaces[0] << "\",\"owner\":\"" << kReps[0] << '"';
      } else {
        const std::size_t named = each.of_kind == 0 ? 0 : n % kKinds[each.of_kind].count;
        out << ",\"" << each.refers << "\":\"" << id_of(each.of_kind, named) << '"';
      }
      out << each.more << "}\n";
    }
    out.close();
    server.ctl({"import", each.collection, file});
  }
  return records;
}

// What a read of the device gives, apart from what it was told: nothing, or all.
std::size_t count_of(Replica& device) {
  const Read read = take(device.read(kPurpose));
  std::size_t count = 0;
  for (const Kind& kind : kKinds) {
    count += take(read.query(kind.collection, "", {.order = {}, .limit = 10'000})).size();
  }
  return count;
}

struct Samples {
  std::vector<double> whole;
  std::vector<double> arrived;
  std::vector<double> left;
  std::vector<double> answered;
  std::vector<double> limit;
  std::vector<double> syncs;
};

double since(Clock::time_point begun, Clock::time_point end) {
  return std::chrono::duration<double>(end - begun).count();
}

std::string assignment(const char* path, const std::string& text) {
  return "{\"path\":\"" + std::string{path} + "\",\"text\":\"" + text + "\"}";
}

// One commit that moves the account to the rep of this number, over the kept connection.
void move_to(AdminLine& admin, std::size_t rep) {
  admin.post("/admin/v1/records/accounts", "{\"id\":\"" + id_of(0, 0) + "\",\"fields\":[" +
                                               assignment("territory", kPlaces[rep]) + "," +
                                               assignment("owner", kReps[rep]) + "]}");
}

// The same round trip with a commit that no device may see.
double unrelated(AdminLine& admin, std::size_t round) {
  const Timer timer;
  admin.post("/admin/v1/records/accounts",
             "{\"id\":\"" + account_id(999'999) + "\",\"new\":true,\"fields\":[" +
                 assignment("website", "https://round" + std::to_string(round) + ".example") +
                 "]}");
  return timer.seconds();
}

Samples hand_over(const Setting& setting, const Server& server, Replica* devices, Holding* holdings,
                  std::size_t records) {
  AdminLine admin{server};
  DiskLimit disk{setting.folder};
  Samples samples;
  for (std::size_t round = 0; round < kBefore + setting.handovers; ++round) {
    const std::size_t to = 1 - round % 2;
    const double limit = unrelated(admin, round);
    std::this_thread::sleep_for(kAftermath);
    const auto begun = Clock::now();
    move_to(admin, to);
    const auto answered = Clock::now();
    const auto arrived = holdings[to].wait_for(records);
    const auto left = holdings[1 - to].wait_for(0);
    if (count_of(devices[to]) != records || count_of(devices[1 - to]) != 0) {
      give_up("a device shows something else than it was told");
    }
    std::fprintf(stderr, "handed over: there %.1f ms, gone %.1f ms, answered %.1f ms\n",
                 since(begun, arrived) * 1e3, since(begun, left) * 1e3,
                 since(begun, answered) * 1e3);
    if (round < kBefore) continue;
    samples.whole.push_back(since(begun, std::max(arrived, left)));
    samples.arrived.push_back(since(begun, arrived));
    samples.left.push_back(since(begun, left));
    samples.answered.push_back(since(begun, answered));
    samples.limit.push_back(limit);
    samples.syncs.push_back(disk.once());
  }
  return samples;
}

}  // namespace

void measure_handover(const Setting& setting) {
  Server server{setting.bin, setting.folder + "/handover"};
  for (int i = 0; i < 2; ++i) server.add_rep_of(kReps[i], kPlaces[i]);
  std::vector<Replica> devices;
  Holding holdings[2];
  std::vector<Subscription> watching;
  for (int i = 0; i < 2; ++i) {
    const Config config = home(setting, kReps[i]);
    enroll(server, config, kReps[i]);
    devices.push_back(take(Replica::open(config)));
    watching.push_back(take(devices.back().observe_changes(
        kPurpose, [&holding = holdings[i]](const Event& event) { holding.look(event); })));
    take(devices.back().sync_start());
    take(devices.back().sync_once());
  }
  const std::size_t records = import_all(setting, server);
  holdings[0].wait_for(records);
  const double before = server.processor_seconds();
  const double own = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const Samples samples = hand_over(setting, server, devices.data(), holdings, records);
  const auto rounds = static_cast<double>(kBefore + setting.handovers);
  const double server_ms = (server.processor_seconds() - before) / rounds * 1e3;
  const double device_ms = (processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - own) / rounds * 1e3;
  const double middle = median(samples.whole);
  const double tail = quantile(samples.whole, 0.99);
  print({"hand-over of an account with " + std::to_string(records - 1) +
             " dependents between two online devices, median of " +
             std::to_string(samples.whole.size()),
         format("%.1f ms", middle * 1e3) + format(" (there %.1f", median(samples.arrived) * 1e3) +
             format(", gone %.1f", median(samples.left) * 1e3) +
             format(", admin answered %.1f;", median(samples.answered) * 1e3) +
             format(" processor: server %.1f ms", server_ms) +
             format(", devices with their checks %.1f ms)", device_ms),
         "<= 200 ms", middle <= 0.2,
         "the admin's round trip for a commit that nobody sees: " +
             format("%.2f ms", median(samples.limit) * 1e3) +
             format(", fdatasync: %.2f ms", median(samples.syncs) * 1e3),
         middle / median(samples.limit)});
  print({"  p99", format("%.1f ms", tail * 1e3), "<= 200 ms", tail <= 0.2,
         "the same round trip, p99: " + format("%.2f ms", quantile(samples.limit, 0.99) * 1e3),
         tail / quantile(samples.limit, 0.99)});
}

}  // namespace satchel::bench
