#include "tests/sim/world.hpp"

namespace satchel::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kTenYears = std::int64_t{3'652} * 86'400 * kSecond;
// How long a healed world may take to become quiet.
constexpr std::int64_t kPatience = 600 * kSecond;
constexpr std::string_view kPurpose = sync::kDefaultPurpose;

bool is_store_error(const Error& error) {
  return error.code == Errc::kStoreLatched || error.code == Errc::kStoreDiskFull;
}

}  // namespace

World::World(const WorldOptions& options, const Catalogs& catalogs)
    : options_(options),
      catalog_(catalogs.newer),
      gen_(options.seed * 0x9E3779B97F4A7C15ULL + 1),
      network_(queue_, gen_, marks_),
      workload_(gen_, marks_, *catalog_),
      model_(*catalog_) {
  ServerListener listener;
  listener.durable = [this](const std::vector<Answered>& answered) { on_durable(answered); };
  listener.trouble = [this](const Error& error) { log("server: " + error.message()); };
  listener.replicas = [this] { return std::vector<ReplicaId>(replicas_.begin(), replicas_.end()); };
  server_ = std::make_unique<SimServer>(queue_, gen_, marks_, network_, std::move(listener));
  disaster_ = static_cast<Disaster>(gen_.below(4));
  const bool older = disaster_ == Disaster::kServer || gen_.chance(50);
  server_->create(older ? catalogs.older : catalogs.newer);
  populate();
}

void World::fail(const std::string& what) {
  if (!failed()) failure_ = "tick " + std::to_string(tick_) + ": " + what;
  log("BROKEN " + what);
}

void World::log(const std::string& what) {
  if (options_.verbose)
    std::cout << "[" << tick_ << " " << queue_.now() % (3'600 * kSecond) << "] " << what << "\n";
}

void World::populate() {
  static constexpr struct {
    const char* device;
    const char* user;
    sync::Role role;
  } kPeople[] = {{"ann-phone", "ann", sync::Role::kRep},
                 {"bob-phone", "bob", sync::Role::kRep},
                 {"eve-laptop", "eve", sync::Role::kManager},
                 {"ann-tablet", "ann", sync::Role::kRep},
                 {"dan-phone", "dan", sync::Role::kRep}};
  const std::size_t count = 2 + gen_.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    SimDevice::Parts parts{queue_, gen_, marks_, network_, *server_, {}};
    parts.listener.hears = [this](SimDevice& device, const Bytes& message) {
      if (may_stand(device, message)) before_ = look_at(device);
    };
    parts.listener.heard = [this](SimDevice& device) { on_heard(device); };
    parts.listener.crashed = [this](SimDevice& device, const std::vector<sync::Numbering>& before) {
      on_crashed(device, before);
    };
    parts.listener.trouble = [this](SimDevice& device, const Error& error) {
      on_trouble(device, error);
    };
    devices_.push_back(std::make_unique<SimDevice>(std::move(parts), kPeople[i].device,
                                                   kPeople[i].user, kPeople[i].role));
    SimDevice& device = *devices_.back();
    if (gen_.chance(30)) device.clock().lie(gen_.chance(50) ? kTenYears : -kTenYears);
    device.enrol();
    device.greeted_us = queue_.now();
    people_.try_emplace(device.user(), Person{device.role(), some_territories(), true});
    SATCHEL_ASSERT(register_user(device));
  }
}

// -- What people do --

void World::device_writes(SimDevice& device) {
  device_writes(device, [this](Pen& pen) { workload_.compose(pen); });
}

std::optional<CommitName> World::device_writes(SimDevice& device, const Compose& compose) {
  sync::Edge& edge = device.edge();
  auto write = edge.begin_write(kPurpose);
  if (!write) {
    on_trouble(device, write.error());
    return std::nullopt;
  }
  Pen pen{(*write)->builder(),
          [&](const std::string& c) { return (*write)->create(c); },
          {},
          {"ann", "bob"},
          made_,
          rotten_ ? std::optional{rotten_->id()} : std::nullopt,
          false,
          queue_.now()};
  const Status visited = device.visit([&](const sync::Record& record) {
    pen.held.emplace_back(record.collection, record.id);
    return true;
  });
  if (!visited) fail(device.name() + " cannot read: " + visited.error().message());
  if (!visited) return std::nullopt;
  std::sort(pen.held.begin(), pen.held.end());
  compose(pen);
  const sync::CommitBody body = (*write)->builder().peek();
  std::map<RecordId, sync::Record> shown;
  for (const sync::RecordWrite& record : body.records) {
    auto held = edge.shown(record.id, kPurpose);
    if (held && *held) shown.emplace(record.id, std::move(**held));
  }
  const auto number = (*write)->commit();
  write = Error{Errc::kCancelled};
  if (!number) {
    log(device.name() + " could not commit: " + number.error().message());
    if (is_store_error(number.error())) on_trouble(device, number.error());
    return std::nullopt;
  }
  if (*number == 0) return std::nullopt;
  const CommitName name = note_commit(device, *number, shown);
  // As it was finished: what was peeked at may have lacked the mark of a move.
  const auto made = edge.find_pending(*number);
  if (made && *made) check_own_write(device, (*made)->body, name);
  device.wrote();
  return name;
}

