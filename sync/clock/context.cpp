#include "sync/clock/context.hpp"

#include <algorithm>

namespace satchel::sync {
namespace {

template <class EntriesT>
auto lower_bound_of(EntriesT& entries, const ReplicaId& replica) {
  return std::lower_bound(entries.begin(), entries.end(), replica,
                          [](const Dot& dot, const ReplicaId& id) { return dot.replica < id; });
}

}  // namespace

CommitNumber Context::observed(const ReplicaId& replica) const {
  const auto at = lower_bound_of(entries_, replica);
  return at != entries_.end() && at->replica == replica ? at->commit : 0;
}

void Context::observe(const Dot& dot) {
  if (dot.commit == 0) return;
  const auto at = lower_bound_of(entries_, dot.replica);
  if (at != entries_.end() && at->replica == dot.replica) {
    at->commit = std::max(at->commit, dot.commit);
  } else {
    entries_.insert(at, dot);
  }
}

void Context::join_with(const Context& other) {
  for (const Dot& dot : other.entries_) observe(dot);
}

void Context::cap(const ReplicaId& replica, CommitNumber commit) {
  const auto at = lower_bound_of(entries_, replica);
  if (at == entries_.end() || at->replica != replica || at->commit <= commit) return;
  if (commit == 0) {
    entries_.erase(at);
  } else {
    at->commit = commit;
  }
}

std::partial_ordering operator<=>(const Context& a, const Context& b) {
  bool a_more = false;
  bool b_more = false;
  for (const Dot& dot : a.entries_) a_more = a_more || dot.commit > b.observed(dot.replica);
  for (const Dot& dot : b.entries_) b_more = b_more || dot.commit > a.observed(dot.replica);
  if (a_more && b_more) return std::partial_ordering::unordered;
  if (a_more) return std::partial_ordering::greater;
  if (b_more) return std::partial_ordering::less;
  return std::partial_ordering::equivalent;
}

Context join(const Context& a, const Context& b) {
  Context joined = a;
  joined.join_with(b);
  return joined;
}

}  // namespace satchel::sync
