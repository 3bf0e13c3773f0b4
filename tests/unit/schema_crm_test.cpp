// The standard schema against the data model's table. The table below is written by hand and stands
// by itself, so that the schema cannot drift.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "schema/catalog/catalog.hpp"
#include "schema/catalog/built_in.hpp"
#include "schema/compiler/compile.hpp"

namespace satchel::schema {
namespace {

const Catalog& crm() {
  static const auto catalog = compile_crm();
  return **catalog;
}

struct Row {
  const char* collection;
  const char* scopes;
  const char* subjects;
  const char* retention;
  // Segments between ";": names, rule (map:lww is a map of lww), class.
  const char* fields;
};

// Who holds an account holds what hangs on it; who owns a person, what is of that person.
#define SATCHEL_OF_ACCOUNT(to) to "account.owner " to "account.territory " to "account.team"
#define SATCHEL_OF_CONTACT(to) to "owner " SATCHEL_OF_ACCOUNT(to)
#define SATCHEL_OF_EITHER(to) SATCHEL_OF_ACCOUNT(to) " " SATCHEL_OF_CONTACT(to "contact.")

constexpr Row kModel[] = {
    {"accounts", "owner territory team", "", "crm",
     "name multi company; legalName taxId multi financial; type industry size website lww company;"
     "billingAddress shippingAddress multi company; position lww company;"
     "openingHours visitWindows map:lww company; phones emails set company; parent lww company;"
     "owner territory priceList server company;"
     "creditLimit paymentTerms balance paymentHealth server financial; team accessSet employee;"
     "status stage company; lastVisitAt lastOrderAt max behavioural; firstContactAt min "
     "behavioural;"
     "visitCount counter behavioural; naturalPerson deny businessContact; description text "
     "special"},
    {"contacts", SATCHEL_OF_CONTACT(""), "self", "crm",
     "name multi personal; account lww company;"
     "jobTitle department language preferredChannel bestTime timeZone lww businessContact;"
     "birthday multi personal; photo lww personal;"
     "doNotProcess doNotProfile doNotTrack doNotSolicit blockGeo deny businessContact;"
     "notes text special"},
    {"contactPoints", SATCHEL_OF_CONTACT("contact."), "contact", "crm",
     "contact once businessContact; kind value normalized once businessContact;"
     "private deny businessContact; label primary lww businessContact; state stage businessContact;"
     "validTo min businessContact"},
    {"accountContacts", SATCHEL_OF_ACCOUNT(""), "contact", "crm",
     "account contact once company; role isDecisionMaker lww businessContact"},
    {"leads", "owner territory", "self", "crm",
     "name multi personal; company title phone email lww businessContact;"
     "source campaign once behavioural; lastTouch lww behavioural; status stage businessContact;"
     "convertedTo once businessContact; score server behavioural; owner territory server "
     "businessContact"},
    {"opportunities", SATCHEL_OF_ACCOUNT(""), "", "crm",
     "name closeDate nextStep probability forecastCategory lww company;"
     "account primaryContact lww company; amount multi financial; contacts map:lww businessContact;"
     "competitors set company; pipeline stage company; stageHistory log company;"
     "owner territory server company; description text special"},
    {"orders", SATCHEL_OF_ACCOUNT(""), "", "legal",
     "account once company; contact lww company; status stage company; number server company;"
     "requestedDelivery poNumber note lww company; currency once company; serverTotal server "
     "financial;"
     "printCount counter company; signature once special; payments log financial;"
     "owner territory server company"},
    {"orderLines", SATCHEL_OF_ACCOUNT("order."), "", "legal",
     "order product once company; quantity multi company;"
     "unitPrice discount priceTrace multi financial; serverPrice server financial"},
    {"products", "all", "", "crm",
     "sku name unit category taxClass active description image server public"},
    {"priceLists", "all", "", "crm",
     "name currency validFrom validTo product account minQuantity price discountPercent stackable "
     "server company"},
    {"priceConditions", "all", "", "crm",
     "name currency validFrom validTo product account minQuantity price discountPercent stackable "
     "server company"},
    {"promotions", "all", "", "crm",
     "name currency validFrom validTo product account minQuantity price discountPercent stackable "
     "server company"},
    {"stockLevels", "all", "", "crm", "product site quantity asOf server company"},
    {"vanStock", "owner", "", "crm", "rep product lot once company; remaining escrow company"},
    {"sampleAllocations", "owner", "", "crm",
     "rep product lot once company; remaining escrow company"},
    {"visits", SATCHEL_OF_EITHER(""), "", "crm",
     "account contact once company; plannedStart plannedEnd routeOrder lww employee;"
     "status stage employee; skipReason lww company; checkIn checkOut once employee;"
     "participants set businessContact; outcome lww behavioural; photos log behavioural;"
     "notes text special; owner territory server company"},
    {"surveys", "all", "", "crm", "title questions version server public"},
    {"surveyResponses", SATCHEL_OF_EITHER("visit."), "", "crm",
     "visit survey answers once company"},
    {"shelfAudits", SATCHEL_OF_EITHER("visit."), "", "crm", "visit survey answers once company"},
    {"stockCounts", SATCHEL_OF_EITHER("visit."), "", "crm", "visit survey answers once company"},
    {"tasks", "assignee " SATCHEL_OF_EITHER(""), "", "crm",
     "title due priority account contact lww behavioural; status stage company;"
     "checklist map:max company; assignee lww employee"},
    {"interactions", SATCHEL_OF_EITHER(""), "", "crm",
     "channel direction at account contact subjectLine purpose decision once behavioural;"
     "attendees map:lww businessContact; body once special"},
    {"cases", SATCHEL_OF_EITHER(""), "", "crm",
     "title priority account contact lww behavioural; status stage company; comments log special;"
     "slaDue server company"},
    {"campaigns", "all", "", "crm", "name channel purpose from to server company"},
    {"segments", "owner", "", "crm",
     "name channel purpose from to server company; members server behavioural"},
    {"campaignMembers", SATCHEL_OF_CONTACT("contact."), "", "crm",
     "campaign contact once behavioural; status stage behavioural"},
    {"articles", "all", "", "crm", "title body language approvedUntil attachment server public"},
    {"consentEvents", SATCHEL_OF_CONTACT("subject."), "subject", "evidence",
     "subject controller kind purpose channel contactPoint parents supersedes at validFrom validTo "
     "form "
     "evidence assurance signingKey nonce signature once businessContact; actor once employee"},
    {"consentForms", "all", "", "crm", "title text language version hash server company"},
    {"duplicateLinks", "owner", "", "crm",
     "left right score once personal; verdict stage personal"},
    {"users", "all", "", "crm", "name role territories email active server employee"},
    {"territories", "all", "", "crm", "name parent server company"},
    {"targets", "owner", "", "crm", "owner period amount server employee"},
};

// What every record has; the class "-" is businessContact of a record with a subject and company of
// others.
constexpr const char* kCommon =
    "createdAt createdBy createdOn once employee; owner server employee; externalIds map:multi -;"
    "tags set company; legalHold restricted deny -; retainUntil min -";

struct Expected {
  std::string rule;
  std::string privacy;
};

std::map<std::string, Expected> parse(const std::string& fields) {
  std::map<std::string, Expected> expected;
  std::istringstream segments{fields};
  for (std::string segment; std::getline(segments, segment, ';');) {
    std::istringstream in{segment};
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    for (std::size_t i = 0; i + 2 < words.size(); ++i) {
      expected.emplace(words[i], Expected{words[words.size() - 2], words.back()});
    }
  }
  return expected;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string rule_text(const FieldDef& field) {
  std::string text{name_of(field.rule)};
  if (field.rule == Rule::kMap) text.append(":").append(name_of(field.values));
  return text;
}

const char* retention_text(Retention retention) {
  if (retention == Retention::kLegal) return "legal";
  return retention == Retention::kEvidence ? "evidence" : "crm";
}

TEST(Crm, TravelsCompiledWithEveryProgramAsWhatItsTextComesTo) {
  const auto built_in = built_in_crm();
  ASSERT_TRUE(built_in.has_value());
  EXPECT_EQ((*built_in)->serialized(), (*compile_crm())->serialized());
}

TEST(Crm, HasTheCollectionsOfTheModelAndNoOthers) {
  std::set<std::string> expected;
  for (const Row& row : kModel) expected.insert(row.collection);
  std::set<std::string> found;
  for (const CollectionDef& collection : crm().collections()) found.insert(collection.name);
  EXPECT_EQ(found, expected);
}

TEST(Crm, GivesEveryFieldTheRuleAndClassOfTheModel) {
  for (const Row& row : kModel) {
    SCOPED_TRACE(row.collection);
    const CollectionDef* collection = crm().find(row.collection);
    ASSERT_NE(collection, nullptr);
    auto expected = parse(row.fields);
    for (const auto& [name, common] : parse(kCommon)) {
      const bool has_subject = row.subjects[0] != '\0';
      const std::string privacy = common.privacy != "-" ? common.privacy
                                  : has_subject         ? "businessContact"
                                                        : "company";
      expected.emplace(name, Expected{common.rule, privacy});
    }
    for (const auto& [name, want] : expected) {
      const FieldDef* field = collection->find(name);
      ASSERT_NE(field, nullptr) << name;
      EXPECT_EQ(rule_text(*field), want.rule) << name;
      EXPECT_EQ(name_of(field->privacy), want.privacy) << name;
    }
    for (const FieldDef& field : collection->fields)
      EXPECT_TRUE(expected.contains(field.name)) << field.name;
  }
}

TEST(Crm, PlacesEveryCollectionAndNamesItsSubjects) {
  for (const Row& row : kModel) {
    SCOPED_TRACE(row.collection);
    const CollectionDef& collection = *crm().find(row.collection);
    EXPECT_EQ(joined(collection.scopes), row.scopes);
    EXPECT_EQ(joined(collection.subjects), row.subjects);
    EXPECT_EQ(collection.life, LifeRule::kEditWins);
    for (const FieldDef& field : collection.fields) {
      EXPECT_STREQ(retention_text(field.retention), row.retention) << field.name;
    }
  }
  EXPECT_EQ(crm().find("accounts")->subject_if, "naturalPerson");
}

TEST(Crm, NumbersCommonFieldsFromTheirBase) {
  for (const CollectionDef& collection : crm().collections()) {
    EXPECT_EQ(collection.find("createdAt")->id, kCommonFieldBase);
    EXPECT_EQ(collection.find("retainUntil")->id, kCommonFieldBase + 8);
    EXPECT_EQ(collection.find(kCommonFieldBase)->name, "createdAt");
  }
  // A collection's own field of the name stands in the common one's place.
  EXPECT_EQ(crm().find("accounts")->find("owner")->id, 15);
  EXPECT_EQ(crm().find("accounts")->find(kCommonFieldBase + 3), nullptr);
  EXPECT_EQ(crm().find("tasks")->find("owner")->id, kCommonFieldBase + 3);
}

TEST(Crm, LetsOnlyTheOfficeClearHoldsAndRestrictions) {
  for (const CollectionDef& collection : crm().collections()) {
    for (const FieldDef& field : collection.fields) {
      EXPECT_EQ(field.cleared_by_office, field.name == "legalHold" || field.name == "restricted");
      EXPECT_FALSE(field.server_only) << field.name;
    }
  }
}

// What stands of two concurrent stages; contested where it is "-".
struct Branch {
  const char* field;
  const char* a;
  const char* b;
  const char* stands;
};

TEST(Crm, PrefersTheStagesThatTheModelPrefers) {
  const Branch branches[] = {
      {"accounts.status", "prospect", "active", "active"},
      {"accounts.status", "active", "closed", "closed"},
      {"contactPoints.state", "verified", "invalid", "invalid"},
      {"contactPoints.state", "unknown", "bounced", "bounced"},
      {"leads.status", "new", "nurturing", "nurturing"},
      {"leads.status", "qualified", "disqualified", "-"},
      {"leads.status", "converted", "disqualified", "converted"},
      {"leads.status", "converted", "new", "converted"},
      {"opportunities.pipeline", "prospecting", "negotiation", "negotiation"},
      {"opportunities.pipeline", "won", "proposal", "won"},
      {"opportunities.pipeline", "lost", "proposal", "lost"},
      {"opportunities.pipeline", "won", "lost", "-"},
      {"orders.status", "draft", "submitted", "submitted"},
      {"orders.status", "cancelled", "submitted", "cancelled"},
      {"orders.status", "accepted", "delivered", "delivered"},
      {"orders.status", "cancelled", "shipped", "-"},
      {"visits.status", "inProgress", "cancelled", "inProgress"},
      {"visits.status", "completed", "cancelled", "completed"},
      {"visits.status", "completed", "planned", "completed"},
      {"visits.status", "inProgress", "accepted", "inProgress"},
      {"visits.status", "cancelled", "enRoute", "cancelled"},
      {"visits.status", "skipped", "planned", "skipped"},
      {"tasks.status", "done", "cancelled", "done"},
      {"tasks.status", "done", "open", "done"},
      {"cases.status", "open", "resolved", "resolved"},
      {"campaignMembers.status", "unsubscribed", "responded", "unsubscribed"},
      {"campaignMembers.status", "sent", "opened", "opened"},
      {"duplicateLinks.verdict", "confirmed", "rejected", "-"},
      {"duplicateLinks.verdict", "suspected", "rejected", "rejected"},
  };
  for (const Branch& branch : branches) {
    const std::string path = branch.field;
    SCOPED_TRACE(path + " " + branch.a + " " + branch.b);
    const std::size_t dot = path.find('.');
    const auto& stages = *crm().find(path.substr(0, dot))->find(path.substr(dot + 1))->stages;
    const auto a = stages.find(branch.a);
    const auto b = stages.find(branch.b);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(stages.wins(*a, *b), std::string{branch.stands} == branch.a);
    EXPECT_EQ(stages.wins(*b, *a), std::string{branch.stands} == branch.b);
  }
}

TEST(Crm, KeepsServerStagesAndReasonsWhereTheModelHasThem) {
  const auto named = [](const StageTable& table, const std::vector<std::uint8_t>& indexes) {
    std::vector<std::string> names;
    for (const std::uint8_t index : indexes) names.push_back(table.stages[index]);
    return joined(names);
  };
  const StageTable& orders = *crm().find("orders")->find("status")->stages;
  EXPECT_EQ(named(orders, orders.server_only), "accepted picked shipped delivered");
  const StageTable& accounts = *crm().find("accounts")->find("status")->stages;
  EXPECT_EQ(named(accounts, accounts.server_only), "closed");
  const StageTable& pipeline = *crm().find("opportunities")->find("pipeline")->stages;
  EXPECT_EQ(named(pipeline, pipeline.needs_reason), "lost");
  EXPECT_EQ(crm().find("opportunities")->find("pipeline")->type.structure->members[2].name,
            "lostReason");
  for (const CollectionDef& collection : crm().collections()) {
    for (const FieldDef& field : collection.fields) {
      if (!field.stages) continue;
      for (const auto& [from, to] : field.stages->moves)
        EXPECT_TRUE(field.stages->may_move(from, to));
      EXPECT_TRUE(field.stages->may_move(0, 0)) << collection.name;
    }
  }
  EXPECT_FALSE(orders.may_move(*orders.find("submitted"), *orders.find("draft")));
}

TEST(Crm, RefersWhereTheModelRefers) {
  const std::map<std::string, std::string> expected{{"accounts.parent", "accounts"},
                                                    {"accounts.priceList", "priceLists"},
                                                    {"contacts.account", "accounts"},
                                                    {"contactPoints.contact", "contacts"},
                                                    {"accountContacts.account", "accounts"},
                                                    {"accountContacts.contact", "contacts"},
                                                    {"leads.campaign", "campaigns"},
                                                    {"opportunities.account", "accounts"},
                                                    {"opportunities.primaryContact", "contacts"},
                                                    {"orders.account", "accounts"},
                                                    {"orders.contact", "contacts"},
                                                    {"orderLines.order", "orders"},
                                                    {"orderLines.product", "products"},
                                                    {"priceLists.product", "products"},
                                                    {"priceLists.account", "accounts"},
                                                    {"priceConditions.product", "products"},
                                                    {"priceConditions.account", "accounts"},
                                                    {"promotions.product", "products"},
                                                    {"promotions.account", "accounts"},
                                                    {"stockLevels.product", "products"},
                                                    {"vanStock.product", "products"},
                                                    {"sampleAllocations.product", "products"},
                                                    {"visits.account", "accounts"},
                                                    {"visits.contact", "contacts"},
                                                    {"surveyResponses.visit", "visits"},
                                                    {"surveyResponses.survey", "surveys"},
                                                    {"shelfAudits.visit", "visits"},
                                                    {"shelfAudits.survey", "surveys"},
                                                    {"stockCounts.visit", "visits"},
                                                    {"stockCounts.survey", "surveys"},
                                                    {"tasks.account", "accounts"},
                                                    {"tasks.contact", "contacts"},
                                                    {"interactions.account", "accounts"},
                                                    {"interactions.contact", "contacts"},
                                                    {"cases.account", "accounts"},
                                                    {"cases.contact", "contacts"},
                                                    {"campaignMembers.campaign", "campaigns"},
                                                    {"campaignMembers.contact", "contacts"},
                                                    {"consentEvents.subject", "contacts"},
                                                    {"territories.parent", "territories"}};
  std::map<std::string, std::string> found;
  for (const CollectionDef& collection : crm().collections()) {
    for (const FieldDef& field : collection.fields) {
      if (!field.reference) continue;
      const CollectionDef& target = *crm().find(field.reference->to);
      found.emplace(collection.name + "." + field.name, target.name);
      EXPECT_EQ(field.reference->acyclic, target.id == collection.id);
      EXPECT_EQ(field.reference->gone, WhenGone::kKeep);
    }
  }
  EXPECT_EQ(found, expected);
}

TEST(Crm, TypesItsFieldsAsTheModelSays) {
  const auto members = [](std::string_view collection, std::string_view field) {
    std::vector<std::string> names;
    const Type& type = crm().find(collection)->find(field)->value_type();
    for (const StructMember& member : type.structure->members) names.push_back(member.name);
    return joined(names);
  };
  EXPECT_EQ(members("opportunities", "amount"), "minor currency");
  EXPECT_EQ(members("accounts", "position"), "lat lon accuracyM source");
  EXPECT_EQ(members("accounts", "billingAddress"), "street city region postalCode country");
  EXPECT_EQ(members("contacts", "name"), "given middle family salutation suffix");
  EXPECT_EQ(members("contacts", "photo"), "hash size mediaType class");
  EXPECT_EQ(members("leads", "convertedTo"), "account contact opportunity");
  EXPECT_EQ(members("opportunities", "pipeline"), "stage closedAt lostReason");
  EXPECT_EQ(members("orders", "signature"), "image strokes signer textShown");
  EXPECT_EQ(members("visits", "checkIn"), "at position mock accountPosition");
  EXPECT_EQ(crm().find("contacts")->find("photo")->type.kind, Kind::kAttachment);
  EXPECT_EQ(crm().find("visits")->find("photos")->value_type().kind, Kind::kAttachment);
  EXPECT_TRUE(crm().find("visits")->find("plannedStart")->type.time);
  EXPECT_TRUE(crm().find("tasks")->find("checklist")->value_type().time);
  EXPECT_FALSE(crm().find("orderLines")->find("quantity")->type.time);
}

TEST(Crm, ReadsTextAndEscrowByTheRulesInForce) {
  EXPECT_EQ(rule_in_force(Rule::kText), Rule::kMulti);
  EXPECT_EQ(rule_in_force(Rule::kEscrow), Rule::kServer);
  EXPECT_EQ(rule_in_force(Rule::kLww), Rule::kLww);
  EXPECT_EQ(crm().find("vanStock")->find("remaining")->rule, Rule::kEscrow);
}

}  // namespace
}  // namespace satchel::schema
