// Plain structs into Cap'n Proto builders. Members are filled in a fixed order, so that equal
// structs make equal bytes.
#include <numeric>

#include "schema/model/varint.hpp"
#include "schema/wire/form.hpp"

namespace satchel::wire {
namespace {

kj::ArrayPtr<const kj::byte> data_of(ByteView bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}
capnp::Text::Reader text_of(const std::string& text) { return {text.c_str(), text.size()}; }
unsigned count_of(std::size_t size) { return static_cast<unsigned>(size); }

std::uint64_t half(const std::uint8_t* octets) {
  return std::accumulate(octets, octets + 8, std::uint64_t{0},
                         [](std::uint64_t sum, std::uint8_t octet) { return sum << 8 | octet; });
}
template <class Id>
std::uint64_t high(const Id& id) {
  return half(id.octets.data());
}
template <class Id>
std::uint64_t low(const Id& id) {
  return half(id.octets.data() + 8);
}

// Empty data stays a null pointer: eight bytes each, and absent and empty mean the same.
#define SATCHEL_SET_DATA(builder, Name, bytes) \
  if (!(bytes).empty()) (builder).set##Name(data_of(bytes))
#define SATCHEL_SET_TEXT(builder, Name, text) \
  if (!(text).empty()) (builder).set##Name(text_of(text))

void fill(form::Cursor::Builder to, const Cursor& cursor) {
  to.setIncarnationHigh(high(cursor.incarnation));
  to.setIncarnationLow(low(cursor.incarnation));
  to.setSeq(cursor.seq);
  to.setTag(cursor.tag);
  to.setBelow(cursor.below);
}

void fill(form::ScopeState::Builder to, const ScopeState& scope) {
  SATCHEL_SET_TEXT(to, Name, scope.name);
  to.setEpoch(scope.epoch);
  fill(to.initCursor(), scope.cursor);
}

void fill(form::BasedOn::Builder to, const BasedOn& based_on) {
  to.setIncarnationHigh(high(based_on.incarnation));
  to.setIncarnationLow(low(based_on.incarnation));
  to.setSeq(based_on.seq);
  if (based_on.epochs.empty()) return;
  auto epochs = to.initEpochs(count_of(based_on.epochs.size()));
  for (unsigned i = 0; i < epochs.size(); ++i) {
    SATCHEL_SET_TEXT(epochs[i], Name, based_on.epochs[i].first);
    epochs[i].setEpoch(based_on.epochs[i].second);
  }
}

void fill(form::Section::Builder to, const Section& section) {
  to.setPrivacy(static_cast<std::uint8_t>(section.privacy));
  to.setGeneration(section.generation);
  SATCHEL_SET_DATA(to, Bytes, section.bytes);
  if (section.subjects.empty()) return;
  auto subjects = to.initSubjects(count_of(section.subjects.size()));
  for (unsigned i = 0; i < subjects.size(); ++i) {
    subjects[i].setHigh(high(section.subjects[i]));
    subjects[i].setLow(low(section.subjects[i]));
  }
}

void fill(form::Challenge::Builder to, const Challenge& challenge) {
  SATCHEL_SET_DATA(to, Nonce, challenge.nonce);
  to.setProtocolMin(challenge.protocol_min);
  to.setProtocolMax(challenge.protocol_max);
}

void fill(form::Hello::Builder to, const Hello& hello) {
  SATCHEL_SET_DATA(to, Body, hello.body);
  SATCHEL_SET_DATA(to, Signature, hello.signature);
}

template <class Builder>
void fill_scopes(Builder to, const std::vector<ScopeState>& scopes) {
  if (scopes.empty()) return;
  auto list = to.initScopes(count_of(scopes.size()));
  for (unsigned i = 0; i < list.size(); ++i) fill(list[i], scopes[i]);
}

void fill(form::Welcome::Builder to, const Welcome& welcome) {
  to.setProtocol(welcome.protocol);
  to.setIncarnationHigh(high(welcome.incarnation));
  to.setIncarnationLow(low(welcome.incarnation));
  to.setWatermark(welcome.watermark);
  fill_scopes(to, welcome.scopes);
  to.setBundleVersion(welcome.bundle_version);
  SATCHEL_SET_DATA(to, BundleHash, welcome.bundle_hash);
  SATCHEL_SET_DATA(to, SchemaHash, welcome.schema_hash);
  to.setTrustedTimeUs(welcome.trusted_time_us);
  SATCHEL_SET_DATA(to, FenceToken, welcome.fence_token);
  SATCHEL_SET_DATA(to, AccessToken, welcome.access_token);
  to.setBackedUpThrough(welcome.backed_up_through);
  to.setRecovering(welcome.recovering);
  to.setKnownCommit(welcome.known_commit);
  SATCHEL_SET_DATA(to, KnownHash, welcome.known_hash);
  to.setHistoryFrom(welcome.history_from);
}

void fill(form::Push::Builder to, const Push& push) {
  auto commits = to.initCommits(count_of(push.commits.size()));
  for (unsigned i = 0; i < commits.size(); ++i) fill(commits[i], push.commits[i]);
}

void fill(form::Ack::Builder to, const Ack& ack) {
  to.setWatermark(ack.watermark);
  if (!ack.results.empty()) {
    auto results = to.initResults(count_of(ack.results.size()));
    for (unsigned i = 0; i < results.size(); ++i) fill(results[i], ack.results[i]);
  }
  SATCHEL_SET_DATA(to, States, ack.states);
  to.setSeq(ack.seq);
  to.setBackedUpThrough(ack.backed_up_through);
}

void fill(form::Changes::Builder to, const Changes& changes) {
  SATCHEL_SET_DATA(to, Page, changes.page);
  fill(to.initCursor(), changes.cursor);
  to.setRestart(changes.restart);
  to.setCaughtUp(changes.caught_up);
  SATCHEL_SET_DATA(to, Signature, changes.signature);
  SATCHEL_SET_DATA(to, Authors, changes.authors);
}

void fill(form::Progress::Builder to, const Progress& progress) {
  fill(to.initCursor(), progress.cursor);
  to.setOwnCommit(progress.own_commit);
  to.setResultsConfirmed(progress.results_confirmed);
}

void fill(form::Failure::Builder to, const Failure& failure) {
  to.setCode(failure.code);
  SATCHEL_SET_TEXT(to, Context, failure.context);
  to.setRetryAfterMs(failure.retry_after_ms);
}

template <class Form, class Body>
void fill_body(form::Frame::Builder to, Kind kind, const Body& body) {
  to.setKind(static_cast<std::uint16_t>(kind));
  fill(to.initBody().initAs<Form>(), body);
}

struct FillFrame {
  form::Frame::Builder to;
  void operator()(const Challenge& f) { fill_body<form::Challenge>(to, Kind::kChallenge, f); }
  void operator()(const Hello& f) { fill_body<form::Hello>(to, Kind::kHello, f); }
  void operator()(const Welcome& f) { fill_body<form::Welcome>(to, Kind::kWelcome, f); }
  void operator()(const Push& f) { fill_body<form::Push>(to, Kind::kPush, f); }
  void operator()(const Ack& f) { fill_body<form::Ack>(to, Kind::kAck, f); }
  void operator()(const Changes& f) { fill_body<form::Changes>(to, Kind::kChanges, f); }
  void operator()(const Progress& f) { fill_body<form::Progress>(to, Kind::kProgress, f); }
  void operator()(const Failure& f) { fill_body<form::Failure>(to, Kind::kFailure, f); }
  void operator()(const Other& f) {
    to.setKind(f.kind);
    if (!f.payload.empty()) to.initBody().setAs<capnp::Data>(data_of(f.payload));
  }
};

std::size_t words(std::size_t bytes) { return bytes / 8 + 1; }

}  // namespace

void fill(form::CommitHeader::Builder to, const CommitHeader& header) {
  to.setReplicaHigh(high(header.replica));
  to.setReplicaLow(low(header.replica));
  to.setNumber(header.number);
  to.setStamp(header.stamp);
  SATCHEL_SET_TEXT(to, Actor, header.actor);
  SATCHEL_SET_TEXT(to, Purpose, header.purpose);
  to.setBundleVersion(header.bundle_version);
  SATCHEL_SET_DATA(to, SchemaHash, header.schema_hash);
  fill(to.initBasedOn(), header.based_on);
  SATCHEL_SET_DATA(to, ContentHash, header.content_hash);
  SATCHEL_SET_DATA(to, Signature, header.signature);
  SATCHEL_SET_DATA(to, Receipt, header.receipt);
  if (header.origin) {
    Bytes origin{header.origin->replica.bytes()};
    append_u64_big(origin, header.origin->number);
    origin += header.origin->content_hash;
    to.setOrigin(data_of(origin));
  }
  if (header.extras.empty()) return;
  auto extras = to.initExtras(count_of(header.extras.size()));
  for (unsigned i = 0; i < extras.size(); ++i) {
    extras[i].setNumber(header.extras[i].first);
    SATCHEL_SET_DATA(extras[i], Bytes, header.extras[i].second);
  }
}

void fill(form::Commit::Builder to, const Commit& commit) {
  fill(to.initHeader(), commit.header);
  if (!commit.sections.empty()) {
    auto sections = to.initSections(count_of(commit.sections.size()));
    for (unsigned i = 0; i < sections.size(); ++i) fill(sections[i], commit.sections[i]);
  }
  SATCHEL_SET_DATA(to, Sealed, commit.sealed);
}

void fill(form::CommitResult::Builder to, const CommitResult& result) {
  to.setNumber(result.number);
  to.setOutcome(static_cast<std::uint8_t>(result.outcome));
  to.setSeq(result.seq);
  to.setCode(result.code);
  SATCHEL_SET_TEXT(to, Rule, result.rule);
  if (!result.fields.empty()) {
    auto fields = to.initFields(count_of(result.fields.size()));
    for (unsigned i = 0; i < fields.size(); ++i) {
      fields[i].setRecordHigh(high(result.fields[i].first));
      fields[i].setRecordLow(low(result.fields[i].first));
      fields[i].setField(result.fields[i].second);
    }
  }
  SATCHEL_SET_DATA(to, Receipt, result.receipt);
  to.setElsewhere(result.elsewhere);
}

void fill(form::HelloBody::Builder to, const HelloBody& body) {
  to.setProtocol(body.protocol);
  SATCHEL_SET_DATA(to, SchemaHash, body.schema_hash);
  to.setWorkspaceHigh(high(body.workspace));
  to.setWorkspaceLow(low(body.workspace));
  SATCHEL_SET_DATA(to, Device, body.device);
  to.setReplicaHigh(high(body.replica));
  to.setReplicaLow(low(body.replica));
  to.setNextCommit(body.next_commit);
  to.setIncarnationHigh(high(body.incarnation));
  to.setIncarnationLow(low(body.incarnation));
  to.setSeqSeen(body.seq_seen);
  to.setWatermarkConfirmed(body.watermark_confirmed);
  SATCHEL_SET_DATA(to, FenceToken, body.fence_token);
  if (!body.purposes.empty()) {
    auto purposes = to.initPurposes(count_of(body.purposes.size()));
    for (unsigned i = 0; i < purposes.size(); ++i) purposes.set(i, text_of(body.purposes[i]));
  }
  fill_scopes(to, body.scopes);
  to.setBundleVersion(body.bundle_version);
  to.setLive(body.live);
  to.setBootstrapping(body.bootstrapping);
  to.setSettling(body.settling);
  to.setKeptCommit(body.kept_commit);
  SATCHEL_SET_DATA(to, KeptHash, body.kept_hash);
  to.setHistoryDays(body.history_days);
  to.setHistoryFrom(body.history_from);
}

void fill(form::Frame::Builder to, const Frame& frame) { std::visit(FillFrame{to}, frame); }

std::size_t words_of(const CommitHeader& header) {
  std::size_t sum = 72 + words(header.actor.size()) + words(header.purpose.size()) +
                    words(header.signature.size()) + words(header.receipt.size());
  for (const auto& [name, epoch] : header.based_on.epochs) sum += 3 + words(name.size());
  for (const auto& [number, bytes] : header.extras) sum += 3 + words(bytes.size());
  return sum;
}
std::size_t words_of(const Commit& commit) {
  std::size_t sum = words_of(commit.header) + 8 + words(commit.sealed.size());
  for (const Section& section : commit.sections) {
    sum += 6 + words(section.bytes.size()) + 2 * section.subjects.size();
  }
  return sum;
}
std::size_t words_of(const CommitResult& result) {
  return 24 + words(result.rule.size()) + words(result.receipt.size()) + 3 * result.fields.size();
}
std::size_t words_of(const HelloBody& body) {
  std::size_t sum = 64;
  for (const std::string& purpose : body.purposes) sum += 1 + words(purpose.size());
  for (const ScopeState& scope : body.scopes) sum += 8 + words(scope.name.size());
  return sum;
}
std::size_t words_of(const Frame& frame) {
  std::size_t sum = 128;
  if (const auto* push = std::get_if<Push>(&frame)) {
    for (const Commit& commit : push->commits) sum += words_of(commit);
  } else if (const auto* ack = std::get_if<Ack>(&frame)) {
    sum += words(ack->states.size());
    for (const CommitResult& result : ack->results) sum += words_of(result);
  } else if (const auto* changes = std::get_if<Changes>(&frame)) {
    sum += words(changes->page.size()) + words(changes->authors.size());
  } else if (const auto* hello = std::get_if<Hello>(&frame)) {
    sum += words(hello->body.size());
  } else if (const auto* other = std::get_if<Other>(&frame)) {
    sum += words(other->payload.size());
  }
  return sum;
}

#undef SATCHEL_SET_DATA
#undef SATCHEL_SET_TEXT

}  // namespace satchel::wire
