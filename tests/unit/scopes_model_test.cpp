// Random histories of moves, grants, sessions that are cut and restarts; at the end every device
// holds what a reading of the values alone says, which knows nothing of indexes and sequences.
#include <map>

#include "sync/hub/scope_check.hpp"
#include "tests/support/seeds.hpp"
#include "tests/support/territories.hpp"

namespace satchel::test {
namespace {

const std::vector<std::string> kTerritories{"11", "12", "13"};

class World : public Territories {
 public:
  explicit World(Gen& gen) : gen_(gen) {
    granted_["ann"] = {"11"};
    granted_["bob"] = {"12"};
  }

  void step() {
    switch (gen_.below(12)) {
      case 0:
      case 1: return make_one();
      case 2:
      case 3: return move_account();
      case 4: return turn_child();
      case 5: return grant();
      case 6: return write_on_phone();
      case 7: return make_on_phone();
      case 8: return change_team();
      case 9: return gen_.chance(20) ? office.restart() : office.rescope();
      default: return sync_one();
    }
  }

  // What the values say, and nothing else.
  std::set<std::string> expected(const std::string& user) {
    std::map<std::string, sync::Record> all;
    EXPECT_TRUE(office.hub->visit_records(nullptr, [&](const sync::Record& record) {
      all.emplace(to_text(record.id), record);
      return true;
    }));
    std::set<std::string> held;
    for (const auto& [id, record] : all) {
      if (holds(all, record, user)) held.insert(id);
    }
    return held;
  }
  void finish() {
    expect_sound();
    office.rescope();
    expect_sound();
    for (int round = 0; round < 3; ++round) {
      ASSERT_TRUE(ann->sync());
      ASSERT_TRUE(bob->sync());
    }
    for (Phone* phone : {ann.get(), bob.get()}) {
      const std::string user = phone == ann.get() ? "ann" : "bob";
      EXPECT_EQ(held_by(*phone), expected(user)) << user;
      EXPECT_EQ(stored_by(*phone), expected(user).size()) << user;
      for (const std::string& id : held_by(*phone)) {
        const RecordId record = *parse_record_id(id);
        EXPECT_EQ(dump(*phone->edge->shown(record, sync::kDefaultPurpose), *phone),
                  dump(*office.hub->find_record(record), *phone))
            << user << " holds " << id;
      }
    }
  }

  // Both indexes are what fsck would have them be, whatever waits to be moved.
  void expect_sound() {
    const auto found = sync::check_scopes(*office.hub);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, std::vector<std::string>{});
  }

 private:
  Gen& gen_;
  std::vector<RecordId> accounts_, contacts_, others_;
  std::map<std::string, std::set<std::string>> granted_;

  template <class T>
  const T& one_of(const std::vector<T>& all) {
    return all[gen_.below(all.size())];
  }
  Phone& phone() { return gen_.chance(50) ? *ann : *bob; }

  static std::string text(const sync::Record& record, const char* field) {
    const schema::CollectionDef* def = slices()->find(record.collection);
    const schema::FieldDef* known = def->find(field);
    if (known == nullptr) return {};
    const auto reading = sync::read_field(*known, record.of_field(known->id));
    if (!reading.present) return {};
    const auto value = decode_value(reading.value);
    return value->as<std::string>() != nullptr ? *value->as<std::string>() : std::string{};
  }
  static bool in_team(const sync::Record& record, const std::string& user) {
    const schema::FieldDef* known = slices()->find(record.collection)->find("team");
    for (const auto& item : sync::read_field(*known, record.of_field(known->id)).items) {
      if (*decode_value(item.key)->as<std::string>() == user) return true;
    }
    return false;
  }
  static bool has_team(const sync::Record& record) {
    const schema::FieldDef* known = slices()->find(record.collection)->find("team");
    return !sync::read_field(*known, record.of_field(known->id)).items.empty();
  }
  using All = std::map<std::string, sync::Record>;
  static const sync::Record* parent(const All& all, const sync::Record& record, const char* field,
                                    const char* collection) {
    const auto found = all.find(text(record, field));
    if (found == all.end() || slices()->find(found->second.collection)->name != collection)
      return nullptr;
    return &found->second;
  }
  bool holds(const All& all, const sync::Record& record, const std::string& user) {
    const std::string& name = slices()->find(record.collection)->name;
    if (name == "products") return true;
    const sync::Record* account = &record;
    const sync::Record* contact = &record;
    if (name == "points") contact = parent(all, record, "contact", "contacts");
    if (name != "accounts") {
      account = contact == nullptr ? nullptr : parent(all, *contact, "account", "accounts");
    }
    bool placed = false;
    const std::string territory = account == nullptr ? "" : text(*account, "territory");
    if (!territory.empty()) {
      placed = true;
      if (granted_[user].contains(territory)) return true;
    }
    if (account != nullptr && (name == "accounts" || name == "contacts")) {
      placed = placed || has_team(*account);
      if (in_team(*account, user)) return true;
    }
    if (name == "visits") {
      placed = placed || !text(record, "owner").empty();
      if (text(record, "owner") == user) return true;
    }
    return !placed && text(record, "createdBy") == user;
  }
  static std::string dump(const std::optional<sync::Record>& record, Phone& phone) {
    if (!record) return "none";
    std::string out;
    for (const schema::FieldDef& field : slices()->find(record->collection)->fields) {
      const auto reading = sync::read_field(field, record->of_field(field.id));
      out += field.name + '=' + to_hex(reading.value);
      for (const auto& item : reading.items) out += ' ' + to_hex(item.key);
      out += '\n';
    }
    static_cast<void>(phone);
    return out;
  }

