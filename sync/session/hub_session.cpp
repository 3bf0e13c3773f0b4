#include <algorithm>
#include <type_traits>

#include "schema/model/limits.hpp"
#include "sync/session/session.hpp"

namespace satchel::sync {
namespace {

constexpr std::size_t kPushesWaitingMax = 8;
constexpr std::int64_t kProgressEveryUs = 10'000'000;
constexpr std::size_t kStatesInAckMax = 1'000;

Error unexpected(std::string_view what) { return Error{Errc::kFrameUnexpected, std::string{what}}; }

bool same_grants(const std::vector<wire::ScopeState>& held, const std::vector<std::string>& granted,
                 std::uint64_t epoch) {
  return std::equal(held.begin(), held.end(), granted.begin(), granted.end(),
                    [&](const wire::ScopeState& a, const std::string& b) {
                      return a.name == b && a.epoch == epoch;
                    });
}

bool fence_fits(const wire::HelloBody& hello, const ReplicaState& known) {
  const bool never_fenced = known.fence_confirmed.empty() && known.fence_issued.empty();
  return never_fenced || hello.fence_token == known.fence_confirmed ||
         hello.fence_token == known.fence_issued;
}

}  // namespace

Bytes HubSession::failure_frame(const Error& error, std::uint32_t retry_after_ms) {
  return wire::encode_frame(
      wire::Failure{static_cast<std::int32_t>(error.code), error.context, retry_after_ms}, false);
}

bool HubSession::quiet() const {
  return phase_ == Phase::kWelcomed && outgoing_.empty() && work_.empty() && work_under_way_ == 0 &&
         !poked_;
}

Status HubSession::receive(ByteView message) {
  if (failure_) return *failure_;
  if (phase_ == Phase::kFailed) return unexpected("the session has failed");
  auto frame = wire::decode_frame(message);
  if (!frame) return frame.error();
  if (auto* hello = std::get_if<wire::Hello>(&*frame)) {
    if (phase_ != Phase::kChallenged) return unexpected("a second hello");
    return on_hello(*hello);
  }
  if (phase_ != Phase::kWelcomed) return unexpected("a frame before welcome");
  if (auto* push = std::get_if<wire::Push>(&*frame)) return on_push(std::move(*push));
  if (auto* progress = std::get_if<wire::Progress>(&*frame)) return on_progress(*progress);
  // Reserved or newer: nothing we must do.
  if (std::holds_alternative<wire::Other>(*frame)) return {};
  return unexpected("a frame that only the server sends");
}

Status HubSession::check_peer(const wire::Hello& hello) {
  auto body = wire::decode_hello_body(hello.body);
  if (!body) return body.error();
  hello_ = std::move(*body);
  if (hello_.protocol != wire::kProtocolVersion) {
    return Error{Errc::kProtocolVersion, "version " + std::to_string(hello_.protocol)};
  }
  if (hello_.workspace != hub_.state().workspace) return Error{Errc::kWorkspaceMismatch};
  auto id = DeviceId::from_bytes(hello_.device);
  if (!id) return Error{Errc::kUnauthenticated};
  auto device = hub_.find_device(*id);
  if (!device) return device.error();
  if (!*device) return Error{Errc::kUnauthenticated};
  const Bytes signed_bytes =
      wire::hello_signing_bytes(config_.tls_exporter, challenge_, hello.body);
  if (!crypto::verify((*device)->public_key, signed_bytes, hello.signature))
    return Error{Errc::kUnauthenticated};
  if ((*device)->wipe) {
    device_ = std::move(**device);
    return Error{Errc::kDeviceWiped};
  }
  if ((*device)->revoked) return Error{Errc::kDeviceRevoked};
  auto user = hub_.find_user((*device)->user);
  if (!user) return user.error();
  if (!*user || !(*user)->active) return Error{Errc::kUserDisabled};
  device_ = std::move(**device);
  user_ = std::move(**user);
  entitlement_ = hub_.entitlement_of(user_);
  purpose_ = hello_.purposes.empty() ? std::string{kDefaultPurpose} : hello_.purposes.front();
  if (!is_known_purpose(purpose_)) return Error{Errc::kPolicyDenied, "unknown purpose"};
  return {};
}

void HubSession::note_restored_server() {
  Work work;
  const IncarnationId noticed = hub_.state().incarnation;
  work.run = [noticed, theirs = hello_.incarnation](HubTxn& txn) -> Status {
    // Several devices notice it, at once or one after the other; one new life is enough.
    SATCHEL_TRY(txn.note_life(theirs));
    return txn.state().incarnation == noticed ? txn.begin_incarnation() : Status{};
  };
  work.done = [this](const Status& durable) {
    --work_under_way_;
    failure_ = durable ? Error{Errc::kRestoredServer, "a raw copy of the store was noticed"}
                       : durable.error();
  };
  work_.push_back(std::move(work));
}

Status HubSession::check_history() {
  const HubState state = hub_.state();
  auto replica = hub_.find_replica(hello_.replica);
  if (!replica) return replica.error();
  const ReplicaState known = *replica ? **replica : ReplicaState{};
  if (*replica && known.device != device_->id)
    return Error{Errc::kForeignDot, "the replica is another device's"};
  auto known_life = hub_.knows_life(hello_.incarnation);
  if (!known_life) return known_life.error();
  if (!*known_life) note_restored_server();
  if (hello_.incarnation != state.incarnation) return {};  // Its tokens and cursors: of another.
  if (hello_.settling) {
    if (hello_.watermark_confirmed > known.watermark) note_restored_server();
    return {};
  }
  const wire::Cursor cursor = hello_cursor();
  auto standing = hub_.standing(cursor);
  if (!standing) return standing.error();
  too_old_ = *standing == CursorStanding::kTrimmed;
  if (*standing == CursorStanding::kUnknown || hello_.seq_seen > state.seq ||
      hello_.watermark_confirmed > known.watermark) {
    note_restored_server();
    return {};
  }
  // A token of ours that this store never issued: it is an earlier copy, made while the device was
  // ahead of it.
  const std::uint64_t held = hub_.fence_number(hello_.replica, hello_.fence_token);
  const std::uint64_t issued = hub_.fence_number(hello_.replica, known.fence_issued);
  const bool fits = fence_fits(hello_, known);
  if (held > issued || (held == issued && !fits)) {
    note_restored_server();
    return {};
  }
  if (!fits) return Error{Errc::kFenced, "an older fence token"};
  return {};
}

// That the order was given is durable before it is.
void HubSession::order_wipe() {
  Work work;
  work.run = [id = device_->id](HubTxn& txn) -> Status {
    auto device = txn.find_device(id);
    if (!device) return device.error();
    if (!*device) return {};
    (*device)->wipe_told = true;
    return txn.put_device(**device);
  };
  work.done = [this](const Status& durable) {
    --work_under_way_;
    failure_ = durable ? Error{Errc::kDeviceWiped} : durable.error();
  };
  work_.push_back(std::move(work));
}

Status HubSession::on_hello(const wire::Hello& hello) {
  const Status known = check_peer(hello);
  if (!known && known.error().code == Errc::kDeviceWiped) {
    phase_ = Phase::kGreeting;
    order_wipe();
    return {};
  }
  SATCHEL_TRY(known);
  SATCHEL_TRY(check_history());
  phase_ = Phase::kGreeting;
  if (work_.empty()) greet();
  return {};
}

wire::Welcome HubSession::make_welcome(const HubState& state, const ReplicaState& replica,
                                       const Bytes& fence) const {
  wire::Welcome welcome;
  welcome.incarnation = state.incarnation;
  welcome.watermark = replica.watermark;
  for (const std::string& scope : entitlement_.scopes)
    welcome.scopes.push_back({scope, state.scope_epoch, {}});
  welcome.bundle_version = builtin_bundle().version;
  welcome.bundle_hash = builtin_bundle().hash;
  welcome.schema_hash = hub_.catalog()->hash();
  welcome.trusted_time_us = hub_.clock().wall_us();
  welcome.fence_token = fence;
  if (config_.make_access_token) welcome.access_token = config_.make_access_token(*device_);
  welcome.backed_up_through = state.backed_up_through;
  welcome.recovering = state.recovering;
  return welcome;
}

// What the greeting finds out on the writer's thread.
struct HubSession::Greeting {
  Hub& hub;
  wire::HelloBody hello;
  Device device;
  wire::Cursor place;  // Where the device stands, and durably so; seq 0 where that is nowhere.
  ReplicaState replica{};
  Bytes fence{};
  bool fenced = false;