void World::device_tends_inbox(SimDevice& device) {
  sync::Edge& edge = device.edge();
  auto items = edge.inbox();
  if (!items) return fail(device.name() + " cannot read its inbox: " + items.error().message());
  if (items->empty()) return;
  const sync::InboxItem& item = (*items)[gen_.below(items->size())];
  if (!gen_.chance(30)) return device_retries(device, item);
  const Status discarded = edge.discard(item.id);
  if (!discarded) return on_trouble(device, discarded.error());
  inbox_done_.insert({item.commit.header.replica, item.commit.header.number});
}

void World::device_retries(SimDevice& device, const sync::InboxItem& item) {
  sync::Edge& edge = device.edge();
  const CommitName name{item.commit.header.replica, item.commit.header.number};
  std::map<RecordId, sync::Record> shown;
  for (const sync::RecordWrite& record : item.commit.body.records) {
    auto held = edge.shown(record.id, kPurpose);
    if (held && *held) shown.emplace(record.id, std::move(**held));
  }
  const auto number = edge.retry(item.id);
  if (!number && is_store_error(number.error())) return on_trouble(device, number.error());
  if (!number) return log(device.name() + " cannot retry: " + number.error().message());
  inbox_done_.insert(name);
  REACHED("refused write retried");
  if (*number == 0) return;
  note_commit(device, *number, shown);
  device.wrote();
}

// -- What goes wrong --

void World::restore_device(SimDevice& device) {
  if (disaster_ != Disaster::kDevice) return;
  // Once restored it may be put back to a moment since, again and again: what it had numbered anew
  // after that is numbered anew once more.
  std::optional<sync::MemoryVersion>& kept = device.was_restored ? device.moment : device.backup;
  if (!kept) {
    kept = device.disk().snapshot();
    return;
  }
  log(device.name() + " restored");
  if (device.was_restored) {
    REACHED("device restored again");
  } else {
    REACHED("device restored");
  }
  device.restore(*kept);
  device.was_restored = true;
  for (const sync::Numbering& each : device.edge().numberings())
    watermark_seen_[{&device, each.replica}] = each.watermark;
}

// Two live copies: the first to be heard keeps the id, the other takes another one.
void World::clone_device(SimDevice& device) {
  constexpr std::size_t kDevicesMax = 6;
  if (devices_.size() >= kDevicesMax) return;
  devices_.push_back(std::make_unique<SimDevice>(device, device.name() + "-copy"));
  log(device.name() + " is copied");
  REACHED("device copied");
  for (const sync::Numbering& each : device.edge().numberings())
    watermark_seen_[{devices_.back().get(), each.replica}] = each.watermark;
}

// Of two copies of the same it is told what one alone does not show: mostly it is the first device.
void World::restore_something(SimDevice& device) {
  if (disaster_ == Disaster::kSilence) return long_silence(device);
  if (disaster_ == Disaster::kDevice && gen_.chance(12)) return clone_device(device);
  if (disaster_ == Disaster::kDevice)
    return restore_device(gen_.chance(70) ? *devices_.front() : device);
  return gen_.chance(67) ? back_up_server() : restore_server();
}

void World::replay(SimDevice& device) {
  if (network_.recorded_count() == 0) return;
  const Bytes message = network_.recorded(gen_.below(network_.recorded_count()));
  const auto frame = wire::decode_frame(message);
  if (!frame) return;
  // Of another device it would be a forgery, which TLS keeps out; its own may come twice through a
  // broken proxy.
  if (const auto* push = std::get_if<wire::Push>(&*frame)) {
    if (push->commits.empty() ||
        push->commits.front().header.replica != device.edge().state().replica)
      return;
    if (device.inject(message)) REACHED("push replayed");
    return;
  }
  if (!std::holds_alternative<wire::Hello>(*frame) || !server().running()) return;
  // A stranger says what a device said on another connection.
  REACHED("hello replayed");
  auto id = std::make_shared<ConnectionId>(0);
  Ear ear = server().accept(id);
  *id = network_.open({[](Bytes) {}, [] {}}, std::move(ear));
  queue_.after(500'000,
               [this, id, message] { network_.send(*id, Network::End::kDevice, message); });
}

