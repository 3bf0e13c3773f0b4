// States that devices held and this store lost when it was put back (sync.md, Restores and clones).
#pragma once

#include <vector>

#include "sync/hub/hub.hpp"
#include "sync/page/known_state.hpp"

namespace satchel::sync {

struct MissingState {
  KnownState state;
  DeviceId told_by;
  std::int64_t told_us = 0;
};

// Thread-compatible.
class MissingStates {
 public:
  static constexpr std::size_t kMax = 10'000;  // More are counted nowhere.

  explicit MissingStates(Hub& hub) : hub_(hub) {}

  // Remembers what `device` tells of, where this store does lack it and its author is not back.
  Status note(HubTxn& txn, const DeviceId& device, std::span<const KnownState> states);
  // Those that are still missing, by author, commit and record.
  Result<std::vector<MissingState>> list();
  // Forgets those that are not, and those that nobody brought within `keep_us`.
  Status sweep(HubTxn& txn, std::int64_t keep_us);

  // Devices that are expected back and have not been through this life of the store yet.
  Result<std::vector<DeviceId>> awaited(std::int64_t replica_expiry_us);

 private:
  Result<bool> is_back(ReadTxn& txn, const KnownState& state);

  Hub& hub_;
};

}  // namespace satchel::sync
