// An account changes hands with everything of the standard schema that can hang on it, and with
// unsent edits of who had it on each.
#include <array>
#include <map>
#include <set>

#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Role;
using Fields = std::vector<std::pair<std::string, Value>>;

// One record of each kind, and one of many fields that a rep may have changed of it.
struct Kind {
  const char* collection;
  const char* field;
};
constexpr std::array kKinds{
    Kind{"accounts", "industry"},           Kind{"contacts", "jobTitle"},
    Kind{"contactPoints", "label"},         Kind{"accountContacts", "role"},
    Kind{"opportunities", "nextStep"},      Kind{"orders", "note"},
    Kind{"orderLines", "quantity"},         Kind{"visits", "skipReason"},
    Kind{"surveyResponses", "retainUntil"}, Kind{"shelfAudits", "retainUntil"},
    Kind{"stockCounts", "retainUntil"},     Kind{"tasks", "title"},
    Kind{"interactions", "retainUntil"},    Kind{"cases", "title"},
    Kind{"campaignMembers", "retainUntil"}, Kind{"consentEvents", "retainUntil"},
};

struct Handover : testing::Test {
  Office office;
  std::map<std::string, RecordId> made;  // By collection.
  std::unique_ptr<Phone> ann;
  std::unique_ptr<Phone> bob;

  Handover() {
    ann = phone("ann", 61, "11");
    bob = phone("bob", 62, "12");
    make("accounts", {{"name", Value{"Shop"}}, {"territory", Value{"11"}}});
    make("contacts", {named("account", "accounts")});
    make("contactPoints", {named("contact", "contacts")});
    make("accountContacts", {named("account", "accounts"), named("contact", "contacts")});
    make("opportunities", {named("account", "accounts")});
    make("orders", {named("account", "accounts")});
    make("orderLines", {named("order", "orders")});
    make("visits", {named("account", "accounts")});
    for (const char* form : {"surveyResponses", "shelfAudits", "stockCounts"})
      make(form, {named("visit", "visits")});
    make("tasks", {named("contact", "contacts")});
    make("interactions", {named("contact", "contacts")});
    make("cases", {named("account", "accounts")});
    make("campaignMembers", {named("contact", "contacts")});
    make("consentEvents", {named("subject", "contacts")});
    EXPECT_TRUE(ann->sync() && bob->sync());
  }
  std::unique_ptr<Phone> phone(const char* user, std::uint64_t seed, const char* territory) {
    office.add_user(user, Role::kRep, {territory});
    return std::make_unique<Phone>(office, user, Role::kRep, seed, crm(),
                                   std::vector<std::string>{territory});
  }
  std::pair<std::string, Value> named(const char* field, const char* collection) {
    return {field, Value{to_text(made.at(collection))}};
  }
  void make(const std::string& collection, const Fields& fields) {
    const RecordId id = *sync::make_record_id(office.clock.wall_us(), office.entropy);
    office.clock.pass(1'000);
    made[collection] = id;
    EXPECT_TRUE(office.write([&](sync::CommitBuilder& b) -> Status {
      SATCHEL_TRY(b.create(collection, id));
      for (const auto& [field, value] : fields) SATCHEL_TRY(b.set(collection, id, field, value));
      return {};
    })) << collection;
  }
  // The one commit of the office that hands the account over.
  void hand_over(const char* territory) {
    ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) {
      return b.set("accounts", made.at("accounts"), "territory", Value{territory});
    }));
  }
  // Of the kinds, how many the phone shows.
  std::size_t held_by(Phone& phone) {
    std::size_t count = 0;
    for (const Kind& kind : kKinds) {
      const auto record = phone.edge->shown(made.at(kind.collection), sync::kDefaultPurpose);
      EXPECT_TRUE(record) << kind.collection;
      count += *record ? 1U : 0U;
    }
    return count;
  }
  // Another value than any that is there.
  static Value late(const Kind& kind) {
    const schema::FieldDef* field = crm()->find(kind.collection)->find(kind.field);
    return field->type.kind == schema::Kind::kText ? Value{"late"} : Value{kLate};
  }
  static constexpr std::int64_t kLate = 1'790'000'000'000'000;
};

TEST_F(Handover, OfAnAccountTakesEverythingThatHangsOnItAndNoDeviceSeesHalfWhereverItIsCut) {
  ASSERT_EQ(held_by(*ann), kKinds.size());
  ASSERT_EQ(held_by(*bob), 0U);
  hand_over("12");
  for (Phone* phone : {ann.get(), bob.get()}) {
    std::set<std::size_t> seen;
    for (int cut = 1; cut < 12; ++cut) {
      int messages = 0;
      static_cast<void>(phone->sync([&](bool, const Bytes&) { return ++messages < cut; }));
      seen.insert(held_by(*phone));
    }
    ASSERT_TRUE(phone->sync());
    EXPECT_EQ(seen, (std::set<std::size_t>{0, kKinds.size()}));  // Both, and nothing between.
  }
  EXPECT_EQ(held_by(*ann), 0U);
  EXPECT_EQ(held_by(*bob), kKinds.size());
}

TEST_F(Handover, KeepsTheUnsentEditsOfWhoHadItOnEveryKindOfRecord) {
  for (const Kind& kind : kKinds) {
    ASSERT_TRUE(ann->write([&](sync::EdgeWrite& write) {
      return write.builder().set(kind.collection, made.at(kind.collection), kind.field, late(kind));
    })) << kind.collection;
  }
  hand_over("12");
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(*ann->edge->count_inbox(), 0U);
  EXPECT_TRUE(ann->unsent().empty());
  EXPECT_EQ(held_by(*ann), 0U);
  for (const Kind& kind : kKinds) {
    const std::string shown = bob->shows(kind.collection, made.at(kind.collection), kind.field);
    EXPECT_TRUE(shown == "\"late\"" || shown == std::to_string(kLate)) << kind.collection << shown;
  }
}

TEST_F(Handover, LeavesAPersonAndWhatIsOfThemWithWhoOwnsTheContact) {
  ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) {
    return b.set("contacts", made.at("contacts"), "owner", Value{"ann"});
  }));
  hand_over("12");
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*bob), kKinds.size());
  for (const char* with_the_person :
       {"contacts", "contactPoints", "tasks", "interactions", "campaignMembers", "consentEvents"})
    EXPECT_TRUE(ann->edge->shown(made.at(with_the_person), sync::kDefaultPurpose)->has_value())
        << with_the_person;
  EXPECT_EQ(held_by(*ann), 6U);
}

TEST_F(Handover, BackAgainBringsEverythingWholeWithWhatTheOtherWroteMeanwhile) {
  hand_over("12");
  ASSERT_TRUE(ann->sync() && bob->sync());
  ASSERT_TRUE(bob->set("orders", made.at("orders"), "poNumber", Value{"PO-9"}));
  ASSERT_TRUE(bob->sync());
  hand_over("11");
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(held_by(*ann), kKinds.size());
  EXPECT_EQ(held_by(*bob), 0U);
  EXPECT_EQ(ann->shows("orders", made.at("orders"), "poNumber"), "\"PO-9\"");
  EXPECT_EQ(ann->shows("accounts", made.at("accounts"), "name"), "\"Shop\"");
}

}  // namespace
}  // namespace satchel::test