void World::crash_server() {
  server().crash();
  queue_.after(static_cast<std::int64_t>(gen_.below(20 * kSecond)), [this] {
    server().start();
    check_acknowledged();
  });
}

void World::fault() {
  SimDevice& device = any_device();
  switch (gen_.below(18)) {
    case 0:
      device.crash();
      REACHED("device crashed");
      return;
    case 1: return crash_server();
    case 2:
    case 3:
    case 4:
    case 5:
    case 6: return restore_something(device);
    case 7:
      device.clock().lie(
          gen_.chance(50) ? 0
                          : static_cast<std::int64_t>(gen_.next() % (2 * kTenYears)) - kTenYears);
      REACHED("clock jumped");
      return;
    case 8:
    case 9: return replay(device);
    case 10:
      device.disk().fail_after(gen_.below(30),
                               gen_.chance(80) ? Errc::kStoreDiskFull : Errc::kStoreLatched);
      REACHED("store failed");
      return;
    case 11:
      if (gen_.chance(80)) return;
      device.gave_up = true;
      REACHED("home lost");
      return;
    case 12:
      server().disk().fail_after(gen_.below(60),
                                 gen_.chance(80) ? Errc::kStoreDiskFull : Errc::kStoreLatched);
      return;
    case 13: return trim_log();
    case 14:
    case 15: return compact();
    case 16: return long_silence(device);
    default: return device.cut();
  }
}

void World::mark_place(SimDevice& device) {
  if (!server().running()) return;
  const sync::HubState now = server().hub().state();
  const sync::EdgeState& state = device.edge().state();
  const wire::Cursor& at = state.cursor;
  if (state.stale_through != 0 && at.seq == 0) REACHED("new life cut before its first page");
  if (state.stale_through != 0 && at.seq != 0) REACHED("reading cut while it was replaced");
  if (at.incarnation != now.incarnation || at.seq == 0) return;
  if (at.below != 0) REACHED("bootstrap resumed");
  if (at.seq <= now.log_floor) REACHED("device behind the log");
}

void World::act() {
  SimDevice& device = any_device();
  if (device.gave_up) return enrol_again(device);
  const std::size_t choice = gen_.below(100);
  if (choice < 45) return device_writes(device);
  if (choice < 78) mark_place(device);
  if (choice < 65) return device.connected() ? device.cut() : device.connect(gen_.chance(60));
  if (choice < 78) return device.connect(true);
  if (choice < 84) return device_tends_inbox(device);
  if (choice < 91) return admin_writes();
  if (choice < 93) return gen_.chance(40) ? upgrade() : admin_gives();
  fault();
}

void World::pass_time() {
  ++tick_;
  const std::int64_t pause = gen_.chance(70) ? 100'000 : 3 * kSecond;
  queue_.run_until(queue_.now() +
                   static_cast<std::int64_t>(gen_.below(static_cast<std::size_t>(pause))));
}

void World::tick() {
  pass_time();
  if (!failed()) act();
}

// -- From beginning to end --

void World::everybody_is_back() {
  for (const auto& [name, person] : std::map{people_}) {
    if (person.active) continue;
    const Status back = put_person(name, {person.role, person.territories, true});
    if (!back) return fail("nobody can be brought back: " + back.error().message());
  }
}

void World::heal() {
  healed_ = true;
  network_.heal();
  server().heal();
  server().disk().fail_after(UINT64_MAX, Errc::kStoreDiskFull);
  const std::int64_t end = queue_.now() + kPatience;
  while (queue_.now() < end && !failed()) {
    ++tick_;
    server().start();
    everybody_is_back();
    upgrade();
    for (const auto& device : devices_) {
      device->disk().fail_after(UINT64_MAX, Errc::kStoreDiskFull);
      if (device->gave_up) enrol_again(*device);
      device->silent_until = 0;
      if (!device->connected()) device->connect(true);
      if (device->connected() && !device->live() && gen_.chance(20)) device->drop();
    }
    queue_.run_until(queue_.now() + kSecond);
    if (quiet()) return;
  }
  if (failed()) return;
  std::ostringstream text;
  text << "the healed world does not become quiet: under way " << network_.in_flight()
       << ", server " << (server().running() && server().idle() ? "idle" : "busy");
  for (const auto& device : devices_) {
    text << ", " << device->name() << (device->connected() ? " on" : " off")
         << (device->quiet() ? "" : " not quiet") << " pending " << device->edge().pending_count();
  }
  fail(text.str());
}

bool World::run() {
  while (tick_ < options_.ticks && !failed()) tick();
  if (!failed()) heal();
  if (!failed()) check_end();
  if (!failed()) weigh();
  if (!failed()) live_beside_rot();
  return !failed();
}

}  // namespace satchel::sim
