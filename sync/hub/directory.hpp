// Who may connect: users, devices and enrolment codes as the hub keeps them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/model/ids.hpp"
#include "schema/wire/frames.hpp"
#include "sync/policy/decide.hpp"

namespace satchel::sync {

using DeviceId = Id128<struct DeviceTag>;

struct User {
  std::string name;  // Unique in the workspace: 1 to 64 of a-z 0-9 . _ -
  Role role = Role::kRep;
  std::vector<std::string> territories;
  bool active = true;
  RecordId record;  // Of collection "users", where the schema has one.
  // Scopes that the user was granted before, each with the place in the sequence up to which he
  // was: what he wrote by then is judged by what he might then. The newest, at most
  // kFormerScopesMax.
  struct FormerScope {
    std::string scope;
    Sequence until = 0;
  };
  std::vector<FormerScope> former{};
};
inline constexpr std::size_t kFormerScopesMax = 512;

struct Device {
  DeviceId id;
  std::string user;
  std::string name;
  Bytes public_key;  // Ed25519, 32 bytes.
  ReplicaId replica;
  bool revoked = false;
  std::int64_t enrolled_us = 0;
  std::int64_t last_seen_us = 0;
  bool wipe = false;       // Revoked, and its data is to be destroyed.
  bool wipe_told = false;  // The device has been given that order.
};

struct EnrolmentCode {
  Bytes secret_hash;  // SHA-256 of the 128-bit secret; the row's key.
  std::string user;
  std::int64_t expires_us = 0;
  bool used = false;
};

// What the hub knows of one replica's progress. One row per replica id.
struct ReplicaState {
  DeviceId device;
  std::uint64_t watermark = 0;          // Highest commit taken, contiguous.
  std::uint64_t results_kept_from = 1;  // Results below were confirmed and dropped.
  Bytes fence_confirmed;                // Hub::next_fence; empty before the first.
  Bytes fence_issued;
  wire::Cursor progress;  // What the device said it has applied.
  std::uint64_t progress_commit = 0;
  std::int64_t last_seen_us = 0;
  // Nobody waits for it any more, and it bootstraps when it comes.
  [[nodiscard]] bool is_silent(std::int64_t now_us, std::int64_t replica_expiry_us) const {
    return last_seen_us < now_us - replica_expiry_us;
  }
  // It was silent for too long: it bootstraps, whatever place it names, until it has begun to.
  bool expired = false;
  // Scopes, sorted. What the last Welcome granted; of that, what the replica holds all of, up to
  // its place in the sequence; and of which it may still hold some, those granted among them: the
  // others go once it has been told what happened up to `held_seq`.
  std::vector<std::string> granted;
  // The pass over that grant is to be told from its beginning, wherever the replica stands in an
  // earlier one: nothing of it is known to have arrived.
  bool pass_due = false;
  std::vector<std::string> whole;
  std::vector<std::string> held;
  Sequence held_seq = 0;
};

Bytes encode_user(const User& user);
Result<User> decode_user(ByteView bytes);
Bytes encode_device(const Device& device);
Result<Device> decode_device(ByteView bytes);
Bytes encode_code(const EnrolmentCode& code);
Result<EnrolmentCode> decode_code(ByteView bytes);
Bytes encode_replica_state(const ReplicaState& state);
Result<ReplicaState> decode_replica_state(ByteView bytes);

}  // namespace satchel::sync
