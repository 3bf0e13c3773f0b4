// Who greets, what he has seen of this store and this store of him, and what he is told.
#include <algorithm>
#include <memory>

#include "sync/merge/reference.hpp"
#include "sync/session/reach.hpp"
#include "sync/session/session.hpp"

namespace satchel::sync {
namespace {

bool fence_fits(const wire::HelloBody& hello, const ReplicaState& known) {
  const bool never_fenced = known.fence_confirmed.empty() && known.fence_issued.empty();
  return never_fenced || hello.fence_token == known.fence_confirmed ||
         hello.fence_token == known.fence_issued;
}

}  // namespace

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
  directory_ = hub_.state().directory;  // First: a change that comes meanwhile is looked at again.
  auto user = hub_.find_user((*device)->user);
  if (!user) return user.error();
  if (!*user || !(*user)->active) return Error{Errc::kUserDisabled};
  device_ = std::move(**device);
  user_ = std::move(**user);
  entitlement_ = hub_.entitlement_of(user_);
  // Never back to what the device has let go of, whatever our clock says: of that it holds nothing.
  if (hello_.history_days > 0) {
    entitlement_.history_from =
        std::max(hello_.history_from, history_from(hub_.clock().wall_us(), hello_.history_days));
  }
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
  if (hello_.kept_commit != 0 && hello_.kept_commit <= known.watermark) {
    auto ours = hub_.hash_of({hello_.replica, hello_.kept_commit});
    if (!ours) return ours.error();
    // This store has acknowledged another commit under that number, and the device's it has not.
    if (!ours->empty() && *ours != hello_.kept_hash) {
      note_restored_server();
      return {};
    }
  }
  if (hello_.settling) {
    if (hello_.watermark_confirmed > known.watermark) note_restored_server();
    return {};
  }
  const wire::Cursor cursor = hello_cursor();
  auto standing = hub_.standing(cursor);
  if (!standing) return standing.error();
  const bool silent =
      replica->has_value() && known.is_silent(hub_.clock().wall_us(), config_.replica_expiry_us);
  expired_ = known.expired || silent;
  too_old_ = *standing == CursorStanding::kTrimmed || (expired_ && cursor.seq != 0);
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
  welcome.history_from = entitlement_.history_from;
  return welcome;
}

Status HubSession::name_known_commit(wire::Welcome& welcome) {
  const bool theirs = hello_.kept_commit != 0 && hello_.kept_commit <= welcome.watermark;
  welcome.known_commit = theirs ? hello_.kept_commit : welcome.watermark;
  if (welcome.known_commit == 0) return {};
  auto hash = hub_.hash_of({hello_.replica, welcome.known_commit});
  if (!hash) return hash.error();
  welcome.known_hash = std::move(*hash);
  return {};
}

// What the greeting finds out on the writer's thread.
struct HubSession::Greeting {
  Hub& hub;
  wire::HelloBody hello;
  Device device;
  wire::Cursor place;  // Where the device stands, and durably so; seq 0 where that is nowhere.
  bool expired = false;
  std::vector<std::string> granted;
  TellingPlan plan{};
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
    // Nor is it taken to know what it stands at before it has sent all that it made by then.
    const bool further =
        same_life && place.seq > 0 && replica.watermark + 1 >= hello.next_commit &&
        (replica.progress.incarnation != place.incarnation || replica.progress.seq < place.seq);
    if (further) {
      replica.progress = place;
      replica.progress_commit = hello.next_commit - 1;
    }
    if (expired) {
      // Waited for from here on, and by nothing that it had: until its bootstrap has begun.
      replica.expired = true;
      replica.progress = {};
    }
    const HubState& now = txn.state();
    const bool anew = place.seq == 0 || place.incarnation != now.incarnation ||
                      hello.incarnation != now.incarnation;
    plan = plan_telling({hello, place, now.scope_epoch, now.seq, anew}, granted, replica);
    if (!hello.fence_token.empty()) replica.fence_confirmed = hello.fence_token;
    replica.fence_issued = fence;
    // The answer that the next hello is compared with stays.
    const CommitNumber confirmed = hello.kept_commit == 0
                                       ? hello.watermark_confirmed
                                       : std::min(hello.watermark_confirmed, hello.kept_commit - 1);
    if (same_life) SATCHEL_TRY(txn.trim_results(hello.replica, confirmed, replica));
    SATCHEL_TRY(txn.put_replica_state(hello.replica, replica));
    device.replica = hello.replica;
    device.last_seen_us = replica.last_seen_us;
    return txn.put_device(device);
  }
};

void HubSession::begin_telling(TellingPlan& plan, const HubState& state) {
  const wire::Cursor cursor = hello_cursor();
  began_anew_ = restart_ = plan.telling == Telling::kRestart;
  sent_ = restart_ ? wire::Cursor{state.incarnation, 0, 0} : cursor;
  if (plan.telling == Telling::kPass) sent_ = Hub::pass_from(cursor);
  joined_ = std::move(plan.joined);
  entitlement_.former = std::move(plan.former);
  send_own_ = restart_ || hello_.bootstrapping;
  slice_due_ = !restart_ && sent_.below == 0 && state.seq - sent_.seq > config_.far_behind;
}

void HubSession::greet() {
  const auto greeting = std::make_shared<Greeting>(
      Greeting{hub_, hello_, *device_, too_old_ ? wire::Cursor{} : hello_cursor(), expired_,
               entitlement_.scopes});
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
    wire::Welcome welcome = make_welcome(state, replica, greeting->fence);
    if (const Status told = name_known_commit(welcome); !told) {
      failure_ = told.error();
      return;
    }
    outgoing_.push_back(wire::encode_frame(welcome, false));
    begin_telling(greeting->plan, state);
    // What another life of the store answered, this one has not.
    answered_ = hello_.incarnation == state.incarnation ? hello_.watermark_confirmed : 0;
    // What a device has not been answered it pushes at once, and each answer has a place in the
    // sequence: a bootstrap's is later than all of them.
    const CommitNumber made = hello_.next_commit - 1;
    // And what he wrote on what he may hold no more is judged before it goes from him.
    const bool first = restart_ || greeting->plan.telling == Telling::kPass;
    if (first && std::min(replica.watermark, hello_.watermark_confirmed) < made)
      answer_first_ = made;
    fence_ = greeting->fence;
    fence_confirmed_ = hello_.settling;
    results_kept_from_ = replica.results_kept_from;
    phase_ = Phase::kWelcomed;
  };
  work_.push_back(std::move(work));
}

}  // namespace satchel::sync
