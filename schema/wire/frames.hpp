// The frames of protocol satchel.sync.v1 as plain structs; frames.capnp is their form on the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"

namespace satchel::wire {

inline constexpr std::uint16_t kProtocolVersion = 1;

// A resume point in the server's sequence. Opaque to devices, who give back what they were given.
struct Cursor {
  IncarnationId incarnation;
  Sequence seq = 0;
  // Of commit `seq`, random: one that the server does not know means that it was restored.
  std::uint64_t tag = 0;
  // Not 0: a bootstrap is under way. What the server holds from this record number of its own on
  // has been sent, and what was there at `seq` is sent down from it.
  RecordNumber below = 0;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

struct ScopeState {
  std::string name;  // "all", "owner:ann"
  std::uint64_t epoch = 0;
  Cursor cursor;
  friend bool operator==(const ScopeState&, const ScopeState&) = default;
};

struct BasedOn {
  IncarnationId incarnation;
  Sequence seq = 0;
  std::vector<std::pair<std::string, std::uint64_t>> epochs;  // scope, epoch
  friend bool operator==(const BasedOn&, const BasedOn&) = default;
};

// One class's part of a commit's body (sync/commit/body.hpp).
struct Section {
  PrivacyClass privacy = PrivacyClass::kStructure;
  std::uint32_t generation = 0;
  std::vector<SubjectRef> subjects;
  Bytes bytes;
  friend bool operator==(const Section&, const Section&) = default;
};

// Among a header's extras: random bytes, so that two copies of a device that make the same change
// under the same number make two commits that differ.
inline constexpr std::uint16_t kCommitNonceExtra = 1;

// What a commit was before it was first numbered anew: so that the server knows it again under
// whatever name another copy of the device gives it.
struct CommitOrigin {
  ReplicaId replica;
  std::uint64_t number = 0;
  Bytes content_hash;  // kContentHashBytes: as it was first written.
  friend bool operator==(const CommitOrigin&, const CommitOrigin&) = default;
};
inline constexpr std::size_t kContentHashBytes = 32;

struct CommitHeader {
  ReplicaId replica;
  std::uint64_t number = 0;
  std::uint64_t stamp = 0;  // sync::Stamp::bits; outside the content hash.
  std::string actor;        // Name of the user who wrote.
  std::string purpose;
  std::uint64_t bundle_version = 0;
  Bytes schema_hash;
  BasedOn based_on;
  // 32 bytes over everything but replica, number, stamp, receipt and signature.
  Bytes content_hash;
  Bytes signature;  // Optional; empty today.
  Bytes receipt;    // The server's own mark on an acknowledgement, given back after a restore.
  // Header fields of newer versions, kept as they came.
  std::vector<std::pair<std::uint16_t, Bytes>> extras;
  // Nothing in a commit that was never numbered anew. Set once; a later renumbering keeps it.
  std::optional<CommitOrigin> origin;
  friend bool operator==(const CommitHeader&, const CommitHeader&) = default;
};

struct Commit {
  CommitHeader header;
  // The structure section first. None: an empty place that keeps numbers dense.
  std::vector<Section> sections;
  Bytes sealed;  // Instead of sections: the copy sealed to the server's key.
  friend bool operator==(const Commit&, const Commit&) = default;
};

// -- The frames --

struct Challenge {
  Bytes nonce;  // 32 random bytes.
  std::uint16_t protocol_min = kProtocolVersion;
  std::uint16_t protocol_max = kProtocolVersion;
  friend bool operator==(const Challenge&, const Challenge&) = default;
};

struct HelloBody {
  std::uint16_t protocol = kProtocolVersion;
  Bytes schema_hash;
  WorkspaceId workspace;
  Bytes device;  // 16 bytes: the enrolled device.
  ReplicaId replica;
  std::uint64_t next_commit = 1;
  IncarnationId incarnation;  // Last seen; zero before the first.
  Sequence seq_seen = 0;
  std::uint64_t watermark_confirmed = 0;  // Results up to here are known and need not be kept.
  Bytes fence_token;                      // Empty before the first.
  std::vector<std::string> purposes;
  std::vector<ScopeState> scopes;
  std::uint64_t bundle_version = 0;
  bool live = false;  // Wants changes as they happen after it has caught up.
  // Has not yet seen a whole pass: its own commits are sent back to it too.
  bool bootstrapping = false;
  // `replica` is an id under which this device writes no more: only what was made under it is
  // pushed, without a fence, and no changes are wanted.
  bool settling = false;
  // The last acknowledged commit of `replica` that the device still holds, and its content hash: a
  // server that knows another under that number was put back. 0 and empty: it holds none.
  std::uint64_t kept_commit = 0;
  Bytes kept_hash;
  // The device keeps so many days of history (0: all), and holds what is no older than this (in us;
  // 0: all, or nothing yet).
  std::uint32_t history_days = 0;
  std::int64_t history_from = 0;
  friend bool operator==(const HelloBody&, const HelloBody&) = default;
};
struct Hello {
  Bytes body;       // encode_hello_body: signed as it travels.
  Bytes signature;  // Over the domain text, TLS exporter, challenge and body.
  friend bool operator==(const Hello&, const Hello&) = default;
};

struct Welcome {
  std::uint16_t protocol = kProtocolVersion;
  IncarnationId incarnation;
  std::uint64_t watermark = 0;  // Highest commit of this replica that the server has taken.
  std::vector<ScopeState> scopes;
  std::uint64_t bundle_version = 0;
  Bytes bundle_hash;
  Bytes schema_hash;
  std::int64_t trusted_time_us = 0;
  Bytes fence_token;
  Bytes access_token;  // Short-lived, for the HTTPS calls of this device.
  Sequence backed_up_through = 0;
  bool recovering = false;
  // A commit that the server knows of the replica and its content hash: the one that the device
  // named where it is among them, else the newest. A device that made another under that number is
  // answered for nothing. 0 and empty: none.
  std::uint64_t known_commit = 0;
  Bytes known_hash;
  // In us: history that is older is not sent, and the device lets go of it. 0: all is.
  std::int64_t history_from = 0;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};

struct Push {
  std::vector<Commit> commits;
  friend bool operator==(const Push&, const Push&) = default;
};

enum class Outcome : std::uint8_t {
  kApplied = 0,
  kMerged = 1,
  kReduced = 2,
  kDenied = 3,
  kInvalid = 4
};

struct CommitResult {
  std::uint64_t number = 0;
  Outcome outcome = Outcome::kApplied;
  Sequence seq = 0;       // At which it took effect; 0 for a refused one.
  std::int32_t code = 0;  // Errc number of a refusal.
  std::string rule;       // Policy rule or merge rule that spoke.
  std::vector<std::pair<RecordId, FieldId>> fields;  // Merged or taken out.
  Bytes receipt;
  // The answer is that to another copy of this commit: under this name nothing took effect, and
  // there is nothing to fold.
  bool elsewhere = false;
  friend bool operator==(const CommitResult&, const CommitResult&) = default;
};

struct Ack {
  std::uint64_t watermark = 0;
  std::vector<CommitResult> results;
  Bytes states;  // A page body: touched registers as this device may see them. May be empty.
  Sequence seq = 0;
  Sequence backed_up_through = 0;
  friend bool operator==(const Ack&, const Ack&) = default;
};

struct Changes {
  Bytes page;     // sync/page/page.hpp
  Cursor cursor;  // Where the device stands once it has applied the page.
  // The first page of a bootstrap: what is held and not sent again by `caught_up` is dropped.
  bool restart = false;
  bool caught_up = false;
  Bytes signature;  // Reserved.
  Bytes authors;    // sync/page/authors.hpp: who wrote what the page holds. May be empty.
  friend bool operator==(const Changes&, const Changes&) = default;
};

// The device has applied everything up to here, durably.
struct Progress {
  Cursor cursor;
  std::uint64_t own_commit = 0;  // The commit number it had reached then.
  std::uint64_t results_confirmed = 0;
  friend bool operator==(const Progress&, const Progress&) = default;
};

struct Failure {
  std::int32_t code = 0;  // Errc number.
  std::string context;
  std::uint32_t retry_after_ms = 0;
  friend bool operator==(const Failure&, const Failure&) = default;
};

// A frame kind that is reserved or newer than this version: ignored where the session allows it.
// The payload is empty where the newer version put something else than Data there.
struct Other {
  std::uint16_t kind = 0;
  Bytes payload;
  friend bool operator==(const Other&, const Other&) = default;
};

// Kinds on the wire. 1-63 are of this version, 64-127 reserved by name for what comes later.
enum class Kind : std::uint16_t {
  kChallenge = 1,
  kHello = 2,
  kWelcome = 3,
  kPush = 4,
  kAck = 5,
  kChanges = 6,
  kProgress = 7,
  kFailure = 8,
  kPolicy = 64,
  kConsent = 65,
  kErasure = 66,
  kLease = 67,
  kAuditHead = 68,
  kBlobWant = 69,
  kBlobData = 70,
  kKnownState = 71,
};

using Frame = std::variant<Challenge, Hello, Welcome, Push, Ack, Changes, Progress, Failure, Other>;

// One message: flag byte (0 plain, 1 zstd) and the Cap'n Proto flat array. `compress` only after
// Welcome.
Bytes encode_frame(const Frame& frame, bool compress);
// kFrameTooLarge (limits::kFrameBytesMax, of a compressed one kFrameCompressedBytesMax),
// kFrameMalformed, kLimitExceeded (too many scopes, commits, ...; the context says which).
Result<Frame> decode_frame(ByteView bytes);

Bytes encode_hello_body(const HelloBody& body);
Result<HelloBody> decode_hello_body(ByteView bytes);
// What the device signs.
Bytes hello_signing_bytes(ByteView tls_exporter, ByteView challenge, ByteView body);

// A commit by itself, as outboxes keep it.
Bytes encode_commit_header(const CommitHeader& header);
Result<CommitHeader> decode_commit_header(ByteView bytes);
Bytes encode_commit(const Commit& commit);
Result<Commit> decode_commit(ByteView bytes);
Bytes encode_result(const CommitResult& result);
Result<CommitResult> decode_result(ByteView bytes);

}  // namespace satchel::wire
