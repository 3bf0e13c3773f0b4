// What the core costs without network and TLS: a hub and an edge over sealed, durable stores in one
// process.
//
//   exchange_bench [records] [folder]
//
// Prints one line per stage: records, seconds, records per second, bytes on the wire per record.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "crypto/key_provider.hpp"
#include "sync/session/session.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"

namespace satchel::bench {
namespace {

using Seconds = std::chrono::duration<double>;

class SteadyClock final : public sync::Clock {
 public:
  std::int64_t wall_us() override { return 1'760'000'000'000'000 + boot_us(); }
  std::int64_t boot_us() override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }
};

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::exit(1);
  }
  return std::move(*result);
}
void must(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().message().c_str());
  std::exit(1);
}

struct Timer {
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  [[nodiscard]] double seconds() const {
    return Seconds(std::chrono::steady_clock::now() - start).count();
  }
};

void report(const char* stage, std::size_t records, double seconds, std::size_t bytes) {
  std::printf("%-28s %8zu records %8.3f s %10.0f records/s %7.1f B/record\n", stage, records,
              seconds, static_cast<double>(records) / seconds,
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
    must(builder.set("accounts", id, field, value));
  };
  must(builder.create("accounts", id));
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
  must(builder.set_add("accounts", id, "phones",
                       Value{"+49 30 " + std::to_string(1'000'000 + n * 7919 % 8'999'999)}));
  must(builder.add("accounts", id, "visitCount", static_cast<std::int64_t>(n % 40)));
}

std::unique_ptr<sync::LmdbStore> make_store(const std::string& folder,
                                            crypto::KeyProvider& provider,
                                            crypto::Entropy& entropy) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  sync::LmdbOptions options;
  options.map_bytes_max = std::size_t{8} << 30;
  return must(sync::LmdbStore::create(folder, options, provider, entropy));
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
      auto txn = must(hub.begin());
      Status status = work->run(*txn);
      if (status) status = txn->commit();
      txn.reset();
      work->done(status);
    }
    if (auto down = must(hub_side.generate())) {
      moved = true;
      down_bytes += down->size();
      must(edge_side.receive(*down));
    }
    if (auto up = must(edge_side.generate())) {
      moved = true;
      up_bytes += up->size();
      must(hub_side.receive(*up));
    }
    if (!moved && edge_side.quiet()) return {down_bytes, up_bytes};
  }
}

// Two fields of up to 2,000 records, 500 records a commit; gives how many records.
std::size_t write_locally(sync::Edge& edge, const std::vector<RecordId>& ids) {
  const std::size_t changed = std::min<std::size_t>(2000, ids.size());
  Timer write_timer;
  for (std::size_t i = 0; i < changed; i += 500) {
    auto write = must(edge.begin_write(sync::kDefaultPurpose));
    for (std::size_t j = i; j < std::min(i + 500, changed); ++j) {
      must(write->builder().set("accounts", ids[j], "industry",
                                Value{"changed " + std::to_string(j % 7)}));
      must(write->builder().set("accounts", ids[j], "website",
                                Value{"https://changed.example/" + std::to_string(j)}));
    }
    must(write->commit());
  }
  report("local writes", changed, write_timer.seconds(), 0);
  return changed;
}

int run(std::size_t count, const std::string& folder) {
  SteadyClock clock;
  crypto::SystemEntropy entropy;
  crypto::MemoryKeyProvider hub_keys;
  crypto::MemoryKeyProvider edge_keys;
  auto hub_store = make_store(folder + "/hub", hub_keys, entropy);
  auto edge_store = make_store(folder + "/edge", edge_keys, entropy);
  const auto catalog = must(schema::Catalog::compile_crm());
  const auto workspace = must(crypto::random_id<WorkspaceId>(entropy));
  auto hub = must(
      sync::Hub::create({*hub_store, clock, entropy, nullptr, Bytes(32, 'r')}, workspace, catalog));
  crypto::MemorySigner signer{must(crypto::SigningKey::generate(entropy))};
  sync::EdgeIdentity identity{
      workspace, must(crypto::random_id<sync::DeviceId>(entropy)), "ann", sync::Role::kRep, {}, {}};
  auto edge = must(sync::Edge::create({*edge_store, clock, entropy, nullptr}, identity, catalog));
  {
    auto txn = must(hub->begin());
    must(txn->put_user({"ann", sync::Role::kRep, {}, true, {}}));
    must(txn->put_device({identity.device, "ann", "bench", signer.public_key(), {}, false, 0, 0}));
    must(txn->commit());
  }
  std::vector<RecordId> ids;
  Timer fill_timer;
  for (std::size_t n = 0; n < count;) {
    auto txn = must(hub->begin());
    auto builder = txn->builder();
    for (std::size_t i = 0; i < 1000 && n < count; ++i, ++n) {
      ids.push_back(must(sync::make_record_id(clock.wall_us(), entropy)));
      fill(builder, ids.back(), n);
    }
    must(txn->write(must(builder.finish()), "admin", std::string{sync::kDefaultPurpose}));
    must(txn->commit());
  }
  report("fill the hub", count, fill_timer.seconds(), 0);
  Timer sync_timer;
  const auto [down, ignored] = exchange(*hub, *edge, signer);
  report("initial sync", count, sync_timer.seconds(), down);
  const std::size_t changed = write_locally(*edge, ids);
  Timer push_timer;
  const auto [ack, up] = exchange(*hub, *edge, signer);
  report("push 2 fields", changed, push_timer.seconds(), up);
  std::printf("%-28s %zu B down\n", "  answers", ack);
  Timer quiet_timer;
  exchange(*hub, *edge, signer);
  std::printf("%-28s %8.3f ms\n", "nothing changed", quiet_timer.seconds() * 1000);
  Timer open_timer;
  edge.reset();
  edge = must(sync::Edge::open({*edge_store, clock, entropy, nullptr}));
  std::printf("%-28s %8.3f ms\n", "open the edge", open_timer.seconds() * 1000);
  return 0;
}

}  // namespace
}  // namespace satchel::bench

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::string folder = argc > 2 ? argv[2] : "/tmp/satchel-exchange-bench";
  return satchel::bench::run(count, folder);
}
