#include "sync/policy/decide.hpp"

#include <gtest/gtest.h>

namespace satchel::sync {
namespace {

constexpr Action kActions[] = {Action::kRead,    Action::kCreate,  Action::kWrite,
                               Action::kReplace, Action::kContact, Action::kScore,
                               Action::kExport,  Action::kShare,   Action::kErase};
constexpr Role kRoles[] = {Role::kRep,     Role::kManager, Role::kDpo,
                           Role::kAuditor, Role::kAdmin,   Role::kServer};

AccessRequest request(Role role, Action action, bool in_scope = true) {
  AccessRequest request;
  request.actor = "ann";
  request.role = role;
  request.in_scope = in_scope;
  request.action = action;
  request.purpose = kDefaultPurpose;
  return request;
}
// One letter per permitted action, in the order of kActions.
std::string permitted(Role role, bool in_scope) {
  std::string letters;
  for (std::size_t i = 0; i < std::size(kActions); ++i) {
    if (decide(builtin_bundle(), request(role, kActions[i], in_scope)).permitted()) {
      letters += "rcwRCSxhe"[i];
    }
  }
  return letters;
}

TEST(Decide, RolesMayDoWhatTheirWorkTakes) {
  EXPECT_EQ(permitted(Role::kRep, true), "rcwR");
  EXPECT_EQ(permitted(Role::kManager, true), "rcwRCSx");
  EXPECT_EQ(permitted(Role::kDpo, true), "rwRxhe");
  EXPECT_EQ(permitted(Role::kAuditor, true), "r");
  EXPECT_EQ(permitted(Role::kAdmin, true), "rcwRCSxhe");
  EXPECT_EQ(permitted(Role::kServer, true), "rcwRCSxhe");
}

TEST(Decide, OutsideTheirScopesPeopleMayOnlyCreate) {
  EXPECT_EQ(permitted(Role::kRep, false), "c");
  EXPECT_EQ(permitted(Role::kManager, false), "c");
  EXPECT_EQ(permitted(Role::kDpo, false), "");
  EXPECT_EQ(permitted(Role::kAuditor, false), "");
  EXPECT_EQ(permitted(Role::kAdmin, false), "rcwRCSxhe");
  EXPECT_EQ(decide(builtin_bundle(), request(Role::kRep, Action::kRead, false)).rule,
            "deny.outsideScope");
}

TEST(Decide, UnknownPurposesAreDeniedToEverybody) {
  for (const Role role : kRoles) {
    for (const Action action : kActions) {
      for (const std::string_view purpose :
           {"", "Curiosity", "customerRelationshipManagement", "Purpose"}) {
        AccessRequest asked = request(role, action);
        asked.purpose = purpose;
        EXPECT_FALSE(decide(builtin_bundle(), asked).permitted());
        EXPECT_EQ(decide(builtin_bundle(), asked).rule, "deny.purposeUnknown");
      }
    }
  }
}

TEST(Decide, KnowsThePurposesOfTheVocabulary) {
  for (const std::string_view purpose :
       {"CustomerRelationshipManagement", "CustomerManagement", "CustomerOrderManagement",
        "DirectMarketing", "Marketing", "ServiceProvision", "LegalCompliance", "AcademicResearch",
        "Verification"}) {
    EXPECT_TRUE(is_known_purpose(purpose)) << purpose;
  }
  EXPECT_TRUE(is_known_purpose(kDefaultPurpose));
}

TEST(Decide, AForeignBundlePermitsNothingButCapturing) {
  for (const Bundle& bundle :
       {Bundle{2, builtin_bundle().hash}, Bundle{1, Bytes(32, 'x')}, Bundle{1, {}}}) {
    EXPECT_FALSE(decide(bundle, request(Role::kAdmin, Action::kRead)).permitted());
    EXPECT_FALSE(decide(bundle, request(Role::kRep, Action::kWrite)).permitted());
    EXPECT_TRUE(decide(bundle, request(Role::kRep, Action::kCreate)).permitted());
  }
}

TEST(Decide, EveryDecisionNamesItsRuleAndBundle) {
  for (const Role role : kRoles) {
    for (const Action action : kActions) {
      for (const bool in_scope : {false, true}) {
        const Decision decision = decide(builtin_bundle(), request(role, action, in_scope));
        EXPECT_FALSE(decision.rule.empty());
        EXPECT_EQ(decision.rule.starts_with("deny."), !decision.permitted());
        EXPECT_EQ(decision.bundle_version, 1U);
      }
    }
  }
  EXPECT_EQ(decide(builtin_bundle(), request(Role::kRep, Action::kWrite)).rule, "rep.works");
}

TEST(Decide, IsTotalOverForeignNumbers) {
  EXPECT_FALSE(decide(builtin_bundle(), request(static_cast<Role>(99), Action::kRead)).permitted());
  EXPECT_FALSE(
      decide(builtin_bundle(), request(Role::kAdmin, static_cast<Action>(40))).permitted());
}

TEST(BuiltinBundle, HashTellsItsRules) {
  // Whoever changes what is decided changes this hash, and must raise the version.
  EXPECT_EQ(builtin_bundle().hash.size(), 32U);
  EXPECT_EQ(to_hex(builtin_bundle().hash),
            "eb264027054806df9ed8124776f045e301d4af68f4c416ec8ad55af75b104963");
}

TEST(Roles, ReadAndWriteTheirNames) {
  for (const Role role : kRoles) EXPECT_EQ(*parse_role(name_of(role)), role);
  EXPECT_EQ(parse_role("boss").error().code, Errc::kInvalidArgument);
  EXPECT_NE(parse_role("boss").error().context.find("manager"), std::string::npos);
}

}  // namespace
}  // namespace satchel::sync
