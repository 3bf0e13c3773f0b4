// The server's replica: takes commits, gives them a place in one sequence, and knows what each
// device may hold.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "crypto/entropy.hpp"
#include "schema/catalog/catalog.hpp"
#include "sync/clock/hybrid_clock.hpp"
#include "sync/clock/ports.hpp"
#include "sync/commit/body.hpp"
#include "sync/commit/builder.hpp"
#include "sync/hub/directory.hpp"
#include "sync/hub/ledger.hpp"
#include "sync/hub/scope_index.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

// What every part of the hub may know of the moment; replaced as a whole after each durable group.
struct HubState {
  WorkspaceId workspace;
  IncarnationId incarnation;
  ReplicaId self;  // New after every start, so that the hub's own dots never repeat.
  CommitNumber self_next = 1;
  Sequence seq = 0;
  std::uint64_t tag = 0;  // Of commit `seq`.
  Sequence backed_up_through = 0;
  Sequence log_floor = 0;  // Commits up to here are no longer in the log.
  // Something of a commit up to here is gone (sync/hub/compaction.hpp): a cursor below bootstraps.
  Sequence compaction_floor = 0;
  std::uint64_t scope_epoch = 1;
  // It was restored, or a raw copy was noticed, and not everybody has been here since: see sync.md,
  // Restores and clones.
  bool recovering = false;
  Stamp last_stamp;
  std::uint64_t rescoping = 0;  // Records that wait, with their dependents, to move (scoping.hpp).
  // Rises when a user changes: sessions look again. Of this process alone.
  std::uint64_t directory = 0;
};

// The grants of one user: which scopes, and with which role.
struct Entitlement {
  std::string user;
  Role role = Role::kRep;
  // "all", "owner:ann", "territory:11"; sorted. A manager has "*": every record.
  std::vector<std::string> scopes;
  // Scopes that are granted no more and of which the reader's device may still hold records: it is
  // told to let go of them. Sorted; none of `scopes`.
  std::vector<std::string> former{};
  // Of pages of changes, in us: history that is older is left out. 0: nothing is.
  std::int64_t history_from = 0;
};

// A record of this store that cannot be read. Readers pass it over; once it can be read again, at
// the start after a repair, everybody is told the whole of it.
struct DamagedRecord {
  RecordNumber number = 0;
  CollectionId collection = 0;  // 0: its header is damaged too, and nothing here names it.
  RecordId id;
};
// Rule of the refusal of a commit that would have written to one.
inline constexpr std::string_view kDamagedRule = "damaged-on-server";

// A commit that took effect, as it is remembered for good: the first bytes of its content hash, and
// what was taken out of it: each register's record id (16) and field (u16 LE).
struct KnownCommit {
  Bytes content_hash;
  Sequence seq = 0;
  std::string rule{};  // That took out.
  Bytes taken_out{};
};
inline constexpr std::size_t kKnownHashBytes = 16;

// How far back the commit log reaches. What no device that is expected back still has to read goes;
// a device whose place is gone bootstraps.
struct LogRetention {
  std::uint64_t keep = 65'536;     // Commits that stay though nobody needs them: restored devices.
  std::uint64_t most = 1'048'576;  // Beyond these, devices that are behind are not waited for.
  std::int64_t replica_expiry_us = 90LL * 86'400 * 1'000'000;  // Silent for longer: not waited for.
};

enum class CursorStanding : std::uint8_t {
  kKnown,
  kTrimmed,  // It is of this life, but log or compaction no longer reach back so far.
  kUnknown,  // This store never gave it: it was restored.
};

// Commits of one session, as they came, in order.
struct IngestBatch {
  ReplicaId replica;
  std::string user;
  Role role = Role::kRep;
  std::vector<wire::Commit> commits;
  // Of commits whose first answer was confirmed and dropped: a device that was restored asks again.
  // One that is neither here nor answered is a fork: it had no effect, and is judged anew under
  // another number.
  std::map<CommitNumber, KnownCommit> known{};
  // The same of commits that others of the batch name as their origin.
  std::map<Dot, KnownCommit> known_origins{};
};
struct IngestOutcome {
  std::uint64_t watermark = 0;
  // One per commit of the batch, repeats with their first answer.
  std::vector<wire::CommitResult> results;
  // Records of commits that did not leave just what their author wrote (merged, reduced, refused,
  // stamp lowered, moved out of his scopes), and of repeated ones: their state is told.
  std::vector<RecordId> touched;
  std::optional<Error> stopped;  // kCommitGap, kCommitFork: what came before it holds.
};

class HubTxn;
class Scoping;
struct AnswerRow;

