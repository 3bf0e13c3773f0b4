// One commit on its way into the hub: judged, reduced where rules ask for it, joined, given its place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/hub/rows.hpp"

namespace satchel::sync {

// Lives for one commit. Thread-bound.
//
//   check -> load -> judge -> (reduce) -> join -> store
class Ingestion {
 public:
  struct Author {
    ReplicaId replica;
    std::string user;
    Role role = Role::kRep;
    bool is_server = false;
    bool judged_before = false;  // Carries our own receipt from before a restore: not judged again.
  };
  Ingestion(HubTxn& txn, Author author, const wire::CommitHeader& header);

  // Takes the body in, or says in the result why not; an Error is the store's and ends the group.
  Result<wire::CommitResult> take(CommitBody body);

 private:
  struct Target {
    const schema::CollectionDef* collection = nullptr;
    bool exists = false;
    bool in_scope = false;
    RecordNumber number = 0;
    StoredRecord stored;
    Record record;   // The registers of the classes that the commit touches, and life.
    Record before;   // The same as they were.
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
  Status load_target(const RecordWrite& write, Target& target);
  std::optional<Refusal> judge_presence(const CommitBody& body) const;
  // Takes out of `body` the registers that policy or a merge rule does not let this author write.
  void reduce(CommitBody& body, wire::CommitResult& result) const;
  std::optional<std::string> reason_to_take_out(const Target& target, const RecordWrite& record,
                                                const RegisterWrite& write) const;
  Result<std::optional<Refusal>> judge_cycles(const CommitBody& body);
  std::optional<Refusal> join_all(const CommitBody& body, wire::CommitResult& result);
  Status store(const CommitBody& body, wire::CommitResult& result);
  Status store_target(const RecordWrite& write, Target& target);
  Status update_scopes(const RecordWrite& write, Target& target);

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
