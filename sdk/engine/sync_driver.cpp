#include "sdk/engine/sync_driver.hpp"

#include <algorithm>
#include <array>

#include "schema/model/limits.hpp"

namespace satchel::sdk {
namespace {

constexpr milliseconds kPauseMin{200};
constexpr milliseconds kPauseMax{60'000};
constexpr unsigned kSchemaRoundsMax = 3;
constexpr unsigned kIdentityRoundsMax = 4;
constexpr milliseconds kHttpsTimeout{30'000};
constexpr milliseconds kProgressPause{1'000};

// Trying again without a person will not help.
bool is_final(Errc code) {
  switch (code) {
    case Errc::kDeviceRevoked:
    case Errc::kUserDisabled:
    case Errc::kDeviceWiped:
    case Errc::kForbidden:
    case Errc::kUnauthenticated:
    case Errc::kWorkspaceMismatch:
    case Errc::kCommitFork:  // Both only once another id was tried: see become_another.
    case Errc::kFenced:
    case Errc::kStoreFull:
    case Errc::kStoreDiskFull:
    case Errc::kStoreLatched:
    case Errc::kStoreCorrupt:
    case Errc::kSealBroken:
    case Errc::kKeyProvider:
    case Errc::kSchemaIncompatible:
    case Errc::kProtocolVersion:
    case Errc::kCertificateWrong: return true;
    default: return false;
  }
}

// Doubling, with a random part so that a fleet does not come back at the same moment.
milliseconds pause_after(unsigned failures, crypto::Entropy& entropy) {
  const unsigned doublings = std::min(failures > 0 ? failures - 1 : 0U, 10U);
  const milliseconds whole = std::min(kPauseMin * (1U << doublings), kPauseMax);
  std::array<std::uint8_t, 1> random{};
  if (!entropy.fill(random)) return whole;
  return whole / 2 + whole / 2 * random[0] / 255;
}

}  // namespace

std::string_view name_of(Phase phase) {
  static constexpr std::array<std::string_view, 8> kNames{
      "stopped", "offline", "waiting", "connecting", "busy", "idle", "blocked", "revoked"};
  return kNames.at(static_cast<std::size_t>(phase));
}

SyncDriver::Snapshot SyncDriver::snapshot() const {
  const std::lock_guard hold{snapshot_mutex_};
  return snapshot_;
}

void SyncDriver::set_phase(Phase phase, std::optional<Error> error) {
  {
    const std::lock_guard hold{snapshot_mutex_};
    if (snapshot_.phase == phase && snapshot_.error == error) return;
    snapshot_.phase = phase;
    snapshot_.error = std::move(error);
    if (phase != Phase::kWaiting) snapshot_.next_retry_us = 0;
  }
  host_.status_changed();
}

// ---- What is asked ------------------------------------------------------------------------------

void SyncDriver::once(milliseconds timeout, unsigned retries, Done done) {
  if (waiters_.empty() && !connection_) report_ = {};
  Waiter waiter{next_waiter_++, retries, std::move(done)};
  if (timeout.count() > 0) {
    loop_.after(timeout, [this, id = waiter.id] { expire(id); });
  }
  waiters_.push_back(std::move(waiter));
  if (connection_) return poke();
  if (!fetching_) connect();
}

void SyncDriver::start() {
  wanted_live_ = true;
  if (!connection_ && !fetching_ && !pausing_) connect();
}

void SyncDriver::stop(std::function<void()> done) {
  wanted_live_ = false;
  pausing_ = false;
  ++pause_;
  finish_waiters(Error{Errc::kCancelled, "sync was stopped"});
  if (!connection_ && !fetching_) {
    set_phase(Phase::kStopped);
    return done();
  }
  stopped_.push_back(std::move(done));
  if (connection_) connection_->cancel(Error{Errc::kCancelled, "sync was stopped"});
}

void SyncDriver::set_reachable(bool reachable) {
  reachable_ = reachable;
  if (!reachable) {
    if (connection_) connection_->cancel(Error{Errc::kUnreachable, "the host says: no network"});
    return;
  }
  failures_ = 0;
  pausing_ = false;
  ++pause_;
  if (wanted() && !connection_ && !fetching_) connect();
}

void SyncDriver::poke() {
  if (connection_) connection_->poke();
}

void SyncDriver::expire(std::uint64_t waiter) {
  const auto at = std::find_if(waiters_.begin(), waiters_.end(),
                               [&](const Waiter& each) { return each.id == waiter; });
  if (at == waiters_.end()) return;
  const Done done = std::move(at->done);
  waiters_.erase(at);
  const bool connected = session_ != nullptr;
  done(
      Error{connected ? Errc::kConnectionCut : Errc::kUnreachable, "not done before the deadline"});
  if (!wanted() && connection_) {
    connection_->cancel(Error{Errc::kConnectionCut, "not done before the deadline"});
  }
}

void SyncDriver::finish_waiters(const Result<SyncReport>& result) {
  std::vector<Waiter> waiters;
  waiters.swap(waiters_);
  for (const Waiter& waiter : waiters) waiter.done(result);
}

// ---- Connections --------------------------------------------------------------------------------

void SyncDriver::connect() {
  pausing_ = false;
  ++pause_;
  Result<Endpoint> endpoint{Error{Errc::kCancelled, "the replica is suspended"}};
  {
    const Gate::Hold hold{host_.gate()};
    if (Core* core = host_.core()) {
      const Status signs = core->check_signer();
      endpoint = signs ? core->endpoint(host_.config()) : Result<Endpoint>{signs.error()};
    }
  }
  if (!endpoint) return on_ended(endpoint.error());
  set_phase(Phase::kConnecting);
  ++report_.attempts;
  live_ = wanted_live_;
  SyncTimeouts timeouts;
  timeouts.live = live_;
  connection_ = SyncConnection::start(loop_, std::move(*endpoint), *this, timeouts,
                                      [this](const Status& why) { on_ended(why); });
}

Status SyncDriver::begin(ByteView tls_exporter) {
  {
    const Gate::Hold hold{host_.gate()};
    Core* core = host_.core();
    if (core == nullptr) return Error{Errc::kCancelled, "the replica is suspended"};
    sync::EdgeSession::Config config{Bytes{tls_exporter}, *core->signer, live_};
    config.older_schema = older_schema_;
    config.schema_lost = !core->readable();
    session_ = std::make_unique<sync::EdgeSession>(*core->edge, std::move(config));
  }
  set_phase(Phase::kBusy);
  return {};
}

Status SyncDriver::receive(ByteView message) {
  Status received;
  {
    const Gate::Hold hold{host_.gate()};
    if (host_.core() == nullptr) return Error{Errc::kCancelled, "the replica is suspended"};
    received = session_->receive(message);
  }
  host_.status_changed();
  return received;
}

Result<std::optional<Bytes>> SyncDriver::generate() {
  bool quiet = false;
  bool owes_progress = false;
  Result<std::optional<Bytes>> message{std::optional<Bytes>{}};
  {
    const Gate::Hold hold{host_.gate()};
    if (host_.core() == nullptr) return Error{Errc::kCancelled, "the replica is suspended"};
    message = session_->generate();
    quiet = message && !*message && session_->quiet() && !session_->schema_wanted() &&
            !session_->settling();
    owes_progress = message && !*message && session_->owes_progress();
  }
  if (owes_progress && !progress_awaited_) {
    progress_awaited_ = true;
    loop_.after(kProgressPause, [this] {
      progress_awaited_ = false;
      poke();
    });
  }
  if (quiet && live_) {
    failures_ = 0;
    schema_rounds_ = 0;
    identity_rounds_ = 0;
    set_phase(Phase::kIdle);
    // The counters of a live session run on; each waiter is told what happened so far.
    const auto& counters = session_->counters();
    SyncReport report = report_;
    report.pushed += counters.commits_pushed;
    report.refused += counters.refused;
    report.bytes_in += counters.bytes_in;
    report.bytes_out += counters.bytes_out;
    finish_waiters(report);
  }
  return message;
}

bool SyncDriver::finished() {
  const Gate::Hold hold{host_.gate()};
  const bool leaves = !live_ || session_->settling();
  return session_->schema_wanted().has_value() || (leaves && session_->quiet());
}

void SyncDriver::close_session() {
  if (!session_) return;
  const auto& counters = session_->counters();
  report_.pushed += counters.commits_pushed;
  report_.refused += counters.refused;
  report_.bytes_in += counters.bytes_in;
  report_.bytes_out += counters.bytes_out;
  const Gate::Hold hold{host_.gate()};
  session_.reset();
}

void SyncDriver::on_ended(const Status& why) {
  connection_.reset();
  std::optional<Bytes> schema;
  bool settled = false;
  retry_after_ = milliseconds{0};
  bool server_failed = false;
  if (session_) {
    server_failed = session_->server_failed();
    schema = session_->schema_wanted();
    settled = session_->settling();
    retry_after_ = milliseconds{session_->retry_after_ms()};
    if (!session_->access_token().empty()) access_token_ = session_->access_token();
  }
  close_session();
  if (!stopped_.empty()) {
    set_phase(Phase::kStopped);
    std::vector<std::function<void()>> stopped;
    stopped.swap(stopped_);
    for (const auto& done : stopped) done();
    return;
  }
  if (why && schema && schema_rounds_++ < kSchemaRoundsMax) return fetch_schema(*schema);
  if (!why && become_another(why.error())) return connect();
  if (!why) return after_failure(why.error(), server_failed);
  if (settled) return connect();  // What was made under a former id is answered: now the rest.
  if (schema)
    return after_failure(Error{Errc::kSchemaUnknown, "the server's schema keeps changing"});
  failures_ = 0;
  schema_rounds_ = 0;
  identity_rounds_ = 0;
  if (!live_) finish_waiters(report_);
  if (wanted()) return connect();
  set_phase(Phase::kStopped);
}

// Another copy of this device writes under our id: from now on we write under a new one.
bool SyncDriver::become_another(const Error& why) {
  const bool forked = why.code == Errc::kCommitFork;
  if ((!forked && why.code != Errc::kFenced) || identity_rounds_ >= kIdentityRoundsMax)
    return false;
  ++identity_rounds_;
  Status done;
  {
    const Gate::Hold hold{host_.gate()};
    Core* core = host_.core();
    if (core == nullptr) return false;
    core->moved = true;
    done = forked ? core->edge->renumber() : core->edge->reidentify();
  }
  host_.log(LogLevel::kWarning, done ? "another copy of this device has synced: new replica id"
                                     : "no new replica id: " + done.error().message());
  host_.status_changed();
  return done.has_value();
}

void SyncDriver::after_failure(const Error& why, bool server_failed) {
  // A store that failed is not ours where the server says so: that may pass.
  const bool final = is_final(why.code) && retry_after_.count() == 0 && !server_failed;
  ++failures_;
  host_.log(LogLevel::kInfo, "sync ended: " + why.message());
  std::vector<Waiter> given_up;
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    if (at->retries > 0 && !final) {
      --at->retries;
      ++at;
    } else {
      given_up.push_back(std::move(*at));
      at = waiters_.erase(at);
    }
  }
  if (why.code == Errc::kDeviceWiped) host_.wipe_ordered();
  if (why.code == Errc::kDeviceRevoked || why.code == Errc::kUserDisabled ||
      why.code == Errc::kDeviceWiped) {
    wanted_live_ = false;
    set_phase(Phase::kRevoked, why);
  } else if (final) {
    wanted_live_ = false;
    set_phase(Phase::kBlocked, why);
  } else if (!reachable_) {
    set_phase(Phase::kOffline, why);
  } else if (wanted()) {
    pause();
    set_phase(Phase::kWaiting, why);
  } else {
    set_phase(Phase::kStopped, why);
  }
  for (const Waiter& waiter : given_up) waiter.done(why);
}

void SyncDriver::pause() {
  crypto::SystemEntropy entropy;
  const milliseconds delay = std::max(pause_after(failures_, entropy), retry_after_);
  SystemClock clock;
  {
    const std::lock_guard hold{snapshot_mutex_};
    snapshot_.next_retry_us = clock.wall_us() + std::int64_t{delay.count()} * 1000;
  }
  pausing_ = true;
  loop_.after(delay, [this, pause = ++pause_] {
    if (pause == pause_ && pausing_ && wanted() && reachable_) connect();
  });
}

// ---- A newer schema -----------------------------------------------------------------------------

void SyncDriver::fetch_schema(const Bytes& hash) {
  Result<Endpoint> endpoint{Error{Errc::kCancelled, "the replica is suspended"}};
  {
    const Gate::Hold hold{host_.gate()};
    if (const Core* core = host_.core()) endpoint = core->endpoint(host_.config());
  }
  if (!endpoint) return after_failure(endpoint.error());
  HttpsRequest request;
  request.method = "GET";
  request.target = "/v1/schemas/" + to_hex(hash);
  request.bearer = access_token_;
  request.answer_bytes_max = limits::kSchemaBytesMax;
  fetching_ = true;
  exchange_https(loop_, std::move(*endpoint), std::move(request), kHttpsTimeout,
                 [this, hash](Result<HttpsAnswer> answer) { on_schema(hash, std::move(answer)); });
}

void SyncDriver::on_schema(const Bytes& hash, Result<HttpsAnswer> answer) {
  fetching_ = false;
  if (!stopped_.empty()) return on_ended(Error{Errc::kCancelled, "sync was stopped"});
  if (!answer) return after_failure(answer.error());
  if (answer->status != 200) {
    return after_failure(Error{
        Errc::kHttpRefused, "the schema was answered with HTTP " + std::to_string(answer->status)});
  }
  auto catalog = schema::Catalog::load(answer->body);
  if (!catalog) return after_failure(catalog.error());
  if ((*catalog)->hash() != hash) {
    return after_failure(
        Error{Errc::kSchemaUnknown, "the server sent another schema than it named"});
  }
  Status adopted{Error{Errc::kCancelled, "the replica is suspended"}};
  {
    const Gate::Hold hold{host_.gate()};
    Core* core = host_.core();
    if (core != nullptr && !core->readable()) {
      adopted = core->restore_schema(**catalog);
    } else if (core != nullptr) {
      // A server that was restored may have lost the schema that this replica has from it: it is
      // spoken with all the same, and keeps what it does not know.
      const bool older = core->edge->catalog().accepts_successor_of(**catalog).has_value();
      older_schema_ = older ? hash : Bytes{};
      adopted = older ? Status{} : core->edge->adopt_schema(std::move(*catalog));
      if (!older) core->indexes->clear();
    }
  }
  if (!adopted) return after_failure(adopted.error());
  connect();
}

}  // namespace satchel::sdk