  void make_one() {
    const auto territory = Value{one_of(kTerritories)};
    const auto account = [&] {
      if (accounts_.empty() || gen_.chance(10))
        return to_text(*sync::make_record_id(office.clock.wall_us(), office.entropy));
      return to_text(one_of(accounts_));
    };
    switch (gen_.below(5)) {
      case 0: accounts_.push_back(make("accounts", {{"territory", territory}})); return;
      case 1: contacts_.push_back(make("contacts", {{"account", Value{account()}}})); return;
      case 2:
        if (contacts_.empty()) return;
        others_.push_back(make("points", {{"contact", Value{to_text(one_of(contacts_))}}}));
        return;
      case 3:
        others_.push_back(
            make("visits", {{"account", Value{account()}}, {"owner", Value{one_of_users()}}}));
        return;
      default: make("products", {}); return;
    }
  }
  bool at_office(const RecordId& id) { return office.hub->find_record(id)->has_value(); }
  std::string one_of_users() { return gen_.chance(50) ? "ann" : "bob"; }
  void move_account() {
    if (accounts_.empty()) return;
    const Value territory = gen_.chance(10) ? Value{} : Value{one_of(kTerritories)};
    const RecordId id = one_of(accounts_);
    if (!at_office(id)) return;
    EXPECT_TRUE(change("accounts", id, "territory", territory));
  }
  void turn_child() {
    if (contacts_.empty() || accounts_.empty()) return;
    const RecordId id = one_of(contacts_);
    const Value account{to_text(one_of(accounts_))};
    if (!at_office(id)) return;
    EXPECT_TRUE(change("contacts", id, "account", account));
  }
  void change_team() {
    if (accounts_.empty()) return;
    const RecordId id = one_of(accounts_);
    const Value user{one_of_users()};
    const bool add = gen_.chance(50);
    static_cast<void>(office.write([&](sync::CommitBuilder& b) {
      return add ? b.set_add("accounts", id, "team", user)
                 : b.set_remove("accounts", id, "team", user);
    }));
  }
  void grant() {
    const std::string user = one_of_users();
    std::set<std::string> now;
    for (const std::string& territory : kTerritories) {
      if (gen_.chance(50)) now.insert(territory);
    }
    granted_[user] = now;
    give(user, {now.begin(), now.end()});
  }
  void write_on_phone() {
    Phone& device = phone();
    const auto held = held_by(device);
    for (const RecordId& id : accounts_) {
      if (!held.contains(to_text(id)) || gen_.chance(50)) continue;
      EXPECT_TRUE(device.set("accounts", id, "name", Value{std::to_string(gen_.next())}));
    }
    for (const RecordId& id : contacts_) {
      if (!held.contains(to_text(id)) || !gen_.chance(30) || accounts_.empty()) continue;
      const Value account{to_text(one_of(accounts_))};
      EXPECT_TRUE(device.set("contacts", id, "account", account));
    }
  }
  void make_on_phone() {
    Phone& device = phone();
    if (gen_.chance(40)) {
      accounts_.push_back(device.create("accounts", "name", Value{"made"}));
    } else if (!accounts_.empty()) {
      contacts_.push_back(device.create("contacts", "account", Value{to_text(one_of(accounts_))}));
    }
  }
  void sync_one() {
    Phone& device = phone();
    if (gen_.chance(40)) {
      const std::size_t cut = 1 + gen_.below(12);
      std::size_t messages = 0;
      static_cast<void>(device.sync([&](bool, const Bytes&) { return ++messages < cut; }));
      return;
    }
    const Status done = device.sync();
    EXPECT_TRUE(done) << (done ? "" : done.error().message());
  }
};

TEST(ScopesModel, EveryDeviceHoldsWhatTheValuesSayAfterAnyHistory) {
  for_each_seed([](Gen& gen) {
    World world{gen};
    for (int i = 0; i < 120 && !testing::Test::HasFailure(); ++i) world.step();
    world.finish();
  });
}

}  // namespace
}  // namespace satchel::test
