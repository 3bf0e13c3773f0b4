// Purpose names of the W3C Data Privacy Vocabulary 2.0: what is narrower than
// https://w3id.org/dpv#Purpose.
#include "sync/policy/purposes.hpp"

#include <algorithm>
#include <array>

#include "sync/policy/decide.hpp"

namespace satchel::sync {
namespace {

constexpr std::array<std::string_view, 95> kPurposes{
    "AcademicResearch",
    "AccountManagement",
    "Advertising",
    "AgeVerification",
    "CombatClimateChange",
    "CommercialPurpose",
    "CommercialResearch",
    "CommunicationForCustomerCare",
    "CommunicationManagement",
    "CounterMoneyLaundering",
    "Counterterrorism",
    "CreditChecking",
    "CustomerCare",
    "CustomerClaimsManagement",
    "CustomerManagement",
    "CustomerOrderManagement",
    "CustomerRelationshipManagement",
    "CustomerSolvencyMonitoring",
    "DataAltruism",
    "DeliveryOfGoods",
    "DirectMarketing",
    "DisputeManagement",
    "EnforceAccessControl",
    "EnforceSecurity",
    "EstablishContractualAgreement",
    "FraudPreventionAndDetection",
    "FulfilmentOfContractualObligation",
    "FulfilmentOfObligation",
    "HumanResourceManagement",
    "IdentityAuthentication",
    "IdentityVerification",
    "ImproveExistingProductsAndServices",
    "ImproveHealthcare",
    "ImproveInternalCRMProcesses",
    "ImprovePublicServices",
    "ImproveTransportMobility",
    "IncreaseServiceRobustness",
    "InternalResourceOptimisation",
    "LegalCompliance",
    "MaintainCreditCheckingDatabase",
    "MaintainCreditRatingDatabase",
    "MaintainFraudDatabase",
    "Marketing",
    "MemberPartnerManagement",
    "MisusePreventionAndDetection",
    "NonCommercialPurpose",
    "NonCommercialResearch",
    "OptimisationForConsumer",
    "OptimisationForController",
    "OptimiseUserInterface",
    "OrganisationComplianceManagement",
    "OrganisationGovernance",
    "OrganisationRiskManagement",
    "PaymentManagement",
    "Personalisation",
    "PersonalisedAdvertising",
    "PersonalisedBenefits",
    "PersonnelHiring",
    "PersonnelManagement",
    "PersonnelPayment",
    "ProtectionOfIPR",
    "ProtectionOfNationalSecurity",
    "ProtectionOfPublicSecurity",
    "ProvideEventRecommendations",
    "ProvideOfficialStatistics",
    "ProvidePersonalisedRecommendations",
    "ProvideProductRecommendations",
    "PublicBenefit",
    "PublicPolicyMaking",
    "PublicRelations",
    "RecordManagement",
    "RepairImpairments",
    "RequestedServiceProvision",
    "ResearchAndDevelopment",
    "RightsFulfillment",
    "ScientificResearch",
    "SearchFunctionalities",
    "SellDataToThirdParties",
    "SellInsightsFromData",
    "SellProducts",
    "SellProductsToDataSubject",
    "ServiceOptimisation",
    "ServicePersonalisation",
    "ServiceProvision",
    "ServiceRegistration",
    "ServiceUsageAnalytics",
    "SocialMediaMarketing",
    "TargetedAdvertising",
    "TechnicalServiceProvision",
    "UserInterfacePersonalisation",
    "VendorManagement",
    "VendorPayment",
    "VendorRecordsManagement",
    "VendorSelectionAssessment",
    "Verification",
};
static_assert(std::is_sorted(kPurposes.begin(), kPurposes.end()));

}  // namespace

std::span<const std::string_view> known_purposes() { return kPurposes; }

bool is_known_purpose(std::string_view purpose) {
  return std::binary_search(kPurposes.begin(), kPurposes.end(), purpose);
}

}  // namespace satchel::sync