// Thread-safe but for begin(): one HubTxn at a time (the server's writer thread).
class Hub {
 public:
  struct Parts {
    Store& store;
    Clock& clock;
    crypto::Entropy& entropy;
    // Opens copies sealed to the server's key (kCommitInvalid where it does not authenticate); may
    // be null.
    std::function<Result<Bytes>(ByteView sealed)> unseal;
    // Keyed mark of an acknowledgement (receipt), and its check.
    Bytes receipt_key;
    // Told once of each record that is found damaged, on the thread of the transaction. May be
    // null.
    std::function<void(const DamagedRecord&)> on_damaged{};
    // Told of revocations before they are committed. May be null.
    Ledger* ledger = nullptr;
  };

  // A new workspace in an empty store; `catalog` becomes its first schema.
  static Result<std::unique_ptr<Hub>> create(Parts parts, const WorkspaceId& workspace,
                                             std::shared_ptr<const schema::Catalog> catalog);
  // Errors: kStoreMissing where create never ran, kSchemaInvalid, those of the store.
  static Result<std::unique_ptr<Hub>> open(Parts parts);
  // What the store says of itself, without a hub: of a store that is only looked at, too.
  static Result<HubState> read_state(Store& store);

  [[nodiscard]] HubState state() const;
  [[nodiscard]] std::shared_ptr<const schema::Catalog> catalog() const;
  [[nodiscard]] Store& store() { return parts_.store; }
  [[nodiscard]] Clock& clock() { return parts_.clock; }
  [[nodiscard]] crypto::Entropy& entropy() { return parts_.entropy; }

  // The writer's transaction: any number of ingests and admin calls, one durable commit (group
  // commit).
  Result<std::unique_ptr<HubTxn>> begin();

  // -- Reading; each call is one snapshot --
  Result<std::optional<User>> find_user(const std::string& name);
  Result<std::vector<User>> users();
  Result<std::optional<Device>> find_device(const DeviceId& id);
  Result<std::vector<Device>> devices();
  Result<std::optional<ReplicaState>> find_replica(const ReplicaId& id);
  // Content hash of a commit that was answered; empty where no first answer is kept. The log alone
  // remembers its first bytes.
  Result<Bytes> hash_of(const Dot& commit);
  Result<std::vector<std::pair<ReplicaId, ReplicaState>>> replicas();
  // Whose device writes under it; empty for the hub's own ids.
  Result<std::string> author_of(const ReplicaId& replica);
  // Commits of `replica` below `end` that took effect, with the first kKnownHashBytes of their
  // hashes. Reads the whole commit log.
  Result<std::map<CommitNumber, KnownCommit>> known_commits(const ReplicaId& replica,
                                                            CommitNumber end);
  Result<Bytes> schema_nodes(ByteView hash);  // kSchemaUnknown

  // -- The ledger (sync/hub/ledger.hpp) --
  // Ledger::place() when the store last heard of its ledger; empty where it never had one.
  static Result<Bytes> read_ledger_place(Store& store);
  // Brings the store up to what a ledger says, durably; gives how many entries were news to it.
  // Those of kinds that are reserved are passed over.
  Result<std::size_t> replay(std::span<const LedgerEntry> entries);
  // What this store alone could tell a ledger that begins anew.
  Result<std::vector<LedgerEntry>> ledger_of_store();
  Entitlement entitlement_of(const User& user) const;
  // The same under a schema of which this is the catalog.
  static Entitlement entitlement_of(const User& user, const schema::Catalog& catalog);

  // Records found damaged since the store was made, until they can be read again.
  [[nodiscard]] std::vector<DamagedRecord> damaged() const;
  // The same of one record, now; nothing where all of it can be read.
  Result<std::optional<DamagedRecord>> look_at(RecordNumber number);
  // "accounts 01900000-...", or what there is to say of one whose name is damaged too.
  [[nodiscard]] std::string name_of(const DamagedRecord& damaged) const;

  // The whole record (admin's view), nothing where there is none. Dead ones are given too.
  Result<std::optional<Record>> find_record(const RecordId& id);
  // Every record in order of collection name and id; `entitlement` null for the admin's view of
  // all.
  Status visit_records(const Entitlement* entitlement,
                       const std::function<bool(const Record&)>& visit);
  // Whether commit `seq` of this life had this tag: how a cursor is recognised. seq 0 is always
  // known.
  Result<CursorStanding> standing(const wire::Cursor& cursor);
  // Up to which commit the log may be trimmed now (HubTxn::trim_log); 0: not at all.
  Result<Sequence> trimmable(const LogRetention& retention);
  // This store is in that life of it, or has been. One that it does not know began after the copy
  // was made that this store is.
  Result<bool> knows_life(const IncarnationId& incarnation);

