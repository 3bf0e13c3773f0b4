// What the core costs without network and TLS: a hub and an edge over sealed, durable stores in one
// process and one thread.
//
//   exchange_bench [records] [folder]
//
// Prints one line per stage on stderr (records, seconds, records per second, bytes on the wire per
// record), and on stdout a line of the table in docs/PERFORMANCE.md.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "bench/replay.hpp"
#include "bench/table.hpp"
#include "crypto/key_provider.hpp"
#include "schema/catalog/built_in.hpp"
#include "sync/session/session.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"

namespace satchel::bench {
namespace {

class SteadyClock final : public sync::Clock {
 public:
  std::int64_t wall_us() override { return 1'760'000'000'000'000 + boot_us(); }
  std::int64_t boot_us() override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }
};

void report(const char* stage, std::size_t records, const Timer& timer, std::size_t bytes) {
  const double seconds = timer.seconds();
  std::fprintf(stderr, "%-18s %8zu records %8.3f s (%.3f of processor) %8.0f/s %7.1f B/record\n",
               stage, records, seconds, timer.processor(), static_cast<double>(records) / seconds,
               static_cast<double>(bytes) / static_cast<double>(records));
}

std::string word(std::uint64_t n) {
  static const char* kWords[] = {"Alpen", "Nord",  "Hafen",  "Markt", "Berg", "Tal",
                                 "Stern", "Linde", "Quell",  "Stein", "Wald", "Feld",
                                 "Brunn", "Licht", "Silber", "Gold"};
  n = n * 0x9E3779B97F4A7C15ULL;
  return std::string{kWords[n >> 60]} + kWords[(n >> 52) & 15] + std::to_string((n >> 30) % 1000);
}

// An account of about 500 bytes as JSON.
void fill(sync::CommitBuilder& builder, const RecordId& id, std::uint64_t n) {
  const auto set = [&](const char* field, Value value) {
    take(builder.set("accounts", id, field, value));
  };
  take(builder.create("accounts", id));
  set("name", Value{word(n) + " GmbH"});
  set("type", Value{n % 3 == 0 ? "wholesale" : "retail"});
  set("industry", Value{n % 5 == 0 ? "food" : "steel"});
  set("website", Value{"https://" + word(n) + ".example"});
  set("billingAddress",
      Value{StructMembers{{0, Value{word(n + 1) + "strasse " + std::to_string(n % 90)}},
                          {1, Value{word(n % 500)}},
                          {3, Value{std::to_string(10000 + n % 80000)}},
                          {4, Value{"DE"}}}});
  set("owner", Value{"rep" + std::to_string(n % 20)});
  set("territory", Value{"T" + std::to_string(n % 50)});
  set("status", Value{"prospect"});
  set("lastVisitAt",
      Value{std::int64_t{1'759'000'000'000'000} + static_cast<std::int64_t>(n * 1'000'003)});
  take(builder.set_add("accounts", id, "phones",
                       Value{"+49 30 " + std::to_string(1'000'000 + n * 7919 % 8'999'999)}));
  take(builder.add("accounts", id, "visitCount", static_cast<std::int64_t>(n % 40)));
}

std::unique_ptr<sync::LmdbStore> make_store(const std::string& folder,
                                            crypto::KeyProvider& provider, crypto::Entropy& entropy,
                                            sync::StoreTrace* trace = nullptr) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  sync::LmdbOptions options;
  options.trace = trace;
  return take(sync::LmdbStore::create(folder, options, provider, entropy));
}

// Moves messages until both are quiet; gives bytes down and up.
std::pair<std::size_t, std::size_t> exchange(sync::Hub& hub, sync::Edge& edge,
                                             crypto::Signer& signer) {
  sync::HubSession hub_side{hub, {Bytes(32, 'x'), 1024 * 1024, {}}};
  sync::EdgeSession edge_side{edge, {Bytes(32, 'x'), signer, false, 1024 * 1024}};
  std::size_t down_bytes = 0;
  std::size_t up_bytes = 0;
  for (;;) {
    bool moved = false;
    while (auto work = hub_side.take_work()) {
      auto txn = take(hub.begin());
      Status status = work->run(*txn);
      if (status) status = txn->commit();
      txn.reset();
      work->done(status);
    }
    if (auto down = take(hub_side.generate())) {
      moved = true;
      down_bytes += down->size();
      take(edge_side.receive(*down));
    }
    if (auto up = take(edge_side.generate())) {
      moved = true;
      up_bytes += up->size();
      take(hub_side.receive(*up));
    }
    if (!moved && edge_side.quiet()) return {down_bytes, up_bytes};
  }
}

// One edit after the other, from a live device through the hub to another: what each step takes of
// the way that a user waits for.
class LiveEdits {
 public:
  LiveEdits(sync::Hub& hub, sync::Edge& author, crypto::Signer& author_signer, sync::Edge& reader,
            crypto::Signer& reader_signer)
      : hub_(hub),
        author_edge_(author),
        author_{hub, {Bytes(32, 'x'), 1024 * 1024, {}}},
        reader_{hub, {Bytes(32, 'x'), 1024 * 1024, {}}},
        author_side_{author, {Bytes(32, 'x'), author_signer, true, 1024 * 1024}},
        reader_side_{reader, {Bytes(32, 'x'), reader_signer, true, 1024 * 1024}} {}

  void run(const std::vector<RecordId>& ids, std::size_t edits) {
    settle();
    for (std::size_t i = 0; i < edits; ++i) {
      edit(ids[i * 7919 % ids.size()], "https://edit" + std::to_string(i) + ".example");
      settle();
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      std::fprintf(stderr, "  %-20s %8.1f us\n", kSteps[i],
                   steps_[i] * 1e6 / static_cast<double>(edits));
    }
  }

 private:
  static constexpr std::array<const char*, 6> kSteps{"write",  "push", "receive push",
                                                     "ingest", "page", "apply"};

  void edit(const RecordId& id, const std::string& website) {
    const Timer write_timer;
    auto write = take(author_edge_.begin_write(sync::kDefaultPurpose));
    take(write->builder().set("accounts", id, "website", Value{website}));
    take(write->commit());
    steps_[0] += write_timer.seconds();
    const Timer push_timer;
    const auto push = take(author_side_.generate());
    steps_[1] += push_timer.seconds();
    const Timer receive_timer;
    take(author_.receive(*push));
    auto work = author_.take_work();
    steps_[2] += receive_timer.seconds();
    const Timer ingest_timer;
    do_work(*work);
    steps_[3] += ingest_timer.seconds();
    reader_.poke();
    const Timer page_timer;
    const auto page = take(reader_.generate());
    steps_[4] += page_timer.seconds();
    const Timer apply_timer;
    take(reader_side_.receive(*page));
    steps_[5] += apply_timer.seconds();
  }
  void do_work(sync::HubSession::Work& work) {
    auto txn = take(hub_.begin());
    Status status = work.run(*txn);
    if (status) status = txn->commit();
    txn.reset();
    work.done(status);
  }
  // What nobody waits for.
  void settle() {
    settle(author_, author_side_);
    settle(reader_, reader_side_);
  }
  void settle(sync::HubSession& hub_side, sync::EdgeSession& edge_side) {
    hub_side.poke();
    for (bool moved = true; moved;) {
      moved = false;
      while (auto work = hub_side.take_work()) do_work(*work);
      if (auto down = take(hub_side.generate())) {
        moved = true;
        take(edge_side.receive(*down));
      }
      if (auto up = take(edge_side.generate())) {
        moved = true;
        take(hub_side.receive(*up));
      }
    }
  }

  sync::Hub& hub_;
  sync::Edge& author_edge_;
  sync::HubSession author_;
  sync::HubSession reader_;
  sync::EdgeSession author_side_;
  sync::EdgeSession reader_side_;
  std::array<double, kSteps.size()> steps_{};
};

// Two fields of up to 2,000 records, 500 records a commit; gives how many records.
std::size_t write_locally(sync::Edge& edge, const std::vector<RecordId>& ids) {
  const std::size_t changed = std::min<std::size_t>(2000, ids.size());
  Timer write_timer;
  for (std::size_t i = 0; i < changed; i += 500) {
    auto write = take(edge.begin_write(sync::kDefaultPurpose));
    for (std::size_t j = i; j < std::min(i + 500, changed); ++j) {
      take(write->builder().set("accounts", ids[j], "industry",
                                Value{"changed " + std::to_string(j % 7)}));
      take(write->builder().set("accounts", ids[j], "website",
                                Value{"https://changed.example/" + std::to_string(j)}));
    }
    take(write->commit());
  }
  report("local writes", changed, write_timer, 0);
  return changed;
}

struct Company {
  SteadyClock clock;
  crypto::SystemEntropy entropy;
  crypto::MemoryKeyProvider keys;
  std::unique_ptr<sync::LmdbStore> store;
  std::unique_ptr<sync::Hub> hub;
};

// All that there are, so that one device holds everything.
std::vector<std::string> territories() {
  std::vector<std::string> names;
  for (int n = 0; n < 50; ++n) names.push_back("T" + std::to_string(n));
  return names;
}

// A device of the company, known to its hub. Thread-bound.
struct Device {
  Device(Company& company, const std::string& folder, sync::StoreTrace* trace = nullptr)
      : store(make_store(folder, keys, company.entropy, trace)),
        signer(take(crypto::SigningKey::generate(company.entropy))) {
    const sync::EdgeIdentity identity{company.hub->state().workspace,
                                      take(crypto::random_id<sync::DeviceId>(company.entropy)),
                                      "ann",
                                      sync::Role::kRep,
                                      {},
                                      {}};
    auto txn = take(company.hub->begin());
    take(txn->put_user({"ann", sync::Role::kRep, territories(), true, {}}));
    take(txn->put_device({identity.device, "ann", "bench", signer.public_key(), {}, false, 0, 0}));
    take(txn->commit());
    if (trace != nullptr) *trace = {};
    edge = take(sync::Edge::create({*store, company.clock, company.entropy, nullptr}, identity,
                                   company.hub->catalog()));
  }

  crypto::MemoryKeyProvider keys;
  std::unique_ptr<sync::LmdbStore> store;
  crypto::MemorySigner signer;
  std::unique_ptr<sync::Edge> edge;
};

std::vector<RecordId> fill_hub(Company& company, std::size_t count) {
  std::vector<RecordId> ids;
  const Timer timer;
  for (std::size_t n = 0; n < count;) {
    auto txn = take(company.hub->begin());
    auto builder = txn->builder();
    for (std::size_t i = 0; i < 1000 && n < count; ++i, ++n) {
      ids.push_back(take(sync::make_record_id(company.clock.wall_us(), company.entropy)));
      fill(builder, ids.back(), n);
    }
    take(txn->write(take(builder.finish()), "admin", std::string{sync::kDefaultPurpose}));
    take(txn->commit());
  }
  report("fill the hub", count, timer, 0);
  return ids;
}

// The seconds of a first sync, and those of what its device asked of LMDB and of the seals.
void compare_with_trace(Company& company, std::size_t count, double seconds,
                        const std::string& folder) {
  sync::StoreTrace trace;
  Device traced{company, folder + "/traced", &trace};
  exchange(*company.hub, *traced.edge, traced.signer);
  std::filesystem::remove_all(folder + "/limit");
  std::filesystem::create_directories(folder + "/limit");
  Replay replay{trace, folder + "/limit"};
  const Timer timer;
  replay.run_to(trace.operations.size());
  const double limit = timer.seconds();
  const auto records = static_cast<double>(count);
  print({"first sync without TLS, both sides in one thread", format("%.0f/s", records / seconds),
         "-", true, "the device's trace without the product: " + format("%.0f/s", records / limit),
         limit / seconds});
}

int run(std::size_t count, const std::string& folder) {
  Company company;
  company.store = make_store(folder + "/hub", company.keys, company.entropy);
  const auto workspace = take(crypto::random_id<WorkspaceId>(company.entropy));
  company.hub = take(
      sync::Hub::create({*company.store, company.clock, company.entropy, nullptr, Bytes(32, 'r')},
                        workspace, take(schema::built_in_crm())));
  const std::vector<RecordId> ids = fill_hub(company, count);
  Device device{company, folder + "/edge"};
  const Timer sync_timer;
  const auto [down, ignored] = exchange(*company.hub, *device.edge, device.signer);
  const double sync_s = sync_timer.seconds();
  report("initial sync", count, sync_timer, down);
  const std::size_t changed = write_locally(*device.edge, ids);
  const Timer push_timer;
  const auto [ack, up] = exchange(*company.hub, *device.edge, device.signer);
  report("push 2 fields", changed, push_timer, up);
  std::fprintf(stderr, "%-28s %zu B down\n", "  answers", ack);
  const Timer quiet_timer;
  exchange(*company.hub, *device.edge, device.signer);
  std::fprintf(stderr, "%-28s %8.3f ms\n", "nothing changed", quiet_timer.seconds() * 1000);
  {
    Device other{company, folder + "/other"};
    exchange(*company.hub, *other.edge, other.signer);
    std::fprintf(stderr, "an edit from device to device, without the network\n");
    LiveEdits{*company.hub, *device.edge, device.signer, *other.edge, other.signer}.run(ids, 1000);
  }
  const Timer open_timer;
  device.edge.reset();
  device.edge = take(sync::Edge::open({*device.store, company.clock, company.entropy, nullptr}));
  std::fprintf(stderr, "%-28s %8.3f ms\n", "open the edge", open_timer.seconds() * 1000);
  compare_with_trace(company, count, sync_s, folder);
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace satchel::bench

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::string folder = argc > 2 ? argv[2] : "/tmp/satchel-exchange-bench";
  return satchel::bench::run(count, folder);
}
