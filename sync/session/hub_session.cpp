#include <algorithm>
#include <type_traits>

#include "schema/model/limits.hpp"
#include "sync/hub/missing.hpp"
#include "sync/page/known_state.hpp"
#include "sync/session/session.hpp"

namespace satchel::sync {
namespace {

constexpr std::size_t kPushesWaitingMax = 8;
constexpr std::int64_t kProgressEveryUs = 10'000'000;
constexpr std::size_t kStatesInAckMax = 1'000;

Error unexpected(std::string_view what) { return Error{Errc::kFrameUnexpected, std::string{what}}; }

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
  if (auto* other = std::get_if<wire::Other>(&*frame);
      other != nullptr && other->kind == static_cast<std::uint16_t>(wire::Kind::kKnownState)) {
    return on_known_state(other->payload);
  }
  // Reserved or newer: nothing we must do.
  if (std::holds_alternative<wire::Other>(*frame)) return {};
  return unexpected("a frame that only the server sends");
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
  SATCHEL_TRY(check_grants());
  if (push.commits.empty()) return unexpected("an empty push");
  if (push.commits.size() > limits::kPushCommitsMax)
    return Error{Errc::kLimitExceeded, "commits of one push"};
  if (commits_waiting_ >= kPushesWaitingMax)
    return Error{Errc::kBackpressure, "more pushes than the window allows"};
  ++commits_waiting_;
  hello_.next_commit = std::max(hello_.next_commit, push.commits.back().header.number + 1);
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
  // It stands there still: the pages that begin anew are on their way.
  if (began_anew_ && !caught_up_sent_ && progress.cursor == hello_cursor()) return {};
  if (progress.cursor.seq > sent_.seq) return unexpected("progress past what was sent");
  progress_ = progress;
  return {};
}

Status HubSession::on_known_state(ByteView payload) {
  auto states = decode_known_states(payload);
  if (!states) return states.error();
  Work work;
  work.run = [this_hub = &hub_, id = device_->id, states = std::move(*states)](HubTxn& txn) {
    return MissingStates{*this_hub}.note(txn, id, states);
  };
  work.done = [this](const Status& durable) {
    --work_under_way_;
    if (!durable) failure_ = durable.error();
  };
  work_.push_back(std::move(work));
  return {};
}

std::function<Status(HubTxn&)> HubSession::take_progress() {
  if (phase_ != Phase::kWelcomed || (!progress_ && fence_confirmed_)) return {};
  const auto confirmed = fence_confirmed_ ? Bytes{} : fence_;
  const bool moved = progress_ && progress_->cursor != hello_cursor();
  auto put = [id = hello_.replica, fence = confirmed, progress = progress_, moved,
              welcomed_by = fence_](HubTxn& txn) -> Status {
    auto replica = txn.replica_state(id);
    if (!replica) return replica.error();
    // Work of a connection that died may come late: what stands already and is newer stays.
    if (!fence.empty() && replica->fence_issued == fence) replica->fence_confirmed = fence;
    if (moved && replica->fence_issued == welcomed_by) replica->pass_due = false;
    const bool older = progress && progress->cursor.incarnation == replica->progress.incarnation &&
                       progress->cursor.seq < replica->progress.seq;
    if (progress && !older) {
      replica->progress = progress->cursor;
      replica->progress_commit = progress->own_commit;
      replica->expired = false;  // Of the bootstrap that it was made to begin.
    }
    return txn.put_replica_state(id, *replica);
  };
  fence_confirmed_ = true;
  progress_.reset();
  progress_put_us_ = hub_.clock().boot_us();
  return put;
}

std::optional<HubSession::Work> HubSession::closing_work() {
  // What a commit is judged by must not come before a commit that was sent before it.
  if (failure_ || !progress_ || commits_waiting_ > 0) return std::nullopt;
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
