#include "sdk/engine/replica.hpp"

#include <condition_variable>
#include <exception>

#include "schema/wire/frames.hpp"
#include "sdk/engine/render.hpp"
#include "sync/merge/life.hpp"
#include "sync/store/lmdb/row_format.hpp"

namespace satchel::sdk {
namespace {

// Waits on one thread for what another one finds out.
template <class T>
class Answer {
 public:
  void set(T value) {
    const std::lock_guard hold{mutex_};
    value_ = std::move(value);
    ready_.notify_all();
  }
  T wait() {
    std::unique_lock hold{mutex_};
    ready_.wait(hold, [&] { return value_.has_value(); });
    return std::move(*value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<T> value_;
};

std::string report_json(const SyncReport& report, std::string_view damaged, std::int64_t ms) {
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  return "{\"attempts\":" + number(report.attempts) + ",\"bytes_in\":" + number(report.bytes_in) +
         ",\"bytes_out\":" + number(report.bytes_out) +
         ",\"damaged_outbox\":" + std::string{damaged} + ",\"ms\":" + std::to_string(ms) +
         ",\"pushed\":" + number(report.pushed) + ",\"received\":" + number(report.received) +
         ",\"refused\":" + number(report.refused) + '}';
}

std::int64_t elapsed_ms(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - since).count();
}

}  // namespace

Replica::Replica(Config config) : config_(std::move(config)) {
  delivery_ = std::make_shared<Delivery>(
      [this](Delivery::Task task) {
        start_engine();
        loop_.post(std::move(task));
      },
      config_.post);
}

Result<std::unique_ptr<Replica>> Replica::open(Config config) {
  std::unique_ptr<Replica> replica{new Replica(std::move(config))};
  auto core = Core::open(replica->config_);
  if (!core) return core.error();
  replica->adopt(std::move(*core));
  return replica;
}

Replica::~Replica() {
  static_cast<void>(sync_stop());
  delivery_->close();
  std::thread engine;
  {
    const std::lock_guard hold{engine_mutex_};
    closing_ = true;
    engine.swap(engine_);
  }
  loop_.stop();
  if (engine.joinable()) engine.join();
}

Status Replica::wipe(const Config& config) {
  const HomePaths paths = home_paths(config.path, config.key_file, config.install_file);
  auto lock = HomeLock::take(paths.lock_file, config.lock_wait);
  if (!lock) return lock.error();
  return destroy_home(config, paths);
}

void Replica::wipe_ordered() {
  Status done;
  {
    const Gate::Hold hold{gate_};
    if (!core_) return;
    const HomePaths paths = core_->paths;
    const std::unique_ptr<HomeLock> lock = std::move(core_->lock);
    core_.reset();
    wiped_ = true;
    done = destroy_home(config_, paths);
  }
  log(done ? LogLevel::kWarning : LogLevel::kError,
      done ? std::string{"wiped by order of the server"} : "wipe: " + done.error().message());
}

void Replica::adopt(std::unique_ptr<Core> core) {
  const Gate::Hold hold{gate_};
  core_ = std::move(core);
  core_->listen([this](std::span<const sync::RecordChange> changes) { on_change(changes); });
  conflicted_.reset();
  to_recheck_.clear();
  for (const sync::DamagedCommit& each : core_->edge->damaged()) {
    log(LogLevel::kWarning,
        "commit " + std::to_string(each.place) + " of the outbox cannot be read: see status");
  }
  for (const std::string& row : core_->store->mended()) log(LogLevel::kWarning, row);
  if (Status sound = core_->readable(); !sound) log(LogLevel::kError, sound.error().message());
  if (core_->moved) log(LogLevel::kWarning, "this folder was copied or restored: new replica id");
}

Result<Core*> Replica::held_core() {
  if (wiped_) return Error{Errc::kDeviceWiped};
  if (!core_) return Error{Errc::kCancelled, "the replica is suspended"};
  return core_.get();
}

Result<Core*> Replica::open_core() {
  auto core = held_core();
  if (core) SATCHEL_TRY((*core)->readable());
  return core;
}

void Replica::start_engine() {
  const std::lock_guard hold{engine_mutex_};
  if (engine_.joinable() || closing_) return;
  engine_ = std::thread([this] {
    engine_id_ = std::this_thread::get_id();
    for (;;) {
      try {
        return loop_.run();
      } catch (const std::exception& surprise) {
        log(LogLevel::kError, surprise.what());
      }
    }
  });
}

bool Replica::in_callback() const {
  return engine_id_.load() == std::this_thread::get_id() || delivery_->on_delivering_thread();
}

Status Replica::may_block() {
  if (in_callback()) {
    return Error{Errc::kUsage, "not from a callback"};
  }
  if (gate_.is_mine()) return Error{Errc::kUsage, "this thread has a write open"};
  return {};
}

void Replica::log(LogLevel level, std::string_view line) {
  if (config_.log && level >= config_.log_level) config_.log(level, line);
}

// ---- Life ---------------------------------------------------------------------------------------

Status Replica::suspend() {
  SATCHEL_TRY(may_block());
  SATCHEL_TRY(sync_stop());
  const Gate::Hold hold{gate_};
  core_.reset();
  return {};
}

Status Replica::resume() {
  {
    const Gate::Hold hold{gate_};
    if (core_) return {};
  }
  auto core = Core::open(config_);
  if (!core) return core.error();
  adopt(std::move(*core));
  return {};
}

Result<crypto::KeyStrength> Replica::rotate_keys() {
  if (gate_.is_mine()) return Error{Errc::kUsage, "this thread has a write open"};
  const Gate::Hold hold{gate_};
  auto core = held_core();
  if (!core) return core.error();
  return (*core)->store->rotate_keys();
}

Result<VerifyReport> Replica::verify() {
  const Gate::Hold hold{gate_};
  auto core = held_core();
  if (!core) return core.error();
  return verify_store(*(*core)->store, (*core)->edge.get());
}

Result<std::string> Replica::heal() {
  if (gate_.is_mine()) return Error{Errc::kUsage, "this thread has a write open"};
  const Gate::Hold hold{gate_};
  auto core = held_core();
  if (!core) return core.error();
  // Whether a record can be read is seen with its schema alone; the sync that follows brings it.
  if (!(*core)->readable()) return std::string{"{\"dropped\":[],\"lost\":[],\"mended\":[]}"};
  auto healed = (*core)->edge->heal();
  if (!healed) return healed.error();
  (*core)->indexes->clear();
  conflicted_.reset();
  const auto& catalog = (*core)->edge->catalog();
  return "{\"dropped\":" + records_json(catalog, healed->records) +
         ",\"lost\":" + damaged_json(catalog, healed->lost) +
         ",\"mended\":" + damaged_json(catalog, healed->mended) + '}';
}

Result<std::size_t> Replica::narrow(std::uint32_t days) {
  if (gate_.is_mine()) return Error{Errc::kUsage, "this thread has a write open"};
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  return (*core)->edge->narrow(days);
}

Result<std::int64_t> Replica::trusted_now_us() {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  return (*core)->edge->trusted_now_us();
}

Result<std::string> Replica::schema() {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  return schema_json((*core)->edge->catalog());
}

// Looked at once, and then again what has changed since.
Status Replica::find_conflicts(Core& core) {
  const auto& catalog = core.edge->catalog();
  const auto disagrees = [&](const sync::Record& record) {
    const schema::CollectionDef* collection = catalog.find(record.collection);
    return collection != nullptr && sync::is_alive(record, collection->life) &&
           has_conflict(*collection, record);
  };
  if (!conflicted_ || !conflicts_unread_.empty()) {
    std::unordered_set<RecordId> found;
    const auto note = [&](const sync::Record& record) {
      if (disagrees(record)) found.insert(record.id);
      return true;
    };
    conflicts_unread_.clear();
    SATCHEL_TRY(
        core.edge->visit_readable(0, sync::kDefaultPurpose, nullptr, note, conflicts_unread_));
    conflicted_ = std::move(found);
    to_recheck_.clear();
  }
  for (const RecordId& id : to_recheck_) {
    auto record = core.edge->shown(id, sync::kDefaultPurpose);
    if (!record && sync::is_damage(record.error().code)) {
      conflicts_unread_.push_back({0, 0, id});
      continue;
    }
    if (!record) return record.error();
    if (*record && disagrees(**record)) {
      conflicted_->insert(id);
    } else {
      conflicted_->erase(id);
    }
  }
  to_recheck_.clear();
  return {};
}

Result<std::string> Replica::status() {
  const SyncDriver::Snapshot sync = driver_.snapshot();
  const Gate::Hold hold{gate_};
  if (wiped_) {
    return "{\"error\":" + text_json(wire_name(Errc::kDeviceWiped)) +
           ",\"phase\":" + text_json(name_of(Phase::kRevoked)) + '}';
  }
  auto opened = held_core();
  if (!opened) return opened.error();
  Core& core = **opened;
  // Where the schema or a record of base is damaged nobody can count; all else is told.
  const Status sound = core.readable();
  const Status looked = sound ? find_conflicts(core) : sound;
  if (!looked && !sync::is_damage(looked.error().code)) return looked.error();
  std::optional<Error> damage;
  if (!looked) damage = looked.error();
  if (looked && !conflicts_unread_.empty()) damage = core.edge->unreadable_error(conflicts_unread_);
  auto inbox = core.edge->count_inbox();
  if (!inbox) return inbox.error();
  const sync::EdgeState& state = core.edge->state();
  const sync::EdgeIdentity& identity = core.edge->identity();
  const bool synced = !state.incarnation.is_zero();
  std::string out = "{\"conflicts\":" + (damage ? "null" : std::to_string(conflicted_->size()));
  out += ",\"cursor\":" + (synced ? text_json(std::to_string(state.cursor.seq)) : "null");
  out += ",\"damage\":" + (damage ? text_json(damage->context) : "null");
  out += ",\"damaged_outbox\":" + damaged_json(core.edge->catalog(), core.edge->damaged());
  out += ",\"device\":" + text_json(to_text(identity.device));
  out += ",\"error\":" + (sync.error ? text_json(wire_name(sync.error->code)) : "null");
  out += ",\"history_days\":" + std::to_string(state.history_days);
  out += ",\"incarnation\":" + (synced ? text_json(to_text(state.incarnation)) : "null");
  out += ",\"last_sync\":" + time_json(state.last_sync_us) + ",\"leases\":{}";
  out += std::string{",\"moved\":"} + (core.moved ? "true" : "false");
  out += ",\"next_commit\":" + std::to_string(state.before + state.next_commit);
  out += ",\"next_retry\":" + time_json(sync.next_retry_us);
  out += ",\"pending\":" + std::to_string(core.edge->pending_count());
  out += ",\"phase\":" + text_json(name_of(sync.phase));
  out += ",\"rejected\":" + std::to_string(*inbox);
  out += ",\"replica\":" + text_json(to_text(state.replica));
  out += ",\"store\":{\"bytes\":" + std::to_string(core.store->usage().bytes) +
         ",\"bytes_max\":" + std::to_string(core.store->usage().bytes_max) + '}';
  out += ",\"user\":" + text_json(identity.user);
  out += ",\"versions\":{\"protocol\":" + std::to_string(wire::kProtocolVersion) +
         ",\"schema\":" + text_json(to_hex(core.edge->catalog().hash())) +
         ",\"store\":" + std::to_string(sync::kStoreFormat) + '}';
  return out + ",\"watermark\":" + std::to_string(state.before + state.watermark) + '}';
}

// ---- Sync ---------------------------------------------------------------------------------------

Result<std::string> Replica::sync_once(milliseconds timeout, unsigned retries) {
  SATCHEL_TRY(may_block());
  start_engine();
  const auto begun = std::chrono::steady_clock::now();
  const auto answer = std::make_shared<Answer<Result<SyncReport>>>();
  loop_.post([this, timeout, retries, answer] {
    driver_.once(timeout, retries,
                 [answer](Result<SyncReport> report) { answer->set(std::move(report)); });
  });
  const Result<SyncReport> report = answer->wait();
  if (!report) return report.error();
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  const sync::Edge& edge = *(*core)->edge;
  return report_json(*report, damaged_json(edge.catalog(), edge.damaged()), elapsed_ms(begun));
}

Status Replica::sync_start() {
  start_engine();
  loop_.post([this] { driver_.start(); });
  return {};
}

Status Replica::sync_stop() {
  SATCHEL_TRY(may_block());
  {
    const std::lock_guard hold{engine_mutex_};
    if (!engine_.joinable()) return {};
  }
  const auto answer = std::make_shared<Answer<bool>>();
  loop_.post([this, answer] { driver_.stop([answer] { answer->set(true); }); });
  answer->wait();
  return {};
}

Status Replica::sync_reachable(bool reachable) {
  start_engine();
  loop_.post([this, reachable] { driver_.set_reachable(reachable); });
  return {};
}

}  // namespace satchel::sdk
