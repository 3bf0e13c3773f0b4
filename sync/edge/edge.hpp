// The device's replica: the server's last word per register (base), its own pending commits on top,
// and what the server refused.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "crypto/entropy.hpp"
#include "schema/catalog/catalog.hpp"
#include "sync/clock/hybrid_clock.hpp"
#include "sync/clock/ports.hpp"
#include "sync/commit/body.hpp"
#include "sync/commit/builder.hpp"
#include "sync/hub/directory.hpp"
#include "sync/policy/decide.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

// Who this device is. Kept sealed in the store.
struct EdgeIdentity {
  WorkspaceId workspace;
  DeviceId device;
  std::string user;
  Role role = Role::kRep;
  std::vector<std::string> territories;
  Bytes server_box_key;  // X25519 public key: outbox copies are sealed to it.
};

// The commits of one replica id in this device's outbox. Commit n has the place `before` + n:
// places run on when the device takes another id, so that they name a commit on this device.
struct Numbering {
  ReplicaId replica;
  std::uint64_t before = 0;
  CommitNumber next_commit = 1;
  CommitNumber watermark = 0;  // Confirmed by the server: commits up to here were answered.
  // Of a former id: the life of the server in which its commits were settled, and whether they are.
  IncarnationId incarnation;
  bool settled = false;
  [[nodiscard]] std::uint64_t last_place() const { return before + next_commit - 1; }
};

// Where the device stands with the server.
struct EdgeState {
  ReplicaId replica;
  std::uint64_t before = 0;  // As in Numbering, of the id in use.
  CommitNumber next_commit = 1;
  CommitNumber watermark = 0;  // Confirmed by the server: commits up to here were answered.
  CommitNumber results_confirmed = 0;
  IncarnationId incarnation;
  wire::Cursor cursor;
  std::vector<wire::ScopeState> scopes;
  Bytes fence_token;
  Sequence backed_up_through = 0;
  std::int64_t server_time_us = 0;  // Last authenticated server time, and the boot clock then.
  std::int64_t server_time_boot_us = 0;
  std::int64_t high_water_us = 0;
  std::int64_t last_sync_us = 0;
  bool bootstrapped = false;  // A whole pass was seen since the last restart.
  Stamp last_stamp;
  std::vector<Numbering> former;  // Ids that were in use before: at most kFormerIdsMax.
  // Records of base with numbers up to this are of an earlier reading: each stays as it is until
  // the pass that takes the reading's place has told of it, or has ended without. 0: there is none.
  RecordNumber stale_through = 0;
  // Granted by the last Welcome, where that is something else than `scopes`: a pass tells of the
  // difference, and at its end they are the scopes. Empty: there is no such pass.
  std::vector<wire::ScopeState> joining;
  bool lost_scopes = false;  // What is held is dropped with the next pass's first page.
  bool repull = false;       // A record was met that does not open: the next session asks for all.
  std::uint32_t history_days = 0;  // That are kept; 0: all.
  std::int64_t history_from = 0;   // In us: older history is not held. 0: all is, or may come.
};

struct PendingCommit {
  wire::CommitHeader header;
  CommitBody body;
  std::uint64_t place = 0;
};
struct InboxItem {
  std::uint64_t id = 0;  // The commit's place.
  PendingCommit commit;
  // Denied, invalid, or reduced: then `result.fields` names what was taken out.
  wire::CommitResult result;
  std::int64_t at_us = 0;
};

// A commit of this device that it cannot read any more.
struct DamagedCommit {
  enum class State : std::uint8_t {
    kSealedCopy,    // Unsent; the copy sealed to the server is whole and goes in its place.
    kLost,          // Nothing of it can be sent: its number becomes an empty place.
    kAnswered,      // Lost or refused, and the server has answered its number.
    kAcknowledged,  // The server has it: this was kept for a restore of the server.
  };
  std::uint64_t place = 0;
  State state = State::kLost;
  // Which records it wrote, as far as that can be read.
  std::vector<std::pair<CollectionId, RecordId>> records;
};

