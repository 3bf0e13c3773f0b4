// One hub and some devices over memory stores, with the real sessions between them and no network.
// For tests of the exchange; the simulator has faults, this has a hand on every message.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crypto/sign.hpp"
#include "schema/catalog/built_in.hpp"
#include "schema/catalog/json.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"
#include "sync/session/session.hpp"
#include "sync/store/memory/memory_store.hpp"

namespace satchel::test {

// Time that stands still until it is moved.
class HandClock final : public sync::Clock {
 public:
  std::int64_t wall = 1'760'000'000'000'000;
  std::int64_t boot = 1'000'000;
  std::int64_t wall_us() override { return wall; }
  std::int64_t boot_us() override { return boot; }
  void pass(std::int64_t us) {
    wall += us;
    boot += us;
  }
};

// Bytes that are different at every call and the same in every run.
class CountingEntropy final : public crypto::Entropy {
 public:
  explicit CountingEntropy(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  Status fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& octet : out) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
      octet = static_cast<std::uint8_t>(state_ >> 56);
    }
    return {};
  }

 private:
  std::uint64_t state_;
};

inline std::shared_ptr<const schema::Catalog> crm() {
  static const auto catalog = schema::built_in_crm();
  SATCHEL_ASSERT(catalog.has_value());
  return *catalog;
}

// Whose reps hold each other's accounts, unless a test says otherwise.
inline const std::vector<std::string> kNorth{"north"};

// The hub and its store.
struct Office {
  HandClock clock;
  CountingEntropy entropy{1};
  std::shared_ptr<sync::MemoryDisk> disk;
  std::unique_ptr<sync::MemoryStore> store;
  std::unique_ptr<sync::Hub> hub;
  WorkspaceId workspace;

  explicit Office(std::shared_ptr<const schema::Catalog> catalog = crm()) {
    disk = std::make_shared<sync::MemoryDisk>(sync::MemoryDisk::Options{});
    store = *sync::MemoryStore::open(disk);
    workspace.octets[0] = 7;
    auto created = sync::Hub::create(parts(), workspace, std::move(catalog));
    SATCHEL_ASSERT(created.has_value());
    hub = std::move(*created);
  }
  // Seals nothing: what matters here is who is sent what.
  static constexpr std::string_view kSeal = "sealed:";
  sync::Hub::Parts parts() {
    const auto unseal = [](ByteView sealed) -> Result<Bytes> {
      if (!sealed.starts_with(kSeal)) return Error{Errc::kCommitInvalid};
      return Bytes{sealed.substr(kSeal.size())};
    };
    return {*store, clock, entropy, unseal, Bytes(32, 'r')};
  }
  // Stops and starts again over what is on the disk.
  void restart() {
    hub.reset();
    store.reset();
    store = *sync::MemoryStore::open(disk);
    auto opened = sync::Hub::open(parts());
    SATCHEL_ASSERT(opened.has_value());
    hub = std::move(*opened);
  }
  // Its files as they were, copied back behind its back.
  void restore(const sync::MemoryVersion& backup) {
    hub.reset();
    store.reset();
    disk->restore(backup);
    restart();
  }
  // By the tool, which begins a new life.
  void restore_with_tool(const sync::MemoryVersion& backup) {
    restore(backup);
    begin_incarnation();
  }
  void begin_incarnation() {
    auto txn = hub->begin();
    SATCHEL_ASSERT(txn && (*txn)->begin_incarnation() && (*txn)->commit());
  }
  // All that is there now is in a backup.
  void back_up() {
    auto txn = hub->begin();
    SATCHEL_ASSERT(txn && (*txn)->set_backed_up_through(hub->state().seq) && (*txn)->commit());
  }
  // The whole commit log goes.
  void trim_log() {
    auto txn = hub->begin();
    SATCHEL_ASSERT(txn.has_value());
    for (bool more = true; more;) {
      const auto trimmed = (*txn)->trim_log(UINT64_MAX);
      SATCHEL_ASSERT(trimmed.has_value());
      more = *trimmed;
    }
    SATCHEL_ASSERT((*txn)->commit().has_value());
  }
  // Also changes what somebody is who is there already.
  void add_user(const std::string& name, sync::Role role,
                std::vector<std::string> territories = kNorth) {
    auto txn = hub->begin();
    SATCHEL_ASSERT(txn && (*txn)->put_user({name, role, std::move(territories), true, {}}) &&
                   (*txn)->commit());
  }
  // Those that wait to move get their places.
  void rescope() {
    while (hub->state().rescoping > 0) {
      auto txn = hub->begin();
      SATCHEL_ASSERT(txn && (*txn)->rescope_next() && (*txn)->commit());
    }
  }
  // One commit of the server's own. The error is the first of builder and hub.
  Status write(const std::function<Status(sync::CommitBuilder&)>& fill) {
    auto txn = hub->begin();
    if (!txn) return txn.error();
    auto builder = (*txn)->builder();
    SATCHEL_TRY(fill(builder));
    auto body = builder.finish();
    if (!body) return body.error();
    SATCHEL_TRY((*txn)->write(*body, "admin", std::string{sync::kDefaultPurpose}));
    return (*txn)->commit();
  }
  // An account that the reps of the territory hold, and with it all that names it.
  RecordId make_account(const std::string& territory = kNorth.front()) {
    const RecordId id = *sync::make_record_id(clock.wall_us(), entropy);
    SATCHEL_ASSERT(write([&](sync::CommitBuilder& b) -> Status {
      SATCHEL_TRY(b.create("accounts", id));
      return b.set("accounts", id, "territory", Value{territory});
    }));
    return id;
  }
  // Its side of one connection.
  sync::HubSession session() { return sync::HubSession{*hub, {Bytes(32, 'x'), 4096, {}}}; }
  // Runs what a session has for the writer, one durable group each.
  Status run(const sync::HubSession::Work& work) {
    auto txn = hub->begin();
    SATCHEL_ASSERT(txn.has_value());
    Status status = work.run(**txn);
    if (status) status = (*txn)->commit();
    return status;
  }
  void work_for(sync::HubSession& session) {
    while (auto work = session.take_work()) work->done(run(*work));
  }
};

