// What has been observed of the writes to one register.
#pragma once

#include <compare>
#include <span>

#include <boost/container/small_vector.hpp>

#include "sync/clock/dot.hpp"

namespace satchel::sync {

// Per replica, up to which commit its writes to one register have been observed. Commit numbers are
// shared by all registers, so they skip; {a:3} says that every write of a to this register up to
// commit 3 was seen. Value type; thread-compatible. Invariants: sorted by replica, no replica
// twice, no zero numbers.
class Context {
 public:
  using Entries = boost::container::small_vector<Dot, 2>;

  Context() = default;
  explicit Context(const Dot& dot) { entries_.push_back(dot); }

  // 0 if nothing of it was observed.
  [[nodiscard]] CommitNumber observed(const ReplicaId& replica) const;
  [[nodiscard]] bool covers(const Dot& dot) const { return dot.commit <= observed(dot.replica); }
  void observe(const Dot& dot);
  void join_with(const Context& other);
  // Lowers what is said about `replica` to at most `commit` (0 removes it).
  void cap(const ReplicaId& replica, CommitNumber commit);
  // Takes `replica` out, as if nothing of it had been observed.
  void forget(const ReplicaId& replica) { cap(replica, 0); }
  void clear() { entries_.clear(); }

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] const Entries& entries() const { return entries_; }

  // Happened-before: less, equivalent, greater, or unordered when concurrent.
  friend std::partial_ordering operator<=>(const Context& a, const Context& b);
  friend bool operator==(const Context& a, const Context& b) { return a.entries_ == b.entries_; }
  friend Context join(const Context& a, const Context& b);  // Pointwise maximum.

 private:
  Entries entries_;
};

}  // namespace satchel::sync