// A record of base that does not open.
struct UnreadableRecord {
  RecordNumber number = 0;
  CollectionId collection = 0;  // 0 where its name is damaged too.
  RecordId id;
};

// A record that changed in what is shown; for indexes, live queries and the change stream.
struct RecordChange {
  CollectionId collection = 0;
  RecordId id;
  RecordNumber number = 0;
  Sequence seq = 0;   // 0 for a local write.
  bool gone = false;  // No longer held.
  std::vector<FieldId> fields;
};
using ChangeListener = std::function<void(std::span<const RecordChange>)>;

// Some fields of one collection.
struct FieldSelection {
  std::vector<FieldId> fields;                     // Sorted.
  std::array<bool, kPrivacyClassCount> classes{};  // That hold them.
};

class EdgeApply;
class EdgeWrite;
struct KnownState;
struct RecordName;

// Thread-compatible: the SDK serialises calls. Every call that changes something is one durable
// store transaction.
class Edge {
 public:
  struct Parts {
    Store& store;
    Clock& clock;
    crypto::Entropy& entropy;
    // Seals a pending commit to the server's key; gives the sealed copy. May be null (no copy is
    // kept then).
    std::function<Result<Bytes>(ByteView commit)> seal_to_server;
  };

  static Result<std::unique_ptr<Edge>> create(Parts parts, const EdgeIdentity& identity,
                                              std::shared_ptr<const schema::Catalog> catalog);
  // kStoreMissing, kSchemaInvalid, those of the store.
  static Result<std::unique_ptr<Edge>> open(Parts parts);

  [[nodiscard]] const EdgeIdentity& identity() const { return identity_; }
  [[nodiscard]] const EdgeState& state() const { return state_; }
  [[nodiscard]] const schema::Catalog& catalog() const { return *catalog_; }
  [[nodiscard]] std::shared_ptr<const schema::Catalog> catalog_ptr() const { return catalog_; }
  [[nodiscard]] Store& store() { return parts_.store; }
  [[nodiscard]] Clock& clock() { return parts_.clock; }
  [[nodiscard]] crypto::Entropy& entropy() { return parts_.entropy; }
  // A new schema from the server. kSchemaIncompatible.
  Status adopt_schema(std::shared_ptr<const schema::Catalog> catalog);

  // A lower bound of real time, microseconds UTC (privacy.md, Trusted time).
  [[nodiscard]] std::int64_t trusted_now_us();
  void on_change(ChangeListener listener) { listener_ = std::move(listener); }

  // -- Reading: door one. Fields that policy denies for `purpose` are given as withheld --
  // The shown record (base and pending), dead ones too; nothing where none is held.
  Result<std::optional<Record>> shown(const RecordId& id, std::string_view purpose);
  // Every shown record, in no order. `collection` 0 for all. Where one cannot be read, all others
  // are visited, and then kStoreCorrupt names it.
  using VisitRecord = std::function<bool(const Record&)>;
  Status visit(CollectionId collection, std::string_view purpose, const VisitRecord& visit_record);
  // The same; what cannot be read is no error but is added to `unreadable`. With a selection, for
  // indexes, a record comes with the selected fields at least, and may lack every other, life among
  // them. So only what is asked for is opened and read.
  Status visit_readable(CollectionId collection, std::string_view purpose,
                        const FieldSelection* selection, const VisitRecord& visit_record,
                        std::vector<UnreadableRecord>& unreadable);
  // kStoreCorrupt with their names and the way out.
  [[nodiscard]] Error unreadable_error(std::span<const UnreadableRecord> records) const;
  // The same for indexes: base rows as stored plus the ids that pending commits touch.
  [[nodiscard]] std::vector<RecordId> pending_ids() const;

  // The user whose device wrote under this id, empty for the server, as the server told it with
  // what it wrote; nothing where it did not.
  Result<std::optional<std::string>> author_of(const ReplicaId& replica);
  // That of a record made here, unless its author says otherwise; nothing where he has none.
  [[nodiscard]] std::optional<std::string> first_territory() const;

