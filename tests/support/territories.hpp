// Two reps with a territory each, and records that hang together: accounts with contacts, their
// contact points, orders and lines. For tests only.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "schema/compiler/compile.hpp"
#include "tests/support/company.hpp"

namespace satchel::test {

inline constexpr const char* kSlices = R"(@0xd2f1a7c3b5e49879;
using S = import "/satchel/annotations.capnp";
struct Account $S.collection("accounts") $S.scopes(["territory", "team"]) {
  name      @0 :Text $S.merge(lww);
  territory @1 :Text $S.merge(server);
  team      @2 :List(Text) $S.merge(accessSet) $S.privacy(employee);
}
struct Contact $S.collection("contacts") $S.scopes(["account.territory", "account.team"]) {
  name    @0 :Text $S.merge(lww);
  account @1 :Text $S.merge(lww) $S.ref(to = "accounts");
}
struct Point $S.collection("points") $S.scopes(["contact.account.territory"]) {
  value   @0 :Text $S.merge(lww);
  contact @1 :Text $S.merge(lww) $S.privacy(personal) $S.ref(to = "contacts");
}
struct Visit $S.collection("visits") $S.scopes(["owner", "account.territory"]) {
  note    @0 :Text $S.merge(lww);
  account @1 :Text $S.merge(lww) $S.ref(to = "accounts");
  owner   @2 :Text $S.merge(server) $S.privacy(employee);
}
struct Product $S.collection("products") $S.scopes(["all"]) {
  name @0 :Text $S.merge(lww);
}
)";

inline std::shared_ptr<const schema::Catalog> slices() {
  static const auto catalog = schema::compile_text("slices.capnp", kSlices);
  SATCHEL_ASSERT(catalog.has_value());
  return *catalog;
}

// ann has the territory 11, bob 12.
struct Territories {
  Office office{slices()};
  std::unique_ptr<Phone> ann;
  std::unique_ptr<Phone> bob;

  Territories() {
    give("ann", {"11"});
    give("bob", {"12"});
    const auto phone = [this](const char* user, std::uint64_t seed, const char* territory) {
      return std::make_unique<Phone>(office, user, sync::Role::kRep, seed, slices(),
                                     std::vector<std::string>{territory});
    };
    ann = phone("ann", 21, "11");
    bob = phone("bob", 22, "12");
  }
  void give(const std::string& user, std::vector<std::string> territories) {
    office.add_user(user, sync::Role::kRep, std::move(territories));
  }
  // The server's own record; `fields` are written with it.
  using Fields = std::vector<std::pair<std::string, Value>>;
  RecordId make(const std::string& collection, const Fields& fields) {
    RecordId id = *sync::make_record_id(office.clock.wall_us(), office.entropy);
    office.clock.pass(1'000);
    EXPECT_TRUE(office.write([&](sync::CommitBuilder& b) -> Status {
      SATCHEL_TRY(b.create(collection, id));
      for (const auto& [field, value] : fields) SATCHEL_TRY(b.set(collection, id, field, value));
      return {};
    }));
    return id;
  }
  Status change(const std::string& collection, const RecordId& id, const std::string& field,
                const Value& value) {
    return office.write(
        [&](sync::CommitBuilder& b) { return b.set(collection, id, field, value); });
  }
  static std::set<std::string> held_by(Phone& phone) {
    std::set<std::string> held;
    for (const schema::CollectionDef& collection : slices()->collections()) {
      EXPECT_TRUE(
          phone.edge->visit(collection.id, sync::kDefaultPurpose, [&](const sync::Record& record) {
            held.insert(to_text(record.id));
            return true;
          }));
    }
    return held;
  }
  // Of what the server has told it: rows of its store.
  static std::uint64_t stored_by(Phone& phone) {
    auto txn = phone.store->begin_read();
    SATCHEL_ASSERT(txn.has_value());
    return *(*txn)->count_records();
  }
  static std::set<std::string> ids(std::initializer_list<RecordId> all) {
    std::set<std::string> texts;
    for (const RecordId& id : all) texts.insert(to_text(id));
    return texts;
  }
};

// A shop in ann's territory, with a contact, his phone number, and a visit of ann's.
struct Scopes : testing::Test, Territories {
  RecordId shop, jim, phone_of_jim, visit, product;

  void SetUp() override {
    shop = make("accounts", {{"name", Value{"shop"}}, {"territory", Value{"11"}}});
    jim = make("contacts", {{"name", Value{"Jim"}}, {"account", Value{to_text(shop)}}});
    phone_of_jim = make("points", {{"value", Value{"123"}}, {"contact", Value{to_text(jim)}}});
    visit = make(
        "visits",
        {{"note", Value{"first"}}, {"account", Value{to_text(shop)}}, {"owner", Value{"ann"}}});
    product = make("products", {{"name", Value{"bolt"}}});
    ASSERT_TRUE(ann->sync() && bob->sync());
  }
  void hand_over() { ASSERT_TRUE(change("accounts", shop, "territory", Value{"12"})); }
};

}  // namespace satchel::test
