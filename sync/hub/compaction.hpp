// What the server need not keep any more: deleted records that everybody has seen deleted, losers
// of concurrent writes that nobody came back to, the places of replicas that are silent for too
// long (sync.md, Life and death).
#pragma once

#include <span>
#include <vector>

#include "sync/hub/hub.hpp"

namespace satchel::sync {

struct CompactionRule {
  // A replica that is silent for longer is expired: nobody waits for it, and it bootstraps.
  std::int64_t replica_expiry_us = 90LL * 86'400 * 1'000'000;
  // What lost to a concurrent write stays for so long.
  std::int64_t loser_retention_us = 90LL * 86'400 * 1'000'000;
};

// Looks for what may go, and lets it go. Thread-compatible; each call is short but plan(), which
// reads every record in one snapshot.
class Compaction {
 public:
  struct Plan {
    // Every replica that is not expired has seen the sequence up to here, and has nothing older
    // that is still to come.
    Sequence stable = 0;
    std::vector<RecordNumber> dead;     // Deleted, and stable.
    std::vector<RecordNumber> settled;  // With losers that are old enough, and stable.
    std::vector<ReplicaId> expired;     // That are still waited for, or have answers kept.
    std::uint64_t losers = 0;           // Of `settled` together.
    std::uint64_t unreadable = 0;       // Passed over.
    [[nodiscard]] bool empty() const { return dead.empty() && settled.empty() && expired.empty(); }
  };

  Compaction(Hub& hub, CompactionRule rule) : hub_(hub), rule_(rule) {}

  Result<Plan> plan();
  // One part of a plan in one transaction, each looked at again: at most kAtOnce. What has changed
  // since is left alone.
  static constexpr std::size_t kAtOnce = 256;
  Status drop_dead(HubTxn& txn, std::span<const RecordNumber> numbers, Sequence stable) const;
  Status settle(HubTxn& txn, std::span<const RecordNumber> numbers, Sequence stable) const;
  // True: of some of them there is more.
  Result<bool> expire(HubTxn& txn, std::span<const ReplicaId> replicas) const;

 private:
  Result<Sequence> stable_through() const;
  [[nodiscard]] bool is_expired(const ReplicaState& replica) const;
  [[nodiscard]] bool is_droppable(const Record& record, Sequence stable) const;
  // Puts a record where it belongs in the plan; `record` is used up.
  void note(Plan& plan, RecordNumber number, Record& record) const;
  // Lets go of the losers that are old enough, at sequence `seq`; gives how many there were.
  std::size_t settle_record(Record& record, Sequence stable, Sequence seq) const;

  Hub& hub_;
  const CompactionRule rule_;
};

}  // namespace satchel::sync
