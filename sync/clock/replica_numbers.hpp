// Short numbers for replica ids, inside one store or one message.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "schema/model/ids.hpp"

namespace satchel::sync {

using ReplicaNumber = std::uint32_t;

// Append-only interning table. A store's rows outlive transactions: a number that was given out in
// a transaction that rolled back stays valid in memory and is written with the next commit
// (durable_count). Thread-safe. Invariant: numbers are 0, 1, 2, ... without holes.
class ReplicaNumbers {
 public:
  ReplicaNumbers() = default;
  ReplicaNumber number_of(const ReplicaId& id);  // Interns a new one.
  [[nodiscard]] bool find(const ReplicaId& id, ReplicaNumber& number) const;
  // False for a number never given out.
  [[nodiscard]] bool id_of(ReplicaNumber number, ReplicaId& id) const;
  [[nodiscard]] std::size_t size() const;

 private:
  mutable std::shared_mutex mutex_;
  std::deque<ReplicaId> ids_;
  std::unordered_map<ReplicaId, ReplicaNumber> numbers_;
};

}  // namespace satchel::sync