// A device and its store.
struct Phone {
  Office& office;
  HandClock clock;
  CountingEntropy entropy;
  std::shared_ptr<sync::MemoryDisk> disk;
  std::unique_ptr<sync::MemoryStore> store;
  std::unique_ptr<sync::Edge> edge;
  std::shared_ptr<crypto::MemorySigner> signer;
  std::vector<Bytes> pushed;  // Every Push message that was sent, as it was sent.

  Phone(Office& at, const std::string& user, sync::Role role, std::uint64_t seed,
        std::shared_ptr<const schema::Catalog> catalog = crm(),
        std::vector<std::string> territories = kNorth)
      : office(at), entropy(seed) {
    StoreId store_id;
    store_id.octets[0] = static_cast<std::uint8_t>(seed);
    disk = std::make_shared<sync::MemoryDisk>(sync::MemoryDisk::Options{store_id, true});
    store = *sync::MemoryStore::open(disk);
    signer = std::make_shared<crypto::MemorySigner>(*crypto::SigningKey::generate(entropy));
    sync::EdgeIdentity identity;
    identity.workspace = office.workspace;
    identity.device = *crypto::random_id<sync::DeviceId>(entropy);
    identity.user = user;
    identity.role = role;
    identity.territories = std::move(territories);
    auto created = sync::Edge::create(parts(), identity, std::move(catalog));
    SATCHEL_ASSERT(created.has_value());
    edge = std::move(*created);
    auto txn = office.hub->begin();
    SATCHEL_ASSERT(txn &&
                   (*txn)->put_device(
                       {identity.device, user, "phone", signer->public_key(), {}, false, 0, 0}) &&
                   (*txn)->commit());
  }
  // A copy of the whole device as it is now, key and all.
  Phone(const Phone& original, std::uint64_t seed)
      : office(original.office), clock(original.clock), entropy(seed), signer(original.signer) {
    disk = std::make_shared<sync::MemoryDisk>(sync::MemoryDisk::Options{original.disk->id(), true});
    disk->restore(original.disk->snapshot());
    restart();
  }
  bool keeps_copies = false;  // Sealed to the server, from the next start on.
  sync::Edge::Parts parts() {
    const auto seal = [](ByteView plain) -> Result<Bytes> {
      return Bytes{Office::kSeal} + Bytes{plain};
    };
    return {*store, clock, entropy,
            keeps_copies ? std::function<Result<Bytes>(ByteView)>{seal} : nullptr};
  }
  // The device as it was: its backup is put back.
  void restore(const sync::MemoryVersion& backup) {
    edge.reset();
    store.reset();
    disk->restore(backup);
    restart();
  }
  void restart() {
    edge.reset();
    store.reset();
    store = *sync::MemoryStore::open(disk);
    auto opened = sync::Edge::open(parts());
    SATCHEL_ASSERT(opened.has_value());
    edge = std::move(*opened);
  }