  // -- Writing: door two --
  // One commit; nothing happens before EdgeWrite::commit. kPolicyDenied for an unknown purpose,
  // kLimitExceeded where
  // the outbox is full.
  Result<std::unique_ptr<EdgeWrite>> begin_write(std::string_view purpose);

  // Keeps so many days of history; 0: all. Lets go of older records at once, but for those with
  // work that has no answer yet; what a wider reach brings back comes with the next session, which
  // tells everything anew. Gives how many records went. kLimitExceeded.
  Result<std::size_t> narrow(std::uint32_t days);

  // -- Outbox and inbox --
  Result<std::vector<PendingCommit>> pending();  // In order.
  Result<std::optional<PendingCommit>> find_pending(std::uint64_t place);
  [[nodiscard]] std::size_t pending_count() const;
  // Those that cannot be read: they are in neither pending() nor what is shown. Each stays until it
  // is sent after all, or dropped by heal().
  [[nodiscard]] std::vector<DamagedCommit> damaged() const;
  // What stood at a place of which a row does not open; nothing where all that is needed does.
  Result<std::optional<DamagedCommit>> damage_at(std::uint64_t place);
  // Drops what is lost of the outbox (what was unsent leaves an empty place), what does not open of
  // the inbox, and of base: then the next session asks for everything anew. What is kept of
  // acknowledged commits is put right. Gives what it was.
  struct Healed {
    std::vector<DamagedCommit> lost;
    std::vector<std::pair<CollectionId, RecordId>> records;  // 0 where the name is damaged too.
    // Acknowledged commits, kept for a restore of the server, that were damaged in part: what was
    // is gone, and nothing else with it.
    std::vector<DamagedCommit> mended;
    bool authors = false;  // Names of who wrote what: they come again with the records.
  };
  Result<Healed> heal();
  Result<std::vector<InboxItem>> inbox();
  Result<std::size_t> count_inbox();  // Also of items that cannot be read.
  Result<std::optional<InboxItem>> find_inbox(std::uint64_t id);
  // Writes the refused changes again as a new commit on what is shown now, and takes the item out,
  // both or neither. Gives the commit's place, 0 where nothing was left to write.
  Result<std::uint64_t> retry(std::uint64_t inbox_id);
  Status discard(std::uint64_t inbox_id);

  // -- A device that was copied or restored (sync.md, Restores and clones) --
  // New writes go under a new replica id from now on. What was made under the old one keeps its
  // dots and is settled first, under the old id: unsettled() is to be greeted with before anything
  // else. kEntropy, kLimitExceeded.
  Status reidentify();
  // The server holds other commits under the numbers of those it has not answered (kCommitFork):
  // everything unanswered is numbered anew, in order, under a new id, and what it was shown of the
  // numbers that are another's is forgotten.
  Status renumber();
  [[nodiscard]] Numbering numbering() const;                // Of the id in use.
  [[nodiscard]] std::vector<Numbering> numberings() const;  // Of all ids, the one in use last.
  [[nodiscard]] std::optional<Numbering> unsettled() const;
  [[nodiscard]] std::optional<Numbering> find_numbering(const ReplicaId& replica) const;

