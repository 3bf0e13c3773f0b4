// The typed header of the standard CRM, over the public headers alone.
#include <gtest/gtest.h>

#include <cstdlib>

#include <satchel/crm.hpp>
#include <satchel/satchel.hpp>

#include "tests/conformance/enrolled_home.hpp"

namespace {

constexpr std::string_view kPurpose = SATCHEL_PURPOSE_DEFAULT;

class TypedRecords : public testing::Test {
 protected:
  void SetUp() override {
    satchel::Config config;
    config.path = home.path();
    auto opened = satchel::Replica::open(config);
    ASSERT_TRUE(opened) << opened.error().message();
    replica.emplace(std::move(*opened));
  }
  satchel::Ref make(const crm::Account::Values& values) {
    satchel::Ref made;
    const auto commit = replica->write(kPurpose, [&](satchel::Write& tx) -> satchel::Status {
      auto ref = satchel::create<crm::Account>(tx, values);
      if (!ref) return ref.error();
      made = *ref;
      return {};
    });
    EXPECT_TRUE(commit) << commit.error().message();
    return made;
  }
  std::vector<std::string> names(const satchel::Condition<crm::Account>& condition) {
    const auto read = replica->read(kPurpose);
    const auto found = satchel::find(*read, condition, {"name", 0});
    EXPECT_TRUE(found) << condition.text() << ": " << found.error().message();
    std::vector<std::string> out;
    if (found) {
      for (const auto& each : *found) out.push_back(each.values.name.value_or(""));
    }
    return out;
  }
  test::EnrolledHome home;
  std::optional<satchel::Replica> replica;
};

TEST_F(TypedRecords, ComeBackAsTheyWereWritten) {
  crm::Account::Values values;
  values.name = "Q\"uote \\ \n Söhne";
  values.billingAddress = crm::Address{};
  values.billingAddress->city = "Lyon";
  values.lastVisitAt = 9'007'199'254'740'993;
  values.position = crm::Position{};
  values.position->lat = 45.75;
  values.openingHours = {{"mon", "8-12"}, {"tue", "9-17"}};
  values.phones = {"1", "2"};
  values.naturalPerson = true;
  const satchel::Ref ref = make(values);
  const auto read = replica->read(kPurpose);
  const auto held = satchel::get<crm::Account>(*read, ref.id);
  ASSERT_TRUE(held) << held.error().message();
  EXPECT_EQ(held->values.name, values.name);
  EXPECT_EQ(held->values.billingAddress->city, "Lyon");
  EXPECT_FALSE(held->values.billingAddress->street.has_value());
  EXPECT_EQ(held->values.lastVisitAt, values.lastVisitAt);
  EXPECT_EQ(held->values.position->lat, 45.75);
  EXPECT_EQ(held->values.openingHours, values.openingHours);
  EXPECT_EQ(held->values.phones, values.phones);
  EXPECT_EQ(held->values.naturalPerson, true);
  EXPECT_EQ(held->values.owner, "ann");
}

TEST_F(TypedRecords, AreFoundByConditionsOnTheirFields) {
  const satchel::Ref first = make({.name = "A \"1\"", .type = "shop", .phones = {{"7"}}});
  make({.name = "B", .type = "office"});
  make({.name = "C", .type = "shop"});
  using crm::Account;
  EXPECT_EQ(names(Account::type == "shop"), (std::vector<std::string>{"A \"1\"", "C"}));
  EXPECT_EQ(names(Account::type == "shop" && Account::name != "C"),
            (std::vector<std::string>{"A \"1\""}));
  EXPECT_EQ(names(Account::name == "A \"1\""), (std::vector<std::string>{"A \"1\""}));
  EXPECT_EQ(names(!(Account::type == "shop") || Account::phones == "7"),
            (std::vector<std::string>{"A \"1\"", "B"}));
  EXPECT_EQ(names(Account::name.in({"B", "C"})), (std::vector<std::string>{"B", "C"}));
  EXPECT_EQ(names(Account::name.like("A%")), (std::vector<std::string>{"A \"1\""}));
  EXPECT_EQ(names(Account::website.exists()), std::vector<std::string>{});
  const auto changed = replica->write(kPurpose, [&](satchel::Write& tx) -> satchel::Status {
    if (auto done = satchel::set(tx, first, Account::website, "w"); !done) return done;
    return satchel::set(tx, first, Account::type, std::nullopt);
  });
  ASSERT_TRUE(changed) << changed.error().message();
  EXPECT_EQ(names(Account::website.exists()), (std::vector<std::string>{"A \"1\""}));
  EXPECT_EQ(names(Account::type == "shop"), (std::vector<std::string>{"C"}));
  const auto read = replica->read(kPurpose);
  EXPECT_EQ(satchel::value_of(*read->get("accounts", first.id), Account::website), "w");
}

}  // namespace
