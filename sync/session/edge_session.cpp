#include <algorithm>

#include "schema/model/limits.hpp"
#include "sync/page/known_state.hpp"
#include "sync/session/session.hpp"

namespace satchel::sync {
namespace {

constexpr std::size_t kPushesInFlightMax = 2;
// A live session that has caught up says how far it is this often: what it took in has to be
// durable first, and that costs what the next edit is waiting for.
constexpr std::int64_t kProgressEveryUs = 1'000'000;

Error unexpected(std::string_view what) { return Error{Errc::kFrameUnexpected, std::string{what}}; }

bool is_of_a_store(Errc code) {
  return is_damage(code) || (code >= Errc::kStoreFull && code <= Errc::kStoreDiskFull);
}

}  // namespace

EdgeSession::EdgeSession(Edge& edge, Config config)
    : Session(SessionRole::kEdge), edge_(edge), config_(std::move(config)) {
  const auto former = edge_.unsettled();
  settling_ = former.has_value();
  replica_ = former ? former->replica : edge_.state().replica;
}

Numbering EdgeSession::numbering() const {
  return edge_.find_numbering(replica_).value_or(edge_.numbering());
}

Result<Bytes> EdgeSession::make_hello() {
  const EdgeState& state = edge_.state();
  wire::HelloBody body;
  body.schema_hash = edge_.catalog().hash();
  body.workspace = edge_.identity().workspace;
  body.device = Bytes{edge_.identity().device.bytes()};
  const Numbering mine = numbering();
  body.replica = replica_;
  body.next_commit = mine.next_commit;
  body.incarnation = mine.incarnation;
  body.watermark_confirmed = mine.watermark;
  body.purposes = {std::string{kDefaultPurpose}};
  body.bundle_version = builtin_bundle().version;
  body.settling = settling_;
  auto kept = edge_.newest_kept(mine);
  if (!kept) return kept.error();
  body.kept_commit = kept->number;
  body.kept_hash = std::move(kept->content_hash);
  if (settling_) return wire::encode_hello_body(body);
  body.seq_seen = state.cursor.seq;
  body.fence_token = state.fence_token;
  body.scopes = state.scopes;
  for (wire::ScopeState& scope : body.scopes) scope.cursor = state.cursor;
  body.live = config_.live;
  body.bootstrapping = !state.bootstrapped;
  body.history_days = state.history_days;
  body.history_from = state.history_from;
  return wire::encode_hello_body(body);
}

Status EdgeSession::on_welcome(const wire::Welcome& welcome) {
  if (!hello_sent_ || welcomed_) return unexpected("a welcome out of turn");
  if (welcome.protocol != wire::kProtocolVersion) return Error{Errc::kProtocolVersion};
  access_token_ = welcome.access_token;
  if (config_.schema_lost || (welcome.schema_hash != edge_.catalog().hash() &&
                              welcome.schema_hash != config_.older_schema)) {
    schema_wanted_ = welcome.schema_hash;
    return {};
  }
  if (settling_) {
    SATCHEL_TRY(edge_.welcome_former(welcome, replica_));
  } else {
    auto effects = edge_.welcome(welcome);
    if (!effects) return effects.error();
    if (effects->settle_first) {
      settling_ = settle_first_ = true;
      return {};
    }
  }
  welcomed_ = true;
  progress_after_ = numbering().next_commit - 1;
  // Answers to what lies between our watermark and the server's were lost: the first answers are
  // asked for again.
  pushed_through_ = std::min<CommitNumber>(welcome.watermark, numbering().watermark);
  return {};
}

Status EdgeSession::receive(ByteView message) {
  ++counters_.frames_in;
  counters_.bytes_in += message.size();
  auto frame = wire::decode_frame(message);
  if (!frame) return frame.error();
  if (auto* challenge = std::get_if<wire::Challenge>(&*frame)) {
    if (!challenge_.empty() || challenge->nonce.size() != 32)
      return unexpected("a challenge out of turn");
    if (challenge->protocol_min > wire::kProtocolVersion ||
        challenge->protocol_max < wire::kProtocolVersion) {
      return Error{Errc::kProtocolVersion};
    }
    challenge_ = challenge->nonce;
    return {};
  }
  if (auto* failure = std::get_if<wire::Failure>(&*frame)) {
    retry_after_ms_ = failure->retry_after_ms;
    const Errc code = errc_from_number(failure->code).value_or(Errc::kConnectionCut);
    server_failed_ = is_of_a_store(code);
    if (code == Errc::kUnauthenticated) {
      return Error{code,
                   "the server does not know this device; ask its admin whether it was put "
                   "back. Keep this home, what was not sent is in it alone; to go on "
                   "meanwhile, enrol another"};
    }
    return Error{code, (server_failed_ ? "of the server's store, not of this device's: " : "") +
                           failure->context};
  }
  if (auto* welcome = std::get_if<wire::Welcome>(&*frame)) return on_welcome(*welcome);
  if (std::holds_alternative<wire::Other>(*frame)) return {};
  // What follows cannot be read whole with the schema that is held, or comes too early.
  if (schema_wanted_ || settle_first_) return {};
  if (!welcomed_) return unexpected("a frame before welcome");
  if (auto* ack = std::get_if<wire::Ack>(&*frame)) {
    for (const wire::CommitResult& result : ack->results) {
      counters_.refused += result.outcome == wire::Outcome::kDenied ||
                           result.outcome == wire::Outcome::kInvalid ||
                           result.outcome == wire::Outcome::kReduced;
    }
    SATCHEL_TRY(edge_.apply_ack(*ack, replica_));
    const CommitNumber answered = numbering().watermark;
    while (!in_flight_.empty() && in_flight_.front() <= answered) in_flight_.pop_front();
    if (!settling_) progress_owed_ = true;
    return {};
  }
  if (auto* changes = std::get_if<wire::Changes>(&*frame)) {
    if (settling_) return unexpected("changes before a former id is settled");
    SATCHEL_TRY(edge_.apply_changes(*changes));
    if (changes->caught_up && !caught_up_) SATCHEL_TRY(prepare_report());
    caught_up_ = changes->caught_up;
    progress_owed_ = true;
    progress_after_ = numbering().next_commit - 1;
    return {};
  }
  return unexpected("a frame that only a device sends");
}

Result<std::optional<Bytes>> EdgeSession::generate() {
  const auto sent = [this](Bytes message) {
    ++counters_.frames_out;
    counters_.bytes_out += message.size();
    return std::optional<Bytes>{std::move(message)};
  };
  if (challenge_.empty() || schema_wanted_) return std::optional<Bytes>{};
  if (!hello_sent_) {
    SATCHEL_TRY(edge_.make_durable());
    wire::Hello hello;
    auto body = make_hello();
    if (!body) return body.error();
    hello.body = std::move(*body);
    auto signature = config_.signer.sign(
        wire::hello_signing_bytes(config_.tls_exporter, challenge_, hello.body));
    if (!signature) return signature.error();
    hello.signature = std::move(*signature);
    hello_sent_ = true;
    return sent(wire::encode_frame(hello, false));
  }
  if (!welcomed_) return std::optional<Bytes>{};
  if (const Numbering mine = numbering();
      in_flight_.size() < kPushesInFlightMax && pushed_through_ + 1 < mine.next_commit) {
    auto commits = edge_.commits_after(mine, pushed_through_, config_.push_bytes);
    if (!commits) return commits.error();
    if (!commits->empty()) {
      pushed_through_ = commits->back().header.number;
      in_flight_.push_back(pushed_through_);
      counters_.commits_pushed += commits->size();
      return sent(wire::encode_frame(wire::Push{std::move(*commits)}, true));
    }
  }
  if (!to_report_.empty()) {
    Bytes payload = std::move(to_report_.front());
    to_report_.pop_front();
    const auto kind = static_cast<std::uint16_t>(wire::Kind::kKnownState);
    return sent(wire::encode_frame(wire::Other{kind, std::move(payload)}, true));
  }
  if (progress_due()) {
    SATCHEL_TRY(edge_.make_durable());
    progress_owed_ = false;
    progress_sent_us_ = edge_.clock().boot_us();
    wire::Progress progress;
    progress.cursor = edge_.state().cursor;
    progress.own_commit = edge_.state().next_commit - 1;
    progress.results_confirmed = edge_.state().watermark;
    return sent(wire::encode_frame(progress, true));
  }
  return std::optional<Bytes>{};
}

// After a restore of the server: what was here and is gone there.
Status EdgeSession::prepare_report() {
  auto missing = edge_.missing_states();
  if (!missing) return missing.error();
  for (std::size_t at = 0; at < missing->size(); at += limits::kKnownStatesMax) {
    const auto count = std::min(limits::kKnownStatesMax, missing->size() - at);
    to_report_.push_back(encode_known_states(std::span{*missing}.subspan(at, count)));
  }
  return {};
}

bool EdgeSession::progress_due() const {
  // Who has said that he knows of a record's going is not taken to have written without knowing it.
  if (pushed_through_ < progress_after_) return false;
  if (!progress_owed_ || !progress_sent_us_ || !config_.live || !caught_up_) return progress_owed_;
  return edge_.clock().boot_us() - *progress_sent_us_ >= kProgressEveryUs;
}

bool EdgeSession::quiet() const {
  if (schema_wanted_ || settle_first_) return true;
  return welcomed_ && (settling_ || caught_up_) && in_flight_.empty() && to_report_.empty() &&
         !progress_due() && pushed_through_ + 1 >= numbering().next_commit;
}

}  // namespace satchel::sync
