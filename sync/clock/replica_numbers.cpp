#include "sync/clock/replica_numbers.hpp"

namespace satchel::sync {

ReplicaNumber ReplicaNumbers::number_of(const ReplicaId& id) {
  ReplicaNumber number = 0;
  if (find(id, number)) return number;
  const std::unique_lock lock{mutex_};
  const auto [at, added] = numbers_.try_emplace(id, static_cast<ReplicaNumber>(ids_.size()));
  if (added) ids_.push_back(id);
  return at->second;
}

bool ReplicaNumbers::find(const ReplicaId& id, ReplicaNumber& number) const {
  const std::shared_lock lock{mutex_};
  const auto at = numbers_.find(id);
  if (at == numbers_.end()) return false;
  number = at->second;
  return true;
}

bool ReplicaNumbers::id_of(ReplicaNumber number, ReplicaId& id) const {
  const std::shared_lock lock{mutex_};
  if (number >= ids_.size()) return false;
  id = ids_[number];
  return true;
}

std::size_t ReplicaNumbers::size() const {
  const std::shared_lock lock{mutex_};
  return ids_.size();
}

}  // namespace satchel::sync
