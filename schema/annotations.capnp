# The words that turn a Cap'n Proto struct into a collection of records. Every schema imports this
# file as "/satchel/annotations.capnp"; the binaries carry it, so that `schema apply my.capnp`
# needs no other file.
#
#   using Satchel = import "/satchel/annotations.capnp";
#   struct Van $Satchel.collection("vans") $Satchel.scopes(["owner"]) {
#     plate   @0 :Text  $Satchel.merge(lww)     $Satchel.privacy(company) $Satchel.index;
#     mileage @1 :Int64 $Satchel.merge(counter) $Satchel.privacy(company);
#   }
#
# Ids and ordinals in this file are part of every compiled schema: they are never renumbered.
@0x9d0ea2c5dba3a1f7;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("satchel::schema::words");

# How the concurrent values of a field are read.
enum Merge {
  lww @0;        # The latest write is shown.
  multi @1;      # The latest write is shown, and a person is asked about the others.
  once @2;       # The first write that the server takes stands.
  stage @3;      # A state machine: the stage that its $stages prefers, or contested. Text, or a
                 # struct whose first member is the stage and whose third one is the reason.
  deny @4;       # Bool: true as long as one of the concurrent values is true.
  server @5;     # A device's write counts only in the commit that makes the record.
  set @6;        # List: adding an element beats removing it at the same time.
  accessSet @7;  # List: removing an element beats adding it at the same time.
  log @8;        # List: entries are added and never rewritten.
  map @9;        # Map: key by key, by the rule that $values gives.
  counter @10;   # Integer: the total of everybody's increments.
  max @11;       # Integer: the greatest of everybody's values.
  min @12;       # Integer: the least of everybody's values.
  text @13;      # Text that several people write in.
  escrow @14;    # Integer that must not fall below zero, spent from shares.
}

# What kind of data a field is; leases, purposes and redaction go by it.
enum Privacy {
  public @0;
  company @1;
  businessContact @2;
  personal @3;
  behavioural @4;
  financial @5;
  special @6;    # Free text, signatures, health.
  employee @7;
}

enum Life {
  editWins @0;   # A record that was deleted here and edited there at the same time lives.
  deleteWins @1;
}

# The basis on which a field is kept; each has a key of its own per data subject.
enum Retention {
  crm @0;        # Destroyed when the subject is erased.
  legal @1;      # Kept, for legal compliance alone, until its date.
  evidence @2;   # The minimal proof of consent.
}

# What becomes of a reference when the record it names is gone.
enum Gone {
  keep @0;
  clear @1;
  delete @2;     # This record goes with it.
}

enum Writer {
  device @0;
  server @1;
  dpo @2;
}

# Work of one day: what a device gets before anything else when it has much to catch up with.
struct Agenda {
  at @0 :Text;           # The field that says when: a time, $unit("us").
  with @1 :List(Text);   # Reference fields: the records that they name come along.
}

struct Reference {
  to @0 :Text;   # A collection's name.
  gone @1 :Gone;
}

# Which stage may follow which in one write, and which of two concurrent ones stands.
struct StageTable {
  stages @0 :List(Text);          # The first is where a new record starts.
  moves @1 :List(Move);
  beats @2 :List(Precedence);     # A strict partial order; what it leaves open is contested.
  serverOnly @3 :List(Text);      # Stages that a device may not write.
  needsReason @4 :List(Text);     # Stages that ask for the struct's third member.

  struct Move {
    from @0 :Text;
    to @1 :List(Text);
  }
  struct Precedence {
    stage @0 :Text;
    over @1 :List(Text);
  }
}

# A point that a record passes: its stage field stands at `stage`, or at a stage that beats it.
struct Gate {
  field @0 :Text;   # A stage field of the struct, or of the record that a reference of it names:
                    # "status", "order.status". The reference's rule is once or server.
  stage @1 :Text;
}

# What takes a record back from a stage that was reached by somebody who had not seen it.
struct Reopening {
  field @0 :Text;   # A stage field of the same struct.
  stage @1 :Text;   # The stage, and all that beat it, which an unseen entry takes back ...
  to @2 :Text;      # ... to this one, which a move leads to.
}

# Of collections: the collection's name, such as "vans"; what wins when a record is deleted and
# edited at the same time (editWins unless said); who may hold it ("all", "owner", or up to three
# references and a field: "account.territory"); whose data it is ("self", or reference fields); the
# deny field that, where it is true, makes a record its own subject.
annotation collection @0xb6b51d3a8e1c0f01 (struct) :Text;
annotation life       @0xb6b51d3a8e1c0f02 (struct) :Life;
annotation scopes     @0xb6b51d3a8e1c0f03 (struct) :List(Text);
annotation subject    @0xb6b51d3a8e1c0f04 (struct) :List(Text);
annotation subjectIf  @0xb6b51d3a8e1c0f05 (struct) :Text;

