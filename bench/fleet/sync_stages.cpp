// Syncs with little to say, and with everything.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <utility>
#include <vector>

#include "bench/fleet/accounts.hpp"
#include "bench/fleet/limits.hpp"
#include "bench/fleet/stages.hpp"
#include "bench/table.hpp"

namespace satchel::bench {
namespace {

constexpr int kFlatRounds = 9;

// The number behind a key of one of the SDK's reports.
double number_of(const std::string& report, const std::string& key) {
  const std::size_t at = report.find("\"" + key + "\":");
  if (at == std::string::npos) give_up("a report without " + key);
  return std::strtod(report.c_str() + at + key.size() + 3, nullptr);
}

struct FlatFigures {
  double nothing_s = 0;
  double one_s = 0;
  double nothing_bytes = 0;
  double one_bytes = 0;
};

// Medians of whole syncs, from the dial to the closed connection.
FlatFigures measure_flat(Replica& device, Replica& other, Relay& relay, std::size_t number) {
  std::vector<double> nothing;
  std::vector<double> one;
  FlatFigures figures;
  take(device.sync_once());
  for (int i = 0; i < kFlatRounds; ++i) {
    relay.reset();
    const Timer timer;
    take(device.sync_once());
    nothing.push_back(timer.seconds());
    figures.nothing_bytes = static_cast<double>(relay.up_bytes() + relay.down_bytes());
  }
  for (int i = 0; i < kFlatRounds; ++i) {
    const Ref ref{"accounts", account_id(number)};
    const std::string website = "\"https://round" + std::to_string(i) + ".example\"";
    take(other.write(kPurpose, [&](Write& write) { return write.set(ref, "website", website); }));
    take(other.sync_once());
    relay.reset();
    const Timer timer;
    take(device.sync_once());
    one.push_back(timer.seconds());
    figures.one_bytes = static_cast<double>(relay.up_bytes() + relay.down_bytes());
  }
  figures.nothing_s = median(nothing);
  figures.one_s = median(one);
  return figures;
}

void print_flat(const Server& server, const std::vector<std::pair<std::size_t, FlatFigures>>& all) {
  const double connect_s = tls_connect_seconds(server.certificate(), server.private_key(), 20);
  const FlatFigures& first = all.front().second;
  for (const bool one : {false, true}) {
    std::string measured;
    double worst = 0;
    for (const auto& [records, figures] : all) {
      const double seconds = one ? figures.one_s : figures.nothing_s;
      const double bytes = one ? figures.one_bytes : figures.nothing_bytes;
      if (!measured.empty()) measured += ", ";
      measured += std::to_string(records) + ": " + format("%.1f ms ", seconds * 1e3) +
                  format("%.0f B", bytes);
      worst = std::max(worst, seconds / (one ? first.one_s : first.nothing_s));
    }
    const double last = one ? all.back().second.one_s : all.back().second.nothing_s;
    // A whole sync on a busy machine wavers by more than the growth that is looked for.
    print({one ? "a sync when one record changed" : "a sync when nothing changed", measured,
           "flat: <= 1.5x", worst <= 1.5,
           "TCP and TLS handshake, raw: " + format("%.1f ms", connect_s * 1e3), last / connect_s});
  }
}

struct FirstSync {
  double seconds = 0;
  double device_cpu_s = 0;
  double server_cpu_s = 0;
  double received = 0;
  double peak_mib = 0;
};

FirstSync first_sync(const Setting& setting, const Server& server, const std::string& name,
                     const Relay* relay) {
  enroll(server, home(setting, name), "ann");
  const double before = server.processor_seconds();
  Process device{{setting.self, "--bin", setting.bin, "--folder", setting.folder, "--device",
                  "first-sync", name, relay != nullptr ? relay->address() : "-"},
                 setting.folder + "/device.log"};
  if (device.finish() != 0) give_up("a device failed, see its log");
  FirstSync figures;
  figures.server_cpu_s = server.processor_seconds() - before;
  std::istringstream{device.output()} >> figures.seconds >> figures.received >>
      figures.device_cpu_s;
  figures.peak_mib = static_cast<double>(device.peak_bytes()) / (1 << 20);
  return figures;
}

}  // namespace

void take(const Status& status) {
  if (!status) give_up(status.error().message());
}

Config home(const Setting& setting, const std::string& name, const Relay* relay) {
  Config config;
  config.path = setting.folder + "/devices/" + name;
  if (relay != nullptr) config.connect = relay->address();
  return config;
}

void enroll(const Server& server, const Config& config, const std::string& user) {
  take(Replica::enroll(config, server.enrolment(user), "bench"));
}

void import_accounts(const Setting& setting, Server& server, std::size_t records) {
  for (std::size_t i = 0; i < kOwners; ++i)
    server.ctl({"user", "create", "rep" + std::to_string(i), "--role", "rep"});
  const std::string file = setting.folder + "/accounts.ndjson";
  write_accounts(file, 0, records);
  server.ctl({"import", "accounts", file});
}

double first_sync_seconds(const Setting& setting, const Server& server, const std::string& name,
                          const Relay& relay) {
  const FirstSync figures = first_sync(setting, server, name, &relay);
  if (figures.received < static_cast<double>(setting.records)) give_up("records are missing");
  return figures.seconds;
}

void grow_company(const Setting& setting, Server& server, Relay& relay) {
  server.add_rep("ann");
  server.add_rep("bob");
  for (std::size_t i = 0; i < kOwners; ++i)
    server.ctl({"user", "create", "rep" + std::to_string(i), "--role", "rep"});
  enroll(server, home(setting, "watching"), "ann");
  enroll(server, home(setting, "editing"), "bob");
  Replica device = take(Replica::open(home(setting, "watching", &relay)));
  Replica other = take(Replica::open(home(setting, "editing")));
  std::vector<std::pair<std::size_t, FlatFigures>> all;
  std::size_t held = 0;
  for (const std::size_t share : {std::size_t{100}, std::size_t{10}, std::size_t{1}}) {
    const std::size_t wanted = setting.records / share;
    const std::string file = setting.folder + "/accounts.ndjson";
    const double line_bytes = write_accounts(file, held, wanted);
    const Timer timer;
    server.ctl({"import", "accounts", file});
    std::fprintf(stderr, "imported %zu accounts of %.0f B in %.1f s\n", wanted - held, line_bytes,
                 timer.seconds());
    held = wanted;
    take(device.sync_once());
    take(other.sync_once());
    all.emplace_back(held, measure_flat(device, other, relay, held / 2));
  }
  print_flat(server, all);
}

int run_first_sync(const Setting& setting, const std::string& name, const std::string& connect) {
  Config config = home(setting, name);
  if (connect != "-") config.connect = connect;
  Replica device = take(Replica::open(config));
  const double before = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const Timer timer;
  const std::string report = take(device.sync_once());
  std::printf("%.6f %.0f %.6f\n", timer.seconds(), number_of(report, "received"),
              processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - before);
  return 0;
}

void measure_first_sync(const Setting& setting, Server& server, Relay& relay) {
  std::vector<double> seconds;
  std::vector<double> device_cpu_s;
  std::vector<double> server_cpu_s;
  double peak_mib = 0;
  for (int i = 0; i < setting.rounds; ++i) {
    const auto one = first_sync(setting, server, "first" + std::to_string(i), nullptr);
    if (one.received < static_cast<double>(setting.records)) give_up("records are missing");
    std::fprintf(stderr, "first sync %d: %.2f s, %.1f MiB\n", i, one.seconds, one.peak_mib);
    seconds.push_back(one.seconds);
    device_cpu_s.push_back(one.device_cpu_s);
    server_cpu_s.push_back(one.server_cpu_s);
    peak_mib = std::max(peak_mib, one.peak_mib);
  }
  relay.reset();
  first_sync(setting, server, "counted", &relay);
  const auto records = static_cast<double>(setting.records);
  const double wire = static_cast<double>(relay.up_bytes() + relay.down_bytes()) / records;
  const double rate = records / least(seconds);
  const double line =
      tls_bytes_per_second(server.certificate(), server.private_key(), std::size_t{256} << 20);
  print({"first sync of " + std::to_string(setting.records) + " records",
         format("%.0f/s", rate) + format(" (processor: device %.2f s", least(device_cpu_s)) +
             format(", server %.2f s)", least(server_cpu_s)),
         ">= 50,000/s", rate >= 50'000,
         "TLS on loopback: " + format("%.0f MB/s", line / 1e6) + format(", at %.1f B each", wire),
         rate * wire / line});
  print({"  RssAnon of the device, peak",
         format("%.1f MiB", peak_mib),
         "<= 64 MiB",
         peak_mib <= 64,
         {},
         0});
  print({"  on the wire", format("%.1f B/record", wire), "<= 140 B", wire <= 140, {}, 0});
}

}  // namespace satchel::bench