  // -- For the session (sync/session) --
  // Commits to push: those of one id above `number`, in order, up to `bytes_target`; acknowledged
  // ones from before a restore included, refused ones as empty places.
  Result<std::vector<wire::Commit>> commits_after(const Numbering& numbering, CommitNumber number,
                                                  std::size_t bytes_target);
  // The last acknowledged commit of `numbering` that is still held; number 0 where none is.
  struct KeptCommit {
    CommitNumber number = 0;
    Bytes content_hash;
  };
  Result<KeptCommit> newest_kept(const Numbering& numbering);
  struct WelcomeEffects {
    bool new_incarnation = false;
    bool restart = false;       // Ask for everything anew.
    bool settle_first = false;  // A former id is to be settled again: nothing else was done.
  };
  Result<WelcomeEffects> welcome(const wire::Welcome& welcome);
  Status apply_ack(const wire::Ack& ack) { return apply_ack(ack, state_.replica); }
  // The same for a former id. An id that is unknown is kFrameUnexpected.
  Status welcome_former(const wire::Welcome& welcome, const ReplicaId& replica);
  Status apply_ack(const wire::Ack& ack, const ReplicaId& replica);
  // What these two take in is durable with the next local commit, or make_durable(): before that a
  // power cut takes it back as if it had not come, and the server gives it again.
  Status apply_changes(const wire::Changes& changes);
  // After a restore of the server: states that were held, that its pages took away, and that it
  // still does not have. At most kMissingStatesMax, until the server says that everybody has been
  // there.
  Result<std::vector<KnownState>> missing_states();
  // Before the server is told how far this replica is.
  Status make_durable() { return parts_.store.sync(); }

 private:
  friend class EdgeWrite;
  friend class EdgeApply;
  friend class EdgeRenumber;
  // A pending commit, decoded, with a way to each record's part.
  struct Decoded {
    PendingCommit commit;
    std::unordered_map<RecordId, std::size_t> places;
    [[nodiscard]] const RecordWrite* find(const RecordId& id) const;
  };

  explicit Edge(Parts parts) : parts_(std::move(parts)) {}
  Status load();
  Status reload();  // After places have changed their meaning.
  [[nodiscard]] bool is_answered(std::uint64_t place) const;
  [[nodiscard]] Dot dot_at(std::uint64_t place) const;  // Of a commit that is not answered.
  // How far the server's answers under `numbering` are taken for its own: no further than its
  // watermark, and for none where it knows another commit under a number of ours. It was put back
  // then, and another copy of this device has written since.
  Result<CommitNumber> answered_through(const Numbering& numbering, const wire::Welcome& welcome);
  Status save_state(WriteTxn& txn, const EdgeState& state) const;
  // What a Welcome says of the life that the server is in.
  Status note_life(WriteTxn& txn, const wire::Welcome& welcome, bool new_incarnation,
                   EdgeState& state);
  Result<std::shared_ptr<const Decoded>> decoded_commit(ReadTxn& txn, std::uint64_t place);
  // What base has of a record: nothing, a state of an earlier reading, or the server's last word.
  enum class InBase : std::uint8_t { kNothing, kStale, kCurrent };
  [[nodiscard]] InBase in_base(RecordNumber number) const;
  // Drops base's history before that time, and saves the state, in one transaction.
  Result<std::size_t> let_go_of_history(std::int64_t from_us, const EdgeState& state);
  Result<std::optional<Record>> load_shown(ReadTxn& txn, const RecordId& id);
  Result<std::optional<Record>> load_base(ReadTxn& txn, const RecordId& id, InBase& base);
  // Puts the pending writes on top of base; gives whether the record is held at all.
  Result<bool> overlay_pending(ReadTxn& txn, Record& record, InBase base);
  using Permitted = std::array<bool, kPrivacyClassCount>;
  [[nodiscard]] Permitted permitted_classes(std::string_view purpose) const;
  static void withhold_denied(Record& record, const Permitted& permitted);
  Result<Record> open_chosen(ReadTxn& txn, const StoredRecord& stored, const RecordName& name,
                             const Permitted& permitted, const FieldSelection* selection);
  class Visit;
  static Result<UnreadableRecord> name_unreadable(ReadTxn& txn, RecordNumber number);
  static Result<UnreadableRecord> name_unreadable(ReadTxn& txn, const RecordId& id);
  void note_pending(std::uint64_t place, const CommitBody& body);
  void forget_pending(std::uint64_t place);
  // Of a commit that does not open: what is known of it, from here on in damaged_.
  Status note_damaged(ReadTxn& txn, std::uint64_t place);
  Status load_lost(ReadTxn& txn);
  Status load_reoffered(ReadTxn& txn);
  // What goes to the server instead: the sealed copy, or an empty place.
  Result<wire::Commit> damaged_to_push(ReadTxn& txn, const Numbering& numbering,
                                       CommitNumber number);
  // What a commit that lies in the outbox must be sent with after a restore.
  Result<wire::Commit> commit_to_push(ReadTxn& txn, const Numbering& numbering,
                                      CommitNumber number);
  // kFenced where the states have seen writes under the id in use that were not made here: another
  // copy's, and they would cover what is written here next.
  [[nodiscard]] Status check_alone(ByteView states) const;
  // Takes one answer into inbox and outbox, and into base where that is of the same life.
  Status settle(WriteTxn& txn, EdgeApply& apply, const wire::CommitResult& result,
                std::uint64_t place, bool may_fold);
  // Gives whether the commit, or something of it, is lost.
  Result<bool> settle_damaged(WriteTxn& txn, const DamagedCommit& damaged,
                              const wire::CommitResult& result);
  Status drop_lost(WriteTxn& txn, Healed& healed);
  Status drop_damaged_base(WriteTxn& txn, Healed& healed);
  Status drop_damaged_inbox(WriteTxn& txn, Healed& healed);
  Status drop_damaged_authors(WriteTxn& txn, Healed& healed);
  static Status damaged_keys(ReadTxn& txn, Table table, ByteView prefix,
                             std::vector<Bytes>& damaged);
  Status mend_answered(WriteTxn& txn, Healed& healed);
  Status mend_outbox(WriteTxn& txn, Healed& healed);
  Status put_lost(WriteTxn& txn, const DamagedCommit& damaged);
  Status drop_backed_up(WriteTxn& txn, EdgeState& state);
  static void note_damage(const EdgeApply& apply, EdgeState& state);
  // The first page of a pass has come.
  static Status begin_pass(WriteTxn& txn, EdgeApply& apply, EdgeState& state);
  void tell(std::span<const RecordChange> changes) const;