  // Its side of one connection.
  sync::EdgeSession session(bool live = false) {
    return sync::EdgeSession{*edge, {Bytes(32, 'x'), *signer, live, 4096}};
  }
  // What happens to a message on its way: true lets it through.
  using Wire = std::function<bool(bool to_hub, const Bytes& message)>;

  // One exchange until both sides are quiet. An Error of either side, or a wire that swallowed a
  // message, ends it.
  Status sync(const Wire& wire = {}) {
    sync::HubSession hub_side = office.session();
    sync::EdgeSession edge_side = session();
    for (int step = 0; step < 10'000; ++step) {
      bool moved = false;
      office.work_for(hub_side);
      auto down = hub_side.generate();
      if (!down) return down.error();
      if (*down) {
        moved = true;
        if (wire && !wire(false, **down)) return Error{Errc::kConnectionCut};
        SATCHEL_TRY(edge_side.receive(**down));
      }
      auto up = edge_side.generate();
      if (!up) return up.error();
      if (*up) {
        moved = true;
        if (auto frame = wire::decode_frame(**up);
            frame && std::holds_alternative<wire::Push>(*frame))
          pushed.push_back(**up);
        if (wire && !wire(true, **up)) return Error{Errc::kConnectionCut};
        SATCHEL_TRY(hub_side.receive(**up));
      }
      if (!moved && edge_side.quiet()) {
        if (auto last = hub_side.closing_work()) static_cast<void>(office.run(*last));
        return {};
      }
    }
    return Error{Errc::kTimeout, "the exchange does not come to rest"};
  }
  // As a host does it: with other ids where this device is found to be a copy.
  Status sync_as_host(const Wire& wire = {}) {
    for (int round = 0; round < 8; ++round) {
      const bool settling = edge->unsettled().has_value();
      const Status done = sync(wire);
      if (!done && done.error().code == Errc::kFenced) {
        SATCHEL_TRY(edge->reidentify());
      } else if (!done && done.error().code == Errc::kCommitFork) {
        SATCHEL_TRY(edge->renumber());
      } else if (!done || (!settling && !edge->unsettled())) {
        return done;
      }
    }
    return Error{Errc::kTimeout, "the device does not find its id"};
  }

