// What fsck says of the indexes that scopes rest on: each entry that is missing, wrong or too many
// is named, nothing else is, and the next start puts it right.
#include "sync/hub/scope_check.hpp"
#include "sync/hub/scoping.hpp"
#include "tests/support/stored_records.hpp"
#include "tests/support/territories.hpp"

namespace satchel::test {
namespace {

using Sentences = std::vector<std::string>;

struct ScopeCheck : Scopes {
  Sentences check() {
    auto found = sync::check_scopes(*office.hub);
    EXPECT_TRUE(found);
    return found ? *found : Sentences{};
  }
  const Bytes& key() { return sync::Scoping::index_key(*office.hub); }
  RecordNumber number_of(const RecordId& id) { return stored_record(*office.store, id).number; }
  // Behind the hub's back.
  void change(const std::function<Status(sync::WriteTxn&)>& with) {
    auto txn = office.store->begin_write();
    ASSERT_TRUE(txn && with(**txn) && (*txn)->commit());
  }
  void put_scopes(const RecordId& id, const std::vector<sync::Membership>& memberships) {
    change([&](sync::WriteTxn& txn) {
      return txn.put(sync::Table::kScopes, sync::big_key(number_of(id)),
                     sync::encode_memberships(memberships));
    });
  }
  void put_member(const std::string& scope, RecordNumber number, bool in) {
    change([&](sync::WriteTxn& txn) {
      sync::MemberChanges changes;
      in ? changes.enter(scope, number) : changes.leave(scope, number);
      return changes.write(txn, key());
    });
  }
  FieldId field(const std::string& collection, const std::string& name) {
    return slices()->find(collection)->find(name)->id;
  }
  // As fsck calls it.
  std::string scope(const std::string& of) {
    return "scope " + of.substr(0, of.find(':')) + ' ' +
           to_hex(sync::scope_mark(key(), of).substr(0, 4));
  }
  // The next start, and what the devices hold after it.
  void expect_mended() {
    ASSERT_FALSE(check().empty());
    ASSERT_TRUE(sync::mend_scopes_at_next_open(*office.hub));
    office.restart();
    EXPECT_EQ(check(), Sentences{});
    ASSERT_TRUE(ann->sync() && bob->sync());
    EXPECT_EQ(held_by(*ann).size(), 5U);
    EXPECT_EQ(held_by(*bob).size(), 1U);
  }
};

TEST_F(ScopeCheck, FindsNothingWhereNothingIsWrong) {
  EXPECT_EQ(check(), Sentences{});
  ASSERT_TRUE(Territories::change("accounts", shop, "territory", Value{"12"}));
  const RecordId unknown = *sync::make_record_id(office.clock.wall_us(), office.entropy);
  ann->create("contacts", "account", Value{to_text(unknown)});
  ASSERT_TRUE(ann->erase("visits", visit));
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(check(), Sentences{});
  office.restart();
  EXPECT_EQ(check(), Sentences{});
}

TEST_F(ScopeCheck, NamesARecordThatLacksAScope) {
  put_scopes(jim, {});
  const auto name = "contacts " + to_text(jim);
  const auto where = scope("territory:11");
  EXPECT_EQ(check(), (Sentences{name + ": is not in " + where + ", where its fields place it",
                                name + ": is listed in " + where + ", which it is not in"}));
  expect_mended();
}

TEST_F(ScopeCheck, NamesARecordThatHasAScopeTooMany) {
  put_scopes(jim, {{"territory:11", 1, 0}, {"territory:12", 1, 0}, {"territory:13", 1, 2}});
  const auto name = "contacts " + to_text(jim);
  const auto where = scope("territory:12");
  EXPECT_EQ(check(), (Sentences{name + ": is in " + where + ", where its fields do not place it",
                                name + ": is not listed in " + where + ", which it is in"}));
  expect_mended();
}

TEST_F(ScopeCheck, NamesARecordThatIsInAnotherScope) {
  put_scopes(phone_of_jim, {{"territory:12", 1, 0}});
  put_member("territory:11", number_of(phone_of_jim), false);
  put_member("territory:12", number_of(phone_of_jim), true);
  const auto name = "points " + to_text(phone_of_jim);
  EXPECT_EQ(check(),
            (Sentences{
                name + ": is not in " + scope("territory:11") + ", where its fields place it",
                name + ": is in " + scope("territory:12") + ", where its fields do not place it"}));
  expect_mended();
}

TEST_F(ScopeCheck, NamesAScopesMemberThatIsNotListed) {
  put_member("owner:ann", number_of(visit), false);
  EXPECT_EQ(check(), Sentences{"visits " + to_text(visit) + ": is not listed in " +
                               scope("owner:ann") + ", which it is in"});
  expect_mended();
}

TEST_F(ScopeCheck, NamesWhoIsListedInAScopeThatItIsNotIn) {
  put_member("territory:12", number_of(shop), true);
  const auto mark = to_hex(sync::scope_mark(key(), "territory:12").substr(0, 4));
  EXPECT_EQ(check(), Sentences{"accounts " + to_text(shop) + ": is listed in scope " + mark +
                               ", which it is not in"});
  expect_mended();
}

TEST_F(ScopeCheck, NamesALostAndAnAddedReference) {
  const RecordNumber number = number_of(jim);
  const FieldId account = field("contacts", "account");
  change([&](sync::WriteTxn& txn) {
    return sync::erase_reference(txn, key(), shop, number, account);
  });
  const auto name = "contacts " + to_text(jim);
  const auto lost = name + ": the record that its field account names does not know of it";
  EXPECT_EQ(check(), Sentences{lost});
  change(
      [&](sync::WriteTxn& txn) { return sync::put_reference(txn, key(), visit, number, account); });
  const auto added = name + ": a record that its field account does not name knows of it";
  EXPECT_EQ(check(), (Sentences{lost, added})) << "as many rows as there should be";
  expect_mended();
}

TEST_F(ScopeCheck, NamesRowsOfARecordThatIsNotThere) {
  constexpr RecordNumber kNobody = 4'711;
  change([&](sync::WriteTxn& txn) {
    return txn.put(sync::Table::kScopes, sync::big_key(kNobody),
                   sync::encode_memberships({{"territory:11", 1, 0}}));
  });
  change([&](sync::WriteTxn& txn) {
    return sync::put_reference(txn, key(), shop, kNobody, field("contacts", "account"));
  });
  const Sentences found = check();
  ASSERT_EQ(found.size(), 2U);
  for (const std::string& each : found)
    EXPECT_TRUE(each.starts_with("a record that is not there (records/4711)")) << each;
  expect_mended();
}

TEST_F(ScopeCheck, NamesAChildOfNobodyThatLeftItsMaker) {
  const RecordId unknown = *sync::make_record_id(office.clock.wall_us(), office.entropy);
  const RecordId eve = ann->create("contacts", "account", Value{to_text(unknown)});
  ASSERT_TRUE(ann->sync());
  ASSERT_EQ(check(), Sentences{});
  put_scopes(eve, {{"territory:12", 1, 0}});
  const Sentences found = check();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front(), "contacts " + to_text(eve) +
                               ": is not with its maker alone, though no path says anything");
}

TEST_F(ScopeCheck, SaysNothingOfWhatCannotBeReadNorOfWhatHangsOnIt) {
  const sync::StoredRecord whole = spoil_record(*office.store, shop);
  EXPECT_EQ(check(), Sentences{});
  put_stored(*office.store, whole);
  put_scopes(jim, {});
  EXPECT_EQ(check().size(), 2U) << "the same is told of a record that can be read";
}

TEST_F(ScopeCheck, TellsAThousandAndHowManyMore) {
  for (RecordNumber number = 10'000; number < 11'500; ++number) {
    auto txn = office.store->begin_write();
    ASSERT_TRUE(sync::put_reference(**txn, key(), shop, number, 1) && (*txn)->commit());
  }
  const Sentences found = check();
  ASSERT_EQ(found.size(), 1'001U);
  EXPECT_EQ(found.back(), "and 500 more entries of the scope index");
}

}  // namespace
}  // namespace satchel::test