  Parts parts_;
  EdgeIdentity identity_;
  EdgeState state_;
  std::shared_ptr<const schema::Catalog> catalog_;
  ChangeListener listener_;
  // Places of commits not yet answered with the records they touch, and per record the commits
  // that touch it.
  std::map<std::uint64_t, std::vector<RecordId>> outbox_;
  std::unordered_map<RecordId, std::vector<std::uint64_t>> overlay_;
  std::unordered_map<std::uint64_t, std::shared_ptr<const Decoded>> decoded_;
  std::map<std::uint64_t, DamagedCommit> damaged_;  // By place; none of them is in outbox_.
  // Places in outbox_ of commits that an earlier life of the server has answered: what became of
  // them is part of the base of that life.
  std::unordered_set<std::uint64_t> reoffered_;
};

// One local commit being made. Thread-bound to its Edge. The builder's checks speak at the call;
// policy too.
class EdgeWrite {
 public:
  EdgeWrite(Edge& edge, std::string purpose, Dot dot, Stamp stamp, std::unique_ptr<WriteTxn> txn);
  // Makes an id and creates the record; owner and territory default to the author's.
  Result<RecordId> create(std::string_view collection);
  Status create(std::string_view collection, const RecordId& id);
  [[nodiscard]] CommitBuilder& builder() { return *builder_; }
  // Durable when it returns: numbers, data and outbox entry in one transaction. Gives the commit's
  // place (its number, as long as the device keeps its id). Nothing written: no commit, 0.
  Result<std::uint64_t> commit();

 private:
  friend class Edge;
  Result<wire::Commit> make_commit(const CommitBody& body);
  Edge& edge_;
  std::string purpose_;
  Dot dot_;
  Stamp stamp_;
  std::unique_ptr<WriteTxn> txn_;
  std::unique_ptr<CommitBuilder> builder_;
};

// A UUIDv7 (RFC 9562) from trusted time and entropy.
Result<RecordId> make_record_id(std::int64_t now_us, crypto::Entropy& entropy);

}  // namespace satchel::sync
