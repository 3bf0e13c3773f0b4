// One simulated company: a server, a few people with devices, a bad network, and a reference model
// that knows what all
// of them must show.
#pragma once

#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>

#include "tests/sim/catalog.hpp"
#include "tests/sim/device.hpp"
#include "tests/sim/reference_model.hpp"
#include "tests/sim/server.hpp"
#include "tests/sim/workload.hpp"

namespace satchel::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::uint64_t ticks = 150;
  bool verbose = false;
};

// Runs a workload under faults, heals, and checks: safety after every step, liveness and agreement
// at the end.
// Thread-bound. The first broken promise stops it.
class World {
 public:
  World(const WorldOptions& options, const Catalogs& catalogs);

  // False where a promise was broken; failure() says which.
  bool run();
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const Marks& marks() const { return marks_; }

 private:
  // What may be restored, or fall silent for months; one of them in one world.
  enum class Disaster : std::uint8_t { kNone, kServer, kDevice, kSilence };
  struct Snapshot {
    sync::MemoryVersion version;
    std::uint64_t seq = 0;
    std::map<ReplicaId, std::uint64_t> watermarks;
    ReferenceScopes::Grants grants;
  };
  using Origin = std::pair<CommitName, Bytes>;  // First name, and content hash then.
  struct Variant {
    Bytes content_hash;
    ModelCommit commit;
    Origin origin;
  };

  struct Person {
    sync::Role role = sync::Role::kRep;
    std::set<std::string> territories;
    bool active = true;
  };

  using Compose = std::function<void(Pen& pen)>;

  // -- world.cpp: what happens
  void populate();
  void pass_time();
  void tick();
  void act();
  void fault();
  void device_writes(SimDevice& device);
  std::optional<CommitName> device_writes(SimDevice& device, const Compose& compose);
  void device_tends_inbox(SimDevice& device);
  void device_retries(SimDevice& device, const sync::InboxItem& item);
  void crash_server();
  void restore_device(SimDevice& device);
  void clone_device(SimDevice& device);
  void restore_something(SimDevice& device);
  void replay(SimDevice& device);
  void mark_place(SimDevice& device);
  void everybody_is_back();
  void heal();
  SimDevice& any_device() { return *devices_[gen_.below(devices_.size())]; }
  SimServer& server() { return *server_; }

  // -- world_office.cpp: what happens at the office
  Status register_user(SimDevice& device);
  Status put_person(const std::string& name, const Person& person);
  std::set<std::string> some_territories();
  void admin_writes();
  std::optional<CommitName> admin_writes(const Compose& compose);
  Status read_server(const std::function<void(const sync::Record&)>& visit);
  void admin_gives();
  void enrol_again(SimDevice& device);
  void back_up_server();
  void restore_server();
  void trim_log();
  void upgrade();

  // -- world_silence.cpp: months pass
  void long_silence(SimDevice& device);
  void compact();
  [[nodiscard]] bool is_waited_for(const SimDevice& device) const;
  void check_may_go(const RecordId& id);

  // -- world_rot.cpp: a record rots on a disk
  void rot_somewhere();
  void live_beside_rot();
  void act_beside_rot();
  void repair_rot();
  void retry_refused();
  [[nodiscard]] std::set<std::string> named_by_others() const;
  [[nodiscard]] bool names_rotten(const ModelCommit& commit) const;
  // Whether what the device holds of it is as the server last told it.
  [[nodiscard]] bool is_told(const SimDevice& device, const RecordId& id) const;
  void check_named();

  // -- world_cost.cpp: what an exchange costs
  void weigh();
  bool sync_alone(SimDevice& device);
  bool weigh_alone(SimDevice& device);
  void check_told(SimDevice& device, const RecordId& id, FieldId field, std::size_t quiet_bytes);
  std::optional<CommitName> edit_one(SimDevice* author, const RecordId& id,
                                     const schema::FieldDef& field);
  [[nodiscard]] const schema::FieldDef* plain_field(const RecordId& id);
  void weigh_edit(SimDevice* author, const std::vector<std::size_t>& quiet_bytes);