  // Fence tokens: number (u64 big-endian), 8 random bytes, and 8 bytes of a MAC over both and the
  // replica. Numbers rise by one, so that a token this store cannot have issued yet shows that it
  // was restored. kEntropy.
  Result<Bytes> next_fence(const ReplicaId& replica, ByteView last_issued);
  // 0: not one of ours.
  [[nodiscard]] std::uint64_t fence_number(const ReplicaId& replica, ByteView token) const;

  // One page of changes after `from` for an entitlement: body bytes (sync/page/page.hpp) and the
  // new cursor.
  struct PageRequest {
    const Entitlement& entitlement;
    std::string purpose;
    wire::Cursor from;
    // Whose own exact commits need not be sent back, and up to which of them he has our answer (or
    // will have it before this page). What is not answered is told here, see Edge::settle.
    ReplicaId reader;
    CommitNumber reader_answered = 0;
    std::size_t bytes_target = 1024 * 1024;
    // Of a pass (from.below is not 0): the scopes that are new to a reader who keeps what he holds.
    // Nothing: he holds none, and is told of all that is granted.
    std::optional<std::vector<std::string>> joined{};
  };
  struct Page {
    Bytes body;
    wire::Cursor cursor;
    bool caught_up = false;
    std::size_t records = 0;
    // Passed over, and not noted yet: to be noted durably before the page is sent, or a repair
    // would not reach who holds its cursor (HubTxn::note_damaged).
    std::vector<DamagedRecord> damaged;
  };
  // kConnectionCut where the log was trimmed past `from` meanwhile.
  Result<Page> changes_after(const PageRequest& request);
  // Where a pass begins that tells a reader, who keeps his place in the sequence, of scopes that
  // were granted or taken away since: first what he has to let go of, then what is new.
  static wire::Cursor pass_from(wire::Cursor place);
  // The first page of a bootstrap, which may be empty: the priority slice. Its cursor goes on,
  // with changes_after, from the newest record to the oldest, and then with the sequence from where
  // it stood now. A commit is atomic to its reader again once that is caught up.
  Result<Page> begin_bootstrap(const PageRequest& request);
  // The user's work of today and what it refers to, whole: at most one page. Empty: there is none.
  Result<Bytes> priority_slice(const PageRequest& request);
  // The same records' whole state for an Ack.
  Result<Bytes> states_of(std::span<const RecordId> ids, const Entitlement& entitlement,
                          const std::string& purpose);

 private:
  friend class HubTxn;
  friend class Ingestion;
  friend class Compaction;
  friend class MissingStates;
  friend class Scoping;
  explicit Hub(Parts parts) : parts_(std::move(parts)) {}
  Result<Page> bootstrap_page(const PageRequest& request);
  Result<std::vector<RecordNumber>> pass_records(ReadTxn& txn,
                                                 const std::vector<std::string>& scopes,
                                                 RecordNumber below);
  [[nodiscard]] bool is_noted(RecordNumber number) const;
  // Those that are not noted yet.
  Status name_damaged(ReadTxn& txn, std::span<const RecordNumber> numbers,
                      std::vector<DamagedRecord>& named);
  // At the start: what was noted, and what of it can be read again.
  Status settle_damaged();
  // And: what a store without the index, or with that of another schema, lacks.
  Status settle_scopes();
  Parts parts_;
  mutable std::mutex mutex_;
  std::map<RecordNumber, DamagedRecord> damaged_;  // Under mutex_.
  HubState state_;
  std::shared_ptr<const schema::Catalog> catalog_;
};

// One group commit. Thread-bound. After a store error nothing of the group is there.
class HubTxn {
 public:
  HubTxn(Hub& hub, std::unique_ptr<WriteTxn> txn);

  // Takes commits in order, stops at a gap or fork. A refusal moves the watermark: nothing blocks
  // the queue.
  Result<IngestOutcome> ingest(const IngestBatch& batch);
  // A commit of the hub's own (admin, import) under its current replica id. kPolicyDenied etc. as
  // an Error.
  Result<wire::CommitResult> write(CommitBody body, const std::string& actor,
                                   const std::string& purpose);
  // The builder for such a commit, reading through this transaction.
  CommitBuilder builder();
  Result<std::optional<Record>> find_record(const RecordId& id);
  // Which of them this store has ever heard of, by their places.
  Result<std::vector<bool>> are_known(std::span<const RecordId> ids);