  Status run(HubTxn& txn) {
    auto held = txn.replica_state(hello.replica);
    if (!held) return held.error();
    replica = std::move(*held);
    replica.device = device.id;
    replica.last_seen_us = hub.clock().wall_us();
    if (hello.settling) return txn.put_replica_state(hello.replica, replica);
    // Asked again: a hello that comes late from a dead connection must not turn the fence back.
    // Who was never welcomed names no life.
    const bool same_life =
        hello.incarnation.is_zero() || hello.incarnation == txn.state().incarnation;
    fenced = same_life && !fence_fits(hello, replica);
    if (fenced) return {};
    // The token that came back is the one in use; the new one stands beside it until a frame
    // confirms it. One that was issued and never came back is issued again, so that no number of
    // lost welcomes makes an honest device look like a copy.
    const bool outstanding =
        same_life && !replica.fence_issued.empty() && hello.fence_token != replica.fence_issued;
    if (outstanding) {
      fence = replica.fence_issued;
    } else {
      auto fresh = hub.next_fence(hello.replica, replica.fence_issued);
      if (!fresh) return fresh.error();
      fence = std::move(*fresh);
    }
    const bool further =
        same_life && place.seq > 0 &&
        (replica.progress.incarnation != place.incarnation || replica.progress.seq < place.seq);
    if (further) {
      replica.progress = place;
      replica.progress_commit = hello.next_commit - 1;
    }
    if (!hello.fence_token.empty()) replica.fence_confirmed = hello.fence_token;
    replica.fence_issued = fence;
    if (same_life) SATCHEL_TRY(txn.trim_results(hello.replica, hello.watermark_confirmed, replica));
    SATCHEL_TRY(txn.put_replica_state(hello.replica, replica));
    device.replica = hello.replica;
    device.last_seen_us = replica.last_seen_us;
    return txn.put_device(device);
  }
};

void HubSession::greet() {
  const auto greeting = std::make_shared<Greeting>(
      Greeting{hub_, hello_, *device_, too_old_ ? wire::Cursor{} : hello_cursor()});
  Work work;
  work.run = [greeting](HubTxn& txn) { return greeting->run(txn); };
  work.done = [this, greeting](const Status& durable) {
    --work_under_way_;
    if (!durable || greeting->fenced) {
      failure_ = durable ? Error{Errc::kFenced, "an older fence token"} : durable.error();
      return;
    }
    const HubState state = hub_.state();
    const ReplicaState& replica = greeting->replica;
    outgoing_.push_back(wire::encode_frame(make_welcome(state, replica, greeting->fence), false));
    const wire::Cursor cursor = hello_cursor();
    restart_ = cursor.seq == 0 || too_old_ || cursor.incarnation != state.incarnation ||
               hello_.incarnation != state.incarnation ||
               !same_grants(hello_.scopes, entitlement_.scopes, state.scope_epoch);
    sent_ = restart_ ? wire::Cursor{state.incarnation, 0, 0} : cursor;
    send_own_ = restart_ || hello_.bootstrapping;
    slice_due_ = !restart_ && sent_.below == 0 && state.seq - sent_.seq > config_.far_behind;
    // What another life of the store answered, this one has not.
    answered_ = hello_.incarnation == state.incarnation ? hello_.watermark_confirmed : 0;
    // What a device has not been answered it pushes at once, and each answer has a place in the
    // sequence: a bootstrap's is later than all of them.
    const CommitNumber made = hello_.next_commit - 1;
    if (restart_ && std::min(replica.watermark, hello_.watermark_confirmed) < made)
      answer_first_ = made;
    fence_ = greeting->fence;
    fence_confirmed_ = hello_.settling;
    results_kept_from_ = replica.results_kept_from;
    phase_ = Phase::kWelcomed;
  };
  work_.push_back(std::move(work));
}

// A device that was restored from a backup may ask about commits whose answers it has confirmed
// since. Once a session, here and not in the writer: the whole commit log is read.
Status HubSession::find_trimmed(IngestBatch& batch) {
  const bool asked = std::any_of(
      batch.commits.begin(), batch.commits.end(),
      [this](const wire::Commit& each) { return each.header.number < results_kept_from_; });
  if (!asked) return {};
  if (!trimmed_) {
    auto known = hub_.known_commits(hello_.replica, results_kept_from_);
    if (!known) return known.error();
    trimmed_ = std::move(*known);
  }
  for (const wire::Commit& each : batch.commits) {
    const auto known = trimmed_->find(each.header.number);
    if (known != trimmed_->end()) batch.known.insert(*known);
  }
  return {};
}

// The same of commits that these name as their origin, where this device made them.
Status HubSession::find_trimmed_origins(IngestBatch& batch) {
  for (const wire::Commit& each : batch.commits) {
    if (!each.header.origin) continue;
    const Dot dot{each.header.origin->replica, each.header.origin->number};
    if (!trimmed_origins_.contains(dot.replica)) {
      // Each costs a reading of the log; an honest device has no more former ids than this.
      if (trimmed_origins_.size() >= limits::kFormerIdsMax) continue;
      auto replica = hub_.find_replica(dot.replica);
      if (!replica) return replica.error();
      std::map<CommitNumber, KnownCommit> known;
      const bool own = *replica && (*replica)->device == device_->id;
      if (own && (*replica)->results_kept_from > 1) {
        auto found = hub_.known_commits(dot.replica, (*replica)->results_kept_from);
        if (!found) return found.error();
        known = std::move(*found);
      }
      trimmed_origins_.emplace(dot.replica, std::move(known));
    }
    const auto& known = trimmed_origins_.at(dot.replica);
    if (const auto at = known.find(dot.commit); at != known.end())
      batch.known_origins.emplace(dot, at->second);
  }
  return {};
}

Status HubSession::on_push(wire::Push push) {
  if (push.commits.empty()) return unexpected("an empty push");
  if (push.commits.size() > limits::kPushCommitsMax)
    return Error{Errc::kLimitExceeded, "commits of one push"};
  if (commits_waiting_ >= kPushesWaitingMax)
    return Error{Errc::kBackpressure, "more pushes than the window allows"};
  ++commits_waiting_;
  auto batch = std::make_shared<IngestBatch>();
  batch->replica = hello_.replica;
  batch->user = user_.name;
  batch->role = user_.role;
  batch->commits = std::move(push.commits);
  SATCHEL_TRY(find_trimmed(*batch));
  SATCHEL_TRY(find_trimmed_origins(*batch));
  auto outcome = std::make_shared<IngestOutcome>();
  Work work;
  work.run = [batch, outcome, id = device_->id,
              put_progress = take_progress()](HubTxn& txn) -> Status {
    // Revoked or disabled since the hello: nothing of it is taken.
    auto device = txn.find_device(id);
    if (!device) return device.error();
    if (!*device || (*device)->revoked) {
      // One that is to be wiped comes back and is told so.
      const bool wipe = *device && (*device)->wipe;
      outcome->stopped = Error{wipe ? Errc::kConnectionCut : Errc::kDeviceRevoked};
      return {};
    }
    auto taken = txn.ingest(*batch);
    if (!taken) return taken.error();
    *outcome = std::move(*taken);
    return put_progress ? put_progress(txn) : Status{};
  };
  work.done = [this, outcome](const Status& durable) {
    --work_under_way_;
    --commits_waiting_;
    if (!durable) {
      failure_ = durable.error();
      return;
    }
    answer(*outcome);
    poked_ = true;
  };
  work_.push_back(std::move(work));
  return {};
}

void HubSession::answer(const IngestOutcome& outcome) {
  if (!outcome.results.empty()) {
    wire::Ack ack;
    ack.watermark = outcome.watermark;
    // Of the results that are in this answer: the watermark may be past them after a cut.
    answered_ = std::max(answered_, outcome.results.back().number);
    ack.results = outcome.results;
    const HubState state = hub_.state();
    ack.seq = state.seq;
    ack.backed_up_through = state.backed_up_through;
    const std::size_t count = std::min(outcome.touched.size(), kStatesInAckMax);
    if (count > 0) {
      auto states = hub_.states_of(std::span{outcome.touched}.first(count), entitlement_, purpose_);
      if (!states) {
        failure_ = states.error();
        return;
      }
      ack.states = std::move(*states);
    }
    outgoing_.push_back(wire::encode_frame(ack, true));
  }
  if (outcome.stopped) {
    outgoing_.push_back(failure_frame(*outcome.stopped));
    phase_ = Phase::kFailed;
  }
}

wire::Cursor HubSession::hello_cursor() const {
  return hello_.scopes.empty() ? wire::Cursor{} : hello_.scopes.front().cursor;
}

Status HubSession::on_progress(const wire::Progress& progress) {
  // It stands there still: the page that begins anew is on its way.
  if (too_old_ && progress.cursor == hello_cursor()) return {};
  if (progress.cursor.seq > sent_.seq) return unexpected("progress past what was sent");
  progress_ = progress;
  return {};
}

std::function<Status(HubTxn&)> HubSession::take_progress() {
  if (phase_ != Phase::kWelcomed || (!progress_ && fence_confirmed_)) return {};
  const auto confirmed = fence_confirmed_ ? Bytes{} : fence_;
  auto put = [id = hello_.replica, fence = confirmed, progress = progress_](HubTxn& txn) -> Status {
    auto replica = txn.replica_state(id);
    if (!replica) return replica.error();
    // Work of a connection that died may come late: what stands already and is newer stays.
    if (!fence.empty() && replica->fence_issued == fence) replica->fence_confirmed = fence;
    const bool older = progress && progress->cursor.incarnation == replica->progress.incarnation &&
                       progress->cursor.seq < replica->progress.seq;
    if (progress && !older) {
      replica->progress = progress->cursor;
      replica->progress_commit = progress->own_commit;
    }
    return txn.put_replica_state(id, *replica);
  };
  fence_confirmed_ = true;
  progress_.reset();
  progress_put_us_ = hub_.clock().boot_us();
  return put;
}

std::optional<HubSession::Work> HubSession::closing_work() {
  if (failure_ || !progress_) return std::nullopt;
  auto put = take_progress();
  if (!put) return std::nullopt;
  return Work{std::move(put), {}};
}

std::optional<HubSession::Work> HubSession::take_work() {
  const bool due =
      progress_ && work_.empty() && work_under_way_ == 0 && phase_ == Phase::kWelcomed &&
      (progress_put_us_ == 0 || hub_.clock().boot_us() - progress_put_us_ >= kProgressEveryUs);
  if (due) {
    Work work;
    work.run = take_progress();
    work.done = [this](const Status& durable) {
      --work_under_way_;
      if (!durable) failure_ = durable.error();
    };
    work_.push_back(std::move(work));
  }
  if (work_.empty()) return std::nullopt;
  Work work = std::move(work_.front());
  work_.pop_front();
  ++work_under_way_;
  return work;
}

Result<std::optional<Bytes>> HubSession::generate() {
  if (failure_) return *failure_;
  if (phase_ == Phase::kStart) {
    challenge_.assign(32, '\0');
    SATCHEL_TRY(hub_.entropy().fill(
        {reinterpret_cast<std::uint8_t*>(challenge_.data()), challenge_.size()}));
    phase_ = Phase::kChallenged;
    return std::optional<Bytes>{wire::encode_frame(wire::Challenge{challenge_}, false)};
  }
  if (!outgoing_.empty()) {
    Bytes message = std::move(outgoing_.front());
    outgoing_.pop_front();
    return std::optional<Bytes>{std::move(message)};
  }
  if (phase_ == Phase::kFailed) return Error{Errc::kConnectionCut, "the session has failed"};
  if (phase_ != Phase::kWelcomed) return std::optional<Bytes>{};
  return next_page();
}

}  // namespace satchel::sync
