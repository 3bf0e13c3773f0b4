#include "sync/policy/decide.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "crypto/hash.hpp"
#include "sync/policy/purposes.hpp"

namespace satchel::sync {
namespace {

using Mask = std::uint16_t;

constexpr Mask bit(Action action) { return static_cast<Mask>(1U << static_cast<unsigned>(action)); }

template <class... Actions>
constexpr Mask actions(Actions... each) {
  return static_cast<Mask>((bit(each) | ...));
}

constexpr std::array<std::pair<Role, std::string_view>, 6> kRoles{{
    {Role::kRep, "rep"},
    {Role::kManager, "manager"},
    {Role::kDpo, "dpo"},
    {Role::kAuditor, "auditor"},
    {Role::kAdmin, "admin"},
    {Role::kServer, "server"},
}};
constexpr std::array<std::pair<Action, std::string_view>, 9> kActions{{
    {Action::kRead, "read"},
    {Action::kCreate, "create"},
    {Action::kWrite, "write"},
    {Action::kReplace, "replace"},
    {Action::kContact, "contact"},
    {Action::kScore, "score"},
    {Action::kExport, "export"},
    {Action::kShare, "share"},
    {Action::kErase, "erase"},
}};
constexpr Mask kEveryAction =
    actions(Action::kRead, Action::kCreate, Action::kWrite, Action::kReplace, Action::kContact,
            Action::kScore, Action::kExport, Action::kShare, Action::kErase);

// The built-in bundle. Each rule permits; what no rule permits is denied. Whoever changes a line
// raises kVersion.
struct Rule {
  std::string_view id;
  Role role;
  Mask actions;
  bool in_scope_only;
};
constexpr std::uint64_t kVersion = 1;
constexpr std::array<Rule, 9> kRules{{
    {"rep.creates", Role::kRep, actions(Action::kCreate), false},
    {"rep.works", Role::kRep, actions(Action::kRead, Action::kWrite, Action::kReplace), true},
    {"manager.creates", Role::kManager, actions(Action::kCreate), false},
    {"manager.works", Role::kManager, actions(Action::kRead, Action::kWrite, Action::kReplace),
     true},
    {"manager.uses", Role::kManager, actions(Action::kContact, Action::kScore, Action::kExport),
     true},
    {"dpo.protects", Role::kDpo,
     actions(Action::kRead, Action::kWrite, Action::kReplace, Action::kExport, Action::kShare,
             Action::kErase),
     true},
    {"auditor.reads", Role::kAuditor, actions(Action::kRead), true},
    {"admin.all", Role::kAdmin, kEveryAction, false},
    {"server.all", Role::kServer, kEveryAction, false},
}};

constexpr std::string_view kPurposeUnknown = "deny.purposeUnknown";
constexpr std::string_view kBundleUnknown = "deny.bundleUnknown";
constexpr std::string_view kOutsideScope = "deny.outsideScope";
constexpr std::string_view kNoRule = "deny.noRule";

// What the hash is taken over: every rule and purpose in words, so that it changes with what is
// decided and with nothing else.
std::string canonical_text() {
  std::string text = "satchel policy " + std::to_string(kVersion) + "\n";
  for (const Rule& rule : kRules) {
    text += "permit " + std::string{rule.id} + " " + std::string{name_of(rule.role)};
    for (const auto& [action, name] : kActions) {
      if ((rule.actions & bit(action)) != 0) text += " " + std::string{name};
    }
    text += rule.in_scope_only ? " in scope\n" : " anywhere\n";
  }
  for (const std::string_view purpose : known_purposes()) {
    text += "purpose " + std::string{purpose} + "\n";
  }
  return text;
}

bool is_action(Action action) {
  return std::any_of(kActions.begin(), kActions.end(),
                     [&](const auto& each) { return each.first == action; });
}

}  // namespace

std::string_view name_of(Role role) {
  for (const auto& [each, name] : kRoles) {
    if (each == role) return name;
  }
  return "unknown";
}

Result<Role> parse_role(std::string_view name) {
  for (const auto& [role, each] : kRoles) {
    if (each == name) return role;
  }
  std::string known;
  for (const auto& each : kRoles) known += (known.empty() ? "" : ", ") + std::string{each.second};
  return Error{Errc::kInvalidArgument, "roles are " + known};
}

const Bundle& builtin_bundle() {
  static const Bundle bundle{kVersion, crypto::sha256(canonical_text())};
  return bundle;
}

Decision decide(const Bundle& bundle, const AccessRequest& request) {
  Decision decision;
  decision.bundle_version = bundle.version;
  decision.rule = kNoRule;
  if (!is_action(request.action)) return decision;
  if (!is_known_purpose(request.purpose)) {
    decision.rule = kPurposeUnknown;
    return decision;
  }
  const bool known_bundle = bundle.version == kVersion && bundle.hash == builtin_bundle().hash;
  // What a person learns in the field must not be lost for want of a bundle: its author may still
  // write it down.
  if (!known_bundle && request.action != Action::kCreate) {
    decision.rule = kBundleUnknown;
    return decision;
  }
  for (const Rule& rule : kRules) {
    const bool speaks = rule.role == request.role && (rule.actions & bit(request.action)) != 0;
    if (!speaks) continue;
    if (rule.in_scope_only && !request.in_scope) {
      decision.rule = kOutsideScope;
      continue;
    }
    decision.effect = Effect::kPermit;
    decision.rule = rule.id;
    return decision;
  }
  return decision;
}

}  // namespace satchel::sync