  // -- world_feed.cpp: what the model is told
  CommitName note_commit(SimDevice& device, std::uint64_t place,
                         const std::map<RecordId, sync::Record>& shown);
  void tell_pending(SimDevice& device);
  void become_another(SimDevice& device, bool forked);
  void note_renumbered(const std::vector<sync::PendingCommit>& before,
                       const std::vector<sync::PendingCommit>& after);
  [[nodiscard]] const Variant* find_variant(const sync::PendingCommit& commit) const;
  void note_answers(SimDevice& device, const sync::Numbering& numbering);
  void note_made(const sync::CommitBody& body);
  ModelCommit model_commit(const CommitName& name, const sync::CommitBody& body,
                           const std::map<RecordId, sync::Record>& shown) const;
  void on_durable(const std::vector<Answered>& answered);
  std::pair<Seq, Seq> known_by(const CommitName& name);
  Verdict expected_verdict(const CommitName& name, const Verdict& actual, const std::string& rule);
  void on_answer(const CommitName& name, const Bytes& content_hash,
                 const wire::CommitResult& result);
  void mark_answer(const CommitName& name, const Verdict& actual, const std::string& rule);
  void mark_moves(const ModelCommit& commit, const ReferenceScopes::Moves& moves);
  void on_answer_elsewhere(const Variant& variant, const Verdict& actual);
  void on_heard(SimDevice& device);
  void on_crashed(SimDevice& device, const std::vector<sync::Numbering>& before);
  void on_trouble(SimDevice& device, const Error& error);
  void note_answers(SimDevice& device);

  // -- world_check.cpp: what is promised
  void check_hub_record(const RecordId& id);
  void check_touched();
  void check_device(SimDevice& device);
  // What a device shows of the records that it has in base, with their numbers there.
  struct Look {
    std::map<RecordId, std::pair<RecordNumber, sync::Record>> records;
    std::set<RecordId> pending;
    IncarnationId incarnation;
  };
  [[nodiscard]] static Look look_at(SimDevice& device);
  [[nodiscard]] static bool may_stand(SimDevice& device, const Bytes& message);
  void check_standing(SimDevice& device);
  [[nodiscard]] bool moved_past(const RecordId& id, const RegisterName& where, Seq cursor);
  void check_device_record(SimDevice& device, const sync::Record& record, std::uint64_t cursor);
  void check_dropped(SimDevice& device, const sync::Record& record);
  void check_own_write(SimDevice& device, const sync::CommitBody& body, const CommitName& name);
  void check_acknowledged();
  void check_inbox(SimDevice& device);
  void check_end();
  void check_equal(const std::string& who, const sync::Record& held, const sync::Record& truth);
  void check_readings(const sync::Record& record);
  [[nodiscard]] bool quiet();

  void fail(const std::string& what);
  void log(const std::string& what);
  [[nodiscard]] bool failed() const { return !failure_.empty(); }
  [[nodiscard]] std::string history(const RecordId& id, const RegisterName& where) const;
  [[nodiscard]] std::string place(const RecordId& id, FieldId field) const;

  WorldOptions options_;
  std::shared_ptr<const schema::Catalog> catalog_;
  Gen gen_;
  Marks marks_;
  EventQueue queue_;
  Network network_;
  std::unique_ptr<SimServer> server_;
  std::vector<std::unique_ptr<SimDevice>> devices_;
  Workload workload_;
  std::map<ReplicaId, wire::Cursor> confirmed_;  // By each replica, when it was last answered.
  ReferenceModel model_;
  std::vector<std::pair<CollectionId, RecordId>> made_;  // By whomever.
  std::map<std::string, Person> people_;
  Disaster disaster_ = Disaster::kNone;
  std::map<CommitName, std::vector<Variant>> variants_;
  std::map<Origin, CommitName> judged_as_;  // Under which of its names each was judged.
  std::set<ReplicaId> replicas_;
  std::set<ReplicaId> lost_;                 // Given up: what they had not sent is gone.
  std::set<CommitName> refused_or_reduced_;  // Must lie in their authors' inboxes.
  std::set<CommitName> inbox_done_;          // Discarded or written again by their authors.
  std::map<std::pair<const SimDevice*, ReplicaId>, std::uint64_t> watermark_seen_;
  std::map<CommitName, ConnectionId> answered_on_;  // Its author's connection when it was answered.
  std::map<ReplicaId, std::set<RecordId>> held_;    // By each device, when last looked at.
  std::map<ReplicaId, std::set<RecordId>> gone_;    // From each device, again or for good.
  std::optional<Rot> rotten_;                       // At the server.
  Seq rotten_since_ = 0;
  Seq told_again_ = kNow;       // Where it was told anew, once it could be.
  Look before_;                 // Of who hears a message, before it does.
  std::set<RecordId> touched_;  // By the group that the model is being told of.
  std::vector<Snapshot> snapshots_;
  std::set<std::pair<RecordId, RegisterName>> lost_writes_;  // In this life of the server:
  IncarnationId lost_in_;
  std::uint64_t backed_up_ = 0;
  std::uint64_t tick_ = 0;
  bool healed_ = false;
  bool was_silence_ = false;
  std::string failure_;
};

}  // namespace satchel::sim