# Of collections: a record whose time is today is among the first that its owner's devices get.
annotation agenda     @0xb6b51d3a8e1c0f0a (struct) :Agenda;

# Of collections whose records become history: the field with their time (Int64, $unit("us")), or a
# reference that a scope passes through: the record is as old as the one that it names. A device
# that keeps so many days of history holds no older ones. What shows no time is never history.
annotation history    @0xb6b51d3a8e1c0f0b (struct) :Text;

# Of fields. merge has no default. values is the rule of each entry of a map. privacy is
# businessContact in a collection with a subject and company in others, unless said. retention is
# crm unless said, on the field or for all fields on the struct. writers says who may write the
# field, and of a deny field who may clear it. The unit "us" is microseconds UTC, which are read
# from ISO 8601 too. frozenFrom: from this point on no device writes the field; the office may.
# retentionFrom (on the struct for all fields that do not say their own $retention): up to this
# point the basis is crm. reopens: of a log, whose entries say that there is more to do.
annotation merge      @0xb6b51d3a8e1c0f10 (field) :Merge;
annotation values     @0xb6b51d3a8e1c0f11 (field) :Merge;
annotation stages     @0xb6b51d3a8e1c0f12 (field) :StageTable;
annotation privacy    @0xb6b51d3a8e1c0f13 (field) :Privacy;
annotation retention  @0xb6b51d3a8e1c0f14 (struct, field) :Retention;
annotation ref        @0xb6b51d3a8e1c0f15 (field) :Reference;
annotation writers    @0xb6b51d3a8e1c0f16 (field) :List(Writer);
annotation index      @0xb6b51d3a8e1c0f17 (field) :Void;
annotation search     @0xb6b51d3a8e1c0f18 (field) :Void;
annotation required   @0xb6b51d3a8e1c0f19 (field) :Void;
annotation unit       @0xb6b51d3a8e1c0f1a (field) :Text;
annotation frozenFrom @0xb6b51d3a8e1c0f1b (field) :Gate;
annotation retentionFrom @0xb6b51d3a8e1c0f1c (struct, field) :Gate;
annotation reopens    @0xb6b51d3a8e1c0f1d (field) :Reopening;

# Entries under names. Only as the type of a field whose rule is map.
struct Map @0xc1d0a8f5e7b20a01 (Key, Value) {
  entries @0 :List(Entry);
  struct Entry {
    key @0 :Key;
    value @1 :Value;
  }
}

# Plain numbers and truth values as a map's values: Cap'n Proto takes only pointer types there.
# Each is read and written as what it holds, {"shelf": 5}, and not as a struct.
struct Integer @0xc1d0a8f5e7b20a04 { is @0 :Int64; }
struct Real @0xc1d0a8f5e7b20a05 { is @0 :Float64; }
struct Flag @0xc1d0a8f5e7b20a06 { is @0 :Bool; }

# ---- Types that several collections share. Each is one value: its members never merge apart.

struct Money {
  minor @0 :Int64;      # Cents, pence, ...
  currency @1 :Text;    # ISO 4217
}
struct Address {
  street @0 :Text;
  city @1 :Text;
  region @2 :Text;
  postalCode @3 :Text;
  country @4 :Text;
}
struct PersonName {
  given @0 :Text;
  middle @1 :Text;
  family @2 :Text;
  salutation @3 :Text;
  suffix @4 :Text;
}
struct Position {
  lat @0 :Float64;
  lon @1 :Float64;
  accuracyM @2 :Float64;
  source @3 :Text;
}
# Bytes that travel apart from the record.
struct Attachment @0xc1d0a8f5e7b20a02 {
  hash @0 :Data;
  size @1 :Int64;
  mediaType @2 :Text;
  class @3 :Text;       # A privacy class.
}

# ---- What every record has besides its collection's own fields. A collection's field of the same
# name stands in its place. modifiedAt and modifiedBy are derived from the registers and are not
# stored.

struct RecordCommon @0xc1d0a8f5e7b20a03 {
  createdAt   @0 :Int64           $merge(once) $privacy(employee) $unit("us") $index;
  createdBy   @1 :Text            $merge(once) $privacy(employee);
  createdOn   @2 :Text            $merge(once) $privacy(employee);
  owner       @3 :Text            $merge(server) $privacy(employee) $index;
  externalIds @4 :Map(Text, Text) $merge(map) $values(multi);
  tags        @5 :List(Text)      $merge(set) $privacy(company);
  legalHold   @6 :Bool            $merge(deny) $writers([server, dpo]);
  restricted  @7 :Bool            $merge(deny) $writers([server, dpo]);
  retainUntil @8 :Int64           $merge(min) $unit("us");
}