  // One commit of whatever `fill` asks the builder for.
  Result<sync::CommitNumber> write(const std::function<Status(sync::EdgeWrite&)>& fill) {
    auto write = edge->begin_write(sync::kDefaultPurpose);
    if (!write) return write.error();
    SATCHEL_TRY(fill(**write));
    return (*write)->commit();
  }
  RecordId create(const std::string& collection, const std::string& field, const Value& value) {
    RecordId id;
    auto number = write([&](sync::EdgeWrite& txn) -> Status {
      auto made = txn.create(collection);
      if (!made) return made.error();
      id = *made;
      return txn.builder().set(collection, id, field, value);
    });
    EXPECT_TRUE(number.has_value()) << (number ? "" : number.error().message());
    return id;
  }
  // One that names an account, and is held by who holds that.
  RecordId create_of(const RecordId& account, const std::string& collection,
                     const std::string& field, const Value& value) {
    RecordId id;
    auto number = write([&](sync::EdgeWrite& txn) -> Status {
      auto made = txn.create(collection);
      if (!made) return made.error();
      id = *made;
      SATCHEL_TRY(txn.builder().set(collection, id, "account", Value{to_text(account)}));
      return txn.builder().set(collection, id, field, value);
    });
    EXPECT_TRUE(number.has_value()) << (number ? "" : number.error().message());
    return id;
  }
  Status set(const std::string& collection, const RecordId& id, const std::string& field,
             const Value& value) {
    auto number = write(
        [&](sync::EdgeWrite& txn) { return txn.builder().set(collection, id, field, value); });
    return number ? Status{} : Status{number.error()};
  }
  Status add(const std::string& collection, const RecordId& id, const std::string& field,
             std::int64_t n) {
    auto number =
        write([&](sync::EdgeWrite& txn) { return txn.builder().add(collection, id, field, n); });
    return number ? Status{} : Status{number.error()};
  }
  Status erase(const std::string& collection, const RecordId& id) {
    auto number = write([&](sync::EdgeWrite& txn) { return txn.builder().erase(collection, id); });
    return number ? Status{} : Status{number.error()};
  }
  Status restore_record(const std::string& collection, const RecordId& id) {
    auto number =
        write([&](sync::EdgeWrite& txn) { return txn.builder().restore(collection, id); });
    return number ? Status{} : Status{number.error()};
  }
  // The commits that wait for their answer, under the id in use.
  std::vector<wire::Commit> unsent() {
    return *edge->commits_after(edge->numbering(), edge->state().watermark, 1 << 20);
  }

  // The shown value of a plain field, counter or extreme as canonical JSON; "-" where nothing is
  // shown.
  std::string shows(const std::string& collection, const RecordId& id, const std::string& field) {
    auto record = edge->shown(id, sync::kDefaultPurpose);
    if (!record || !*record) return "-";
    return shown_in(**record, collection, field);
  }
  std::string shown_in(const sync::Record& record, const std::string& collection,
                       const std::string& field) const {
    const schema::CollectionDef* def = edge->catalog().find(collection);
    if (!sync::is_alive(record, def->life)) return "dead";
    const schema::FieldDef* field_def = def->find(field);
    const sync::FieldReading reading = sync::read_field(*field_def, record.of_field(field_def->id));
    if (!reading.present) return "-";
    return schema::canonical_json(field_def->value_type(), *decode_value(reading.value));
  }
};

// Two reps, each with a phone that holds nothing yet.
struct TwoReps {
  Office office;
  std::unique_ptr<Phone> ann;
  std::unique_ptr<Phone> bob;

  explicit TwoReps(const std::shared_ptr<const schema::Catalog>& catalog = crm())
      : office(catalog) {
    office.add_user("ann", sync::Role::kRep);
    office.add_user("bob", sync::Role::kRep);
    ann = std::make_unique<Phone>(office, "ann", sync::Role::kRep, 11, catalog);
    bob = std::make_unique<Phone>(office, "bob", sync::Role::kRep, 12, catalog);
  }
};

// The two, holding the one account there is.
struct TwoPhones : testing::Test, TwoReps {
  RecordId shop;

  TwoPhones() {
    shop = ann->create("accounts", "industry", Value{"retail"});
    EXPECT_TRUE(ann->sync() && bob->sync());
  }
};

// The two and their manager.
struct Field : testing::Test, TwoReps {
  std::unique_ptr<Phone> eve;

  Field() {
    office.add_user("eve", sync::Role::kManager);
    eve = std::make_unique<Phone>(office, "eve", sync::Role::kManager, 13);
  }
  void everybody_syncs(int rounds = 2) {
    for (int i = 0; i < rounds; ++i) {
      for (Phone* phone : {ann.get(), bob.get(), eve.get()}) {
        ASSERT_TRUE(phone->sync()) << "round " << i;
      }
    }
  }
  // An account that everybody holds.
  RecordId shared_account() {
    const RecordId id = ann->create("accounts", "industry", Value{"retail"});
    everybody_syncs();
    return id;
  }
};

// What the hub shows of a field, in the same form.
inline std::string hub_shows(Office& office, const Phone& phone, const std::string& collection,
                             const RecordId& id, const std::string& field) {
  auto record = office.hub->find_record(id);
  if (!record || !*record) return "-";
  return phone.shown_in(**record, collection, field);
}

}  // namespace satchel::test