  // kLimitExceeded: more territories than kTerritoriesMax.
  Status put_user(const User& user);
  Status put_device(const Device& device);
  Result<std::optional<User>> find_user(const std::string& name);
  Result<std::optional<Device>> find_device(const DeviceId& id);
  Status put_code(const EnrolmentCode& code);
  // Marks a code used and gives it back. kEnrolmentInvalid, kEnrolmentExpired, kEnrolmentUsed.
  Result<EnrolmentCode> redeem(ByteView secret_hash, std::int64_t now_us);
  Result<ReplicaState> replica_state(const ReplicaId& id);
  Status put_replica_state(const ReplicaId& id, const ReplicaState& state);
  // Drops the first answers to commits up to `confirmed`, as many as one hello may cost; `state`
  // then says from which on they are kept.
  Status trim_results(const ReplicaId& id, CommitNumber confirmed, ReplicaState& state);
  Status put_schema(std::shared_ptr<const schema::Catalog> catalog);  // kSchemaIncompatible
  // A restore was noticed (or made): a new name for the store's life; every device replaces its
  // base.
  Status begin_incarnation();
  Status note_life(const IncarnationId& incarnation);  // Knows it from now on (Hub::knows_life).
  Status end_recovery();  // Everybody who is expected back has been here.
  Status set_backed_up_through(Sequence seq);
  Status put_ledger_place();  // As the ledger is now (Hub::ledger_place).
  // Remembers them, and raises the alarm once that is durable.
  Status note_damaged(std::span<const DamagedRecord> damaged);
  // Each can be read again: everybody who may hold it gets the whole of it, at a new seq.
  Status tell_again(std::span<const RecordNumber> repaired);
  // Drops commits up to `through` from the log, as many as one transaction may cost, and remembers
  // of devices' commits what a repeated one is recognised by. True: there are more.
  Result<bool> trim_log(Sequence through);

  [[nodiscard]] const HubState& state() const { return state_; }
  // Moves one of the records that wait (HubState::rescoping) and all that depends on it, in one
  // step of the sequence: no device ever sees half of it.
  Status rescope_next();
  // Durable when it returns; then the hub's state and catalog are the new ones.
  Status commit();

 private:
  friend class Hub;
  friend class Ingestion;
  friend class Compaction;
  friend class MissingStates;
  friend class Scoping;
  Result<wire::CommitResult> judge(const IngestBatch& batch, const DeviceId& device,
                                   const wire::Commit& commit, bool& exact);
  void note_touched(const wire::Commit& commit, std::vector<RecordId>& touched) const;
  // As it was given, or as the commit log lets it be given again (`known`, may be null); nothing
  // where neither knows.
  Result<std::optional<AnswerRow>> first_answer(const Dot& dot, const KnownCommit* known);
  // -- Commits that were numbered anew (origins.cpp). `device` is whose commits they all are --
  struct Elsewhere {
    Dot dot;
    wire::CommitResult result;
  };
  // Under which other name this commit was judged before, and how; nothing: it is new.
  Result<std::optional<Elsewhere>> taken_elsewhere(const IngestBatch& batch, const DeviceId& device,
                                                   const wire::CommitHeader& header);
  // Remembers for good how a commit with an origin was judged.
  Status note_origin(const DeviceId& device, const wire::CommitHeader& header,
                     const wire::CommitResult& result);
  // Nothing takes effect under `alias`: what it names was taken as `taken`.
  Status note_alias(const DeviceId& device, const Dot& alias, const Dot& taken);
  // Whoever was shown an alias was shown what was taken instead. False: `body` is as it was.
  Result<bool> add_taken_to_shown(const DeviceId& device, CommitBody& body) const;
  [[nodiscard]] Stamp next_stamp() const;
  // A row of the log that no write stands behind: the records are told of at a new seq.
  Status put_telling_row(std::vector<RecordNumber> records, bool repaired);
  // What the user may hold now, and was granted before. One look-up a group.
  struct Author {
    User user;
    Entitlement now;
  };
  Result<const Author*> author(const std::string& name, Role role);
  // Scopes and references anew for every record, after a change of what the schema says of them.
  Status rescope_everything();

  // Entries that the ledger has to hold before this is committed.
  Status tell_ledger();

  Hub& hub_;
  std::unique_ptr<WriteTxn> txn_;
  HubState state_;
  std::shared_ptr<const schema::Catalog> catalog_;
  bool state_changed_ = false;
  std::vector<DamagedRecord> found_damaged_;
  std::vector<RecordNumber> repaired_;
  std::vector<LedgerEntry> ledger_due_;
  bool replaying_ = false;  // What is written is in the ledger already.
  std::map<std::string, Author> authors_;
  MemberChanges members_;  // Of the scope index, written with the transaction.
};

}  // namespace satchel::sync
