// One commit on its way into the hub: judged, reduced where rules ask for it, joined, given its
// place.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sync/hub/rows.hpp"

namespace satchel::sync {

// Lives for one commit. Thread-bound.
//
//   check -> load -> judge -> (reduce) -> join -> lay out -> store
class Ingestion {
 public:
  using TakenOut = std::set<std::pair<RecordId, FieldId>>;
  struct Author {
    ReplicaId replica;
    std::string user;
    Role role = Role::kRep;
    bool is_server = false;
    // The commit bears our own receipt from before a restore: what was taken out then is taken out
    // now, and
    // nothing else is judged again.
    std::optional<TakenOut> judged_before;
    // Only the sealed copy came: he cannot read what he wrote, and is told all of it.
    bool sealed = false;
    // Of what he was shown, something was taken under another name than he knows it by.
    bool renamed = false;
  };
  Ingestion(HubTxn& txn, Author author, const wire::CommitHeader& header);

  // Takes the body in, or says in the result why not; an Error is the store's and ends the group.
  Result<wire::CommitResult> take(CommitBody body);
  // Whether every register became just what the author wrote, so that he need not be told.
  [[nodiscard]] bool exact() const { return exact_; }

 private:
  struct Target {
    const schema::CollectionDef* collection = nullptr;
    bool exists = false;
    bool in_scope = false;
    RecordNumber number = 0;
    StoredRecord stored;
    Record record;  // The registers of the classes that the commit touches, and life.
    Record before;  // The same as they were.
    std::vector<Membership> memberships;
  };
  struct Refusal {
    wire::Outcome outcome = wire::Outcome::kInvalid;
    Errc code = Errc::kCommitInvalid;
    std::string rule;
  };

  // Each gives a refusal of the whole commit, or nothing.
  std::optional<Refusal> check(const CommitBody& body) const;
  std::optional<Refusal> check_record(const RecordWrite& write) const;
  Status load(const CommitBody& body);
  // After a load that met damage: an alarm for each record that cannot be read.
  Status note_damage(const CommitBody& body);
  Status load_target(const RecordWrite& write, Target& target);
  // Now; and at the time of which the commit's author knew when he made it.
  Result<bool> in_scope_of_author(const Target& target) const;
  Result<bool> was_in_scope_of_author(const Target& target) const;
  [[nodiscard]] std::string maker_of(const Target& target) const;
  // Whether the commit is the one that makes the record.
  static bool makes(const Target& target, const RecordWrite& record);
  std::optional<Refusal> judge_presence(const CommitBody& body) const;
  // Takes out of `body` the registers that policy or a merge rule does not let this author write.
  Status reduce(CommitBody& body, wire::CommitResult& result) const;
  // `said` is the record as its author wrote it, nothing taken out.
  Result<std::optional<std::string>> reason_to_take_out(const Target& target,
                                                        const RecordWrite& said,
                                                        const RegisterWrite& write) const;
  [[nodiscard]] std::optional<std::string> policy_reason(const Target& target, bool creating,
                                                         const RegisterWrite& write) const;
  [[nodiscard]] std::optional<std::string> rule_reason(const Target& target, bool creating,
                                                       const RegisterWrite& write) const;
  // By what the stage of the record, or of the one it belongs to, forbids (sync/commit/gate.hpp).
  Result<std::optional<std::string>> stage_reason(const Target& target, const RecordWrite& said,
                                                  const RegisterWrite& write) const;
  static void take_out(CommitBody& body, const TakenOut& fields, wire::CommitResult& result);
  Result<std::optional<RecordId>> reference_after(const CommitBody& body,
                                                  const schema::CollectionDef& collection,
                                                  const schema::FieldDef& field,
                                                  const RecordId& id) const;
  Result<std::optional<Refusal>> judge_cycles(const CommitBody& body);
  std::optional<Refusal> judge_increment(const Target& target, const RegisterWrite& write) const;
  std::optional<Refusal> join_all(const CommitBody& body, wire::CommitResult& result);
  // Gives each target its stored form.
  std::optional<Refusal> lay_out(const CommitBody& body);
  void lay_out_target(const RecordWrite& write, Target& target);
  Status store(const CommitBody& body, wire::CommitResult& result);
  Status place(const CommitBody& body, std::vector<RecordNumber>& told);
  Status update_scopes(Scoping& scoping, const RecordWrite& write, Target& target);
  Status update_agenda(const RecordWrite& write, const Target& target);

  HubTxn& txn_;
  Author author_;
  const wire::CommitHeader& header_;
  Dot dot_;
  Stamp stamp_;
  bool exact_ = true;
  Sequence seq_ = 0;
  std::vector<Target> targets_;
};

}  // namespace satchel::sync
