// May this actor do this with this class of data, for this purpose, now? Asked at four doors: the
// device's read, the device's write, the server's acceptance of a commit, the server's selection of
// what a device gets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"

namespace satchel::sync {

enum class Role : std::uint8_t {
  kRep = 1,
  kManager = 2,
  kDpo = 3,
  kAuditor = 4,
  kAdmin = 5,
  kServer = 6
};
std::string_view name_of(Role role);
Result<Role> parse_role(std::string_view name);  // kInvalidArgument names the roles there are.

enum class Action : std::uint8_t {
  kRead = 1,
  kCreate,
  kWrite,
  kReplace,
  kContact,
  kScore,
  kExport,
  kShare,
  kErase
};
enum class Effect : std::uint8_t { kPermit = 1, kRedact = 2, kDeny = 3 };

// Purposes use the names of the W3C Data Privacy Vocabulary.
inline constexpr std::string_view kDefaultPurpose = "CustomerRelationshipManagement";
bool is_known_purpose(std::string_view purpose);

struct AccessRequest {
  std::string_view actor;
  Role role = Role::kRep;
  // The record lies in a scope granted to the actor, or the actor is creating it.
  bool in_scope = false;
  PrivacyClass privacy = PrivacyClass::kCompany;
  FieldId field = 0;
  Action action = Action::kRead;
  std::string_view purpose;
  std::string_view channel{};
  std::int64_t trusted_time_us = 0;
};

struct Decision {
  Effect effect = Effect::kDeny;
  std::string_view rule;  // Id of the rule that spoke; static storage.
  std::uint64_t bundle_version = 0;
  std::int64_t valid_until_us = INT64_MAX;
  [[nodiscard]] bool permitted() const { return effect == Effect::kPermit; }
};

// The rules in force. Today the built-in bundle, version 1: a role's actions on records in its
// scopes.
struct Bundle {
  std::uint64_t version = 1;
  Bytes hash;  // 32 bytes.
};
const Bundle& builtin_bundle();

// Pure and total: the same inputs give the same answer on every replica. Unknown purpose: deny.
Decision decide(const Bundle& bundle, const AccessRequest& request);

}  // namespace satchel::sync
