// Cap'n Proto readers into plain structs: every part is visited once, every list is bounded before
// it is copied.
#include "schema/model/varint.hpp"
#include "schema/wire/flat_message.hpp"
#include "schema/wire/form.hpp"

namespace satchel::wire {
namespace {

constexpr std::size_t kOriginBytes = 16 + 8 + kContentHashBytes;

template <class Id>
Id id_of(std::uint64_t high, std::uint64_t low) {
  Id id;
  for (std::size_t i = 8; i-- > 0; high >>= 8) id.octets[i] = static_cast<std::uint8_t>(high);
  for (std::size_t i = 16; i-- > 8; low >>= 8) id.octets[i] = static_cast<std::uint8_t>(low);
  return id;
}

Bytes bytes_of(capnp::Data::Reader data) {
  return Bytes{reinterpret_cast<const char*>(data.begin()), data.size()};
}

std::string text_of(capnp::Text::Reader text) {
  if (text.size() > limits::kFrameTextBytesMax) {
    throw Refused{Error{Errc::kLimitExceeded, "a text in a frame"}};
  }
  return std::string{text.begin(), text.size()};
}

template <class List>
List bounded(List list, std::size_t max, const char* what) {
  if (list.size() > max) throw Refused{Error{Errc::kLimitExceeded, what}};
  return list;
}

Cursor read(form::Cursor::Reader from) {
  return Cursor{
      .incarnation = id_of<IncarnationId>(from.getIncarnationHigh(), from.getIncarnationLow()),
      .seq = from.getSeq(),
      .tag = from.getTag(),
      .below = from.getBelow()};
}

std::vector<ScopeState> read_scopes(capnp::List<form::ScopeState>::Reader from) {
  std::vector<ScopeState> scopes;
  for (const auto scope : bounded(from, limits::kScopesMax, "scopes of a frame")) {
    scopes.push_back({text_of(scope.getName()), scope.getEpoch(), read(scope.getCursor())});
  }
  return scopes;
}

BasedOn read(form::BasedOn::Reader from) {
  BasedOn based_on;
  based_on.incarnation = id_of<IncarnationId>(from.getIncarnationHigh(), from.getIncarnationLow());
  based_on.seq = from.getSeq();
  for (const auto scope : bounded(from.getEpochs(), limits::kScopesMax, "scopes of a commit")) {
    based_on.epochs.emplace_back(text_of(scope.getName()), scope.getEpoch());
  }
  return based_on;
}

Section read(form::Section::Reader from) {
  Section section;
  if (from.getPrivacy() >= kPrivacyClassCount) {
    throw Refused{Error{Errc::kFrameMalformed, "an unknown privacy class"}};
  }
  section.privacy = static_cast<PrivacyClass>(from.getPrivacy());
  section.generation = from.getGeneration();
  for (const auto subject :
       bounded(from.getSubjects(), limits::kSubjectsMax, "subjects of a section")) {
    section.subjects.push_back(id_of<SubjectRef>(subject.getHigh(), subject.getLow()));
  }
  section.bytes = bytes_of(from.getBytes());
  return section;
}

Challenge read(form::Challenge::Reader from) {
  return {bytes_of(from.getNonce()), from.getProtocolMin(), from.getProtocolMax()};
}

Hello read(form::Hello::Reader from) {
  return {bytes_of(from.getBody()), bytes_of(from.getSignature())};
}

Welcome read(form::Welcome::Reader from) {
  Welcome welcome;
  welcome.protocol = from.getProtocol();
  welcome.incarnation = id_of<IncarnationId>(from.getIncarnationHigh(), from.getIncarnationLow());
  welcome.watermark = from.getWatermark();
  welcome.scopes = read_scopes(from.getScopes());
  welcome.bundle_version = from.getBundleVersion();
  welcome.bundle_hash = bytes_of(from.getBundleHash());
  welcome.schema_hash = bytes_of(from.getSchemaHash());
  welcome.trusted_time_us = from.getTrustedTimeUs();
  welcome.fence_token = bytes_of(from.getFenceToken());
  welcome.access_token = bytes_of(from.getAccessToken());
  welcome.backed_up_through = from.getBackedUpThrough();
  welcome.recovering = from.getRecovering();
  welcome.known_commit = from.getKnownCommit();
  welcome.known_hash = bytes_of(from.getKnownHash());
  welcome.history_from = from.getHistoryFrom();
  return welcome;
}

Push read(form::Push::Reader from) {
  Push push;
  const auto commits = bounded(from.getCommits(), limits::kPushCommitsMax, "commits of a push");
  push.commits.reserve(commits.size());
  for (const auto commit : commits) push.commits.push_back(wire::read(commit));
  return push;
}

Ack read(form::Ack::Reader from) {
  Ack ack;
  ack.watermark = from.getWatermark();
  for (const auto result :
       bounded(from.getResults(), limits::kPushCommitsMax, "results of an ack")) {
    ack.results.push_back(wire::read(result));
  }
  ack.states = bytes_of(from.getStates());
  ack.seq = from.getSeq();
  ack.backed_up_through = from.getBackedUpThrough();
  return ack;
}

Changes read(form::Changes::Reader from) {
  return {bytes_of(from.getPage()), read(from.getCursor()),        from.getRestart(),
          from.getCaughtUp(),       bytes_of(from.getSignature()), bytes_of(from.getAuthors())};
}

Progress read(form::Progress::Reader from) {
  return {read(from.getCursor()), from.getOwnCommit(), from.getResultsConfirmed()};
}

Failure read(form::Failure::Reader from) {
  return {from.getCode(), text_of(from.getContext()), from.getRetryAfterMs()};
}

// A newer version may put something else than Data there: then only the kind is known.
Other read_other(std::uint16_t kind, capnp::AnyPointer::Reader body) {
  Other other{kind, {}};
  if (body.isList()) other.payload = bytes_of(body.getAs<capnp::Data>());
  return other;
}

std::optional<CommitOrigin> read_origin(capnp::Data::Reader data) {
  if (data.size() == 0) return std::nullopt;
  const Bytes bytes = bytes_of(bounded(data, kOriginBytes, "bytes of a commit's origin"));
  ByteReader in{bytes};
  CommitOrigin origin;
  const auto replica = ReplicaId::from_bytes(in.take(16));
  origin.number = in.u64_big();
  origin.content_hash = Bytes{in.take(kContentHashBytes)};
  if (!replica || !in.finished() || replica->is_zero() || origin.number == 0) {
    throw Refused{Error{Errc::kFrameMalformed, "a commit's origin"}};
  }
  origin.replica = *replica;
  return origin;
}

}  // namespace

CommitHeader read(form::CommitHeader::Reader from) {
  CommitHeader header;
  header.replica = id_of<ReplicaId>(from.getReplicaHigh(), from.getReplicaLow());
  header.number = from.getNumber();
  header.stamp = from.getStamp();
  header.actor = text_of(from.getActor());
  header.purpose = text_of(from.getPurpose());
  header.bundle_version = from.getBundleVersion();
  header.schema_hash = bytes_of(from.getSchemaHash());
  header.based_on = read(from.getBasedOn());
  header.content_hash = bytes_of(from.getContentHash());
  header.signature = bytes_of(from.getSignature());
  header.receipt = bytes_of(from.getReceipt());
  for (const auto extra :
       bounded(from.getExtras(), limits::kCommitExtrasMax, "extra header fields")) {
    const auto bytes =
        bounded(extra.getBytes(), limits::kCommitExtraBytesMax, "an extra header field");
    header.extras.emplace_back(extra.getNumber(), bytes_of(bytes));
  }
  header.origin = read_origin(from.getOrigin());
  return header;
}

Commit read(form::Commit::Reader from) {
  Commit commit;
  commit.header = read(from.getHeader());
  std::size_t bytes = 0;
  for (const auto section :
       bounded(from.getSections(), limits::kCommitSectionsMax, "sections of a commit")) {
    commit.sections.push_back(read(section));
    bytes += commit.sections.back().bytes.size();
  }
  const auto sealed = from.getSealed();
  if (bytes > limits::kCommitBytesMax) {
    throw Refused{Error{Errc::kLimitExceeded, "bytes of a commit"}};
  }
  commit.sealed = bytes_of(sealed);
  return commit;
}

CommitResult read(form::CommitResult::Reader from) {
  CommitResult result;
  result.number = from.getNumber();
  if (from.getOutcome() > static_cast<std::uint8_t>(Outcome::kInvalid)) {
    throw Refused{Error{Errc::kFrameMalformed, "an unknown outcome"}};
  }
  result.outcome = static_cast<Outcome>(from.getOutcome());
  result.seq = from.getSeq();
  result.code = from.getCode();
  result.rule = text_of(from.getRule());
  for (const auto field :
       bounded(from.getFields(), limits::kCommitWritesMax, "fields of a result")) {
    result.fields.emplace_back(id_of<RecordId>(field.getRecordHigh(), field.getRecordLow()),
                               field.getField());
  }
  result.receipt = bytes_of(from.getReceipt());
  result.elsewhere = from.getElsewhere();
  return result;
}

HelloBody read(form::HelloBody::Reader from) {
  HelloBody body;
  body.protocol = from.getProtocol();
  body.schema_hash = bytes_of(from.getSchemaHash());
  body.workspace = id_of<WorkspaceId>(from.getWorkspaceHigh(), from.getWorkspaceLow());
  body.device = bytes_of(from.getDevice());
  body.replica = id_of<ReplicaId>(from.getReplicaHigh(), from.getReplicaLow());
  body.next_commit = from.getNextCommit();
  body.incarnation = id_of<IncarnationId>(from.getIncarnationHigh(), from.getIncarnationLow());
  body.seq_seen = from.getSeqSeen();
  body.watermark_confirmed = from.getWatermarkConfirmed();
  body.fence_token = bytes_of(from.getFenceToken());
  for (const auto purpose :
       bounded(from.getPurposes(), limits::kPurposesMax, "purposes of a hello")) {
    body.purposes.push_back(text_of(purpose));
  }
  body.scopes = read_scopes(from.getScopes());
  body.bundle_version = from.getBundleVersion();
  body.live = from.getLive();
  body.bootstrapping = from.getBootstrapping();
  body.settling = from.getSettling();
  body.kept_commit = from.getKeptCommit();
  body.kept_hash = bytes_of(from.getKeptHash());
  body.history_days = from.getHistoryDays();
  body.history_from = from.getHistoryFrom();
  return body;
}

Frame read(form::Frame::Reader from) {
  const auto body = from.getBody();
  switch (const std::uint16_t kind = from.getKind(); static_cast<Kind>(kind)) {
    case Kind::kChallenge: return read(body.getAs<form::Challenge>());
    case Kind::kHello: return read(body.getAs<form::Hello>());
    case Kind::kWelcome: return read(body.getAs<form::Welcome>());
    case Kind::kPush: return read(body.getAs<form::Push>());
    case Kind::kAck: return read(body.getAs<form::Ack>());
    case Kind::kChanges: return read(body.getAs<form::Changes>());
    case Kind::kProgress: return read(body.getAs<form::Progress>());
    case Kind::kFailure: return read(body.getAs<form::Failure>());
    default: return read_other(kind, body);
  }
}

}  // namespace satchel::wire
