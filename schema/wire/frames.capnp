# The frames of protocol satchel.sync.v1 on the wire; frames.hpp says what each means.
# Field numbers are never reused. A new frame kind takes the next free number of Kind in frames.hpp.
# Ids of 16 bytes travel as two big-endian halves, so that their length cannot be wrong.
@0xde6060f6f3685a1f;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("satchel::wire::form");

struct Frame {
  kind @0 :UInt16;
  body @1 :AnyPointer;  # The struct of that kind; of kinds that have none here, Data.
}

struct Cursor {
  incarnationHigh @0 :UInt64;
  incarnationLow @1 :UInt64;
  seq @2 :UInt64;
  tag @3 :UInt64;
  below @4 :UInt64;  # Not 0: a bootstrap is under way, and this is where it goes on.
}

struct ScopeState {
  name @0 :Text;
  epoch @1 :UInt64;
  cursor @2 :Cursor;
}

struct ScopeEpoch {
  name @0 :Text;
  epoch @1 :UInt64;
}

struct BasedOn {
  incarnationHigh @0 :UInt64;
  incarnationLow @1 :UInt64;
  seq @2 :UInt64;
  epochs @3 :List(ScopeEpoch);
}

struct Subject {
  high @0 :UInt64;
  low @1 :UInt64;
}

struct Section {
  privacy @0 :UInt8;
  generation @1 :UInt32;
  subjects @2 :List(Subject);
  bytes @3 :Data;
}

struct Extra {
  number @0 :UInt16;
  bytes @1 :Data;
}

struct CommitHeader {
  replicaHigh @0 :UInt64;
  replicaLow @1 :UInt64;
  number @2 :UInt64;
  stamp @3 :UInt64;
  actor @4 :Text;
  purpose @5 :Text;
  bundleVersion @6 :UInt64;
  schemaHash @7 :Data;
  basedOn @8 :BasedOn;
  contentHash @9 :Data;
  signature @10 :Data;
  receipt @11 :Data;
  extras @12 :List(Extra);
  # First replica id (16), first number (u64 big-endian), content hash as first written (32).
  origin @13 :Data;
}

struct Commit {
  header @0 :CommitHeader;
  sections @1 :List(Section);
  sealed @2 :Data;
}

struct Challenge {
  nonce @0 :Data;
  protocolMin @1 :UInt16;
  protocolMax @2 :UInt16;
}

struct HelloBody {
  protocol @0 :UInt16;
  schemaHash @1 :Data;
  workspaceHigh @2 :UInt64;
  workspaceLow @3 :UInt64;
  device @4 :Data;
  replicaHigh @5 :UInt64;
  replicaLow @6 :UInt64;
  nextCommit @7 :UInt64;
  incarnationHigh @8 :UInt64;
  incarnationLow @9 :UInt64;
  seqSeen @10 :UInt64;
  watermarkConfirmed @11 :UInt64;
  fenceToken @12 :Data;
  purposes @13 :List(Text);
  scopes @14 :List(ScopeState);
  bundleVersion @15 :UInt64;
  live @16 :Bool;
  bootstrapping @17 :Bool;
  settling @18 :Bool;
  keptCommit @19 :UInt64;
  keptHash @20 :Data;
  historyDays @21 :UInt32;
  historyFrom @22 :Int64;
}

struct Hello {
  body @0 :Data;  # A HelloBody message of its own: signed as it travels.
  signature @1 :Data;
}

struct Welcome {
  protocol @0 :UInt16;
  incarnationHigh @1 :UInt64;
  incarnationLow @2 :UInt64;
  watermark @3 :UInt64;
  scopes @4 :List(ScopeState);
  bundleVersion @5 :UInt64;
  bundleHash @6 :Data;
  schemaHash @7 :Data;
  trustedTimeUs @8 :Int64;
  fenceToken @9 :Data;
  accessToken @10 :Data;
  backedUpThrough @11 :UInt64;
  recovering @12 :Bool;
  knownCommit @13 :UInt64;
  knownHash @14 :Data;
  historyFrom @15 :Int64;
}

struct Push {
  commits @0 :List(Commit);
}

struct FieldName {
  recordHigh @0 :UInt64;
  recordLow @1 :UInt64;
  field @2 :UInt16;
}

struct CommitResult {
  number @0 :UInt64;
  outcome @1 :UInt8;
  seq @2 :UInt64;
  code @3 :Int32;
  rule @4 :Text;
  fields @5 :List(FieldName);
  receipt @6 :Data;
  elsewhere @7 :Bool;
}

struct Ack {
  watermark @0 :UInt64;
  results @1 :List(CommitResult);
  states @2 :Data;
  seq @3 :UInt64;
  backedUpThrough @4 :UInt64;
}

struct Changes {
  page @0 :Data;
  cursor @1 :Cursor;
  restart @2 :Bool;
  caughtUp @3 :Bool;
  signature @4 :Data;
  authors @5 :Data;
}

struct Progress {
  cursor @0 :Cursor;
  ownCommit @1 :UInt64;
  resultsConfirmed @2 :UInt64;
}

struct Failure {
  code @0 :Int32;
  context @1 :Text;
  retryAfterMs @2 :UInt32;
}
