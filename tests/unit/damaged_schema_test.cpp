// A schema that rotted in the store of a device: this program has the same one, or the server does.
#include "schema/catalog/built_in.hpp"
#include "schema/compiler/compile.hpp"
#include "sdk/engine/verify.hpp"
#include "sync/store/schema_row.hpp"
#include "tests/support/replica_home.hpp"

namespace satchel {
namespace {

using sync::Table;
using test::kCare;

struct DamagedSchema : testing::Test {
  std::unique_ptr<sdk::Core> store_alone() {
    auto core = sdk::Core::open_store_alone(home.config);
    EXPECT_TRUE(core.has_value());
    return std::move(*core);
  }
  // Garbage in the place of the schema in force.
  void spoil() {
    const auto core = store_alone();
    const auto hash = sdk::find_meta(*core->store, sync::kEdgeSchemaKey);
    auto txn = std::move(*core->store->begin_write());
    ASSERT_TRUE(txn->put(Table::kSchemas, **hash, "garbage") && txn->commit());
  }
  // As if the replica had been enrolled where the fleet's schema is in force.
  void put_fleet() {
    const auto core = store_alone();
    auto txn = std::move(*core->store->begin_write());
    ASSERT_TRUE(sync::put_schema_row(*txn, sync::kEdgeSchemaKey, *fleet) && txn->commit());
  }
  Status verify() {
    auto report = sdk::verify_home(home.config);
    return report ? report->sound : Status{report.error()};
  }
  std::vector<Bytes> stored() {
    const auto core = store_alone();
    std::vector<Bytes> hashes;
    EXPECT_TRUE(
        std::move(*core->store->begin_read())->scan_keys(Table::kSchemas, {}, [&](ByteView key) {
          hashes.emplace_back(key);
          return true;
        }));
    return hashes;
  }

  test::ReplicaHome home;
  std::shared_ptr<const schema::Catalog> fleet =
      *schema::compile_file(SATCHEL_TEST_DATA "/fleet.capnp");
};

TEST_F(DamagedSchema, ThatIsTheBuiltInOneIsWrittenAnew) {
  const std::string id = test::make_record(*home.open(), "accounts", R"({"name":"First"})");
  spoil();
  EXPECT_TRUE(home.open()->get(kCare, "accounts", id).has_value());
  const auto core = store_alone();
  const auto hash = sdk::find_meta(*core->store, sync::kEdgeSchemaKey);
  EXPECT_TRUE(sync::find_schema(*std::move(*core->store->begin_read()), **hash).has_value());
}

TEST_F(DamagedSchema, OfOnesOwnIsNeitherGuessedNorLostAndNamesTheWayOut) {
  put_fleet();
  spoil();
  for (int i = 0; i < 2; ++i) {  // It is remembered from one opening to the next.
    const auto replica = home.open();
    const auto read = replica->get(kCare, "accounts", "01900000-0000-7000-8000-000000000000");
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, Errc::kStoreCorrupt);
    EXPECT_NE(read.error().context.find("`sync` fetches it from the server"), std::string::npos);
    EXPECT_FALSE(replica->begin_write(kCare, sdk::milliseconds{0}).has_value());
    const auto status = replica->status();
    ASSERT_TRUE(status.has_value());
    EXPECT_NE(status->find("`sync` fetches it"), std::string::npos);
    EXPECT_TRUE(replica->heal().has_value());
  }
  const Status verified = verify();
  ASSERT_FALSE(verified) << "also where another verb has put the built-in one in its place";
  EXPECT_NE(verified.error().context.find("`sync` fetches it"), std::string::npos);
  auto core = std::move(*sdk::Core::open(home.config));
  EXPECT_EQ(core->lost_schema, fleet->hash());
  ASSERT_TRUE(core->restore_schema(*fleet));
  EXPECT_TRUE(core->readable());
  EXPECT_EQ(core->edge->catalog().hash(), fleet->hash());
  core.reset();
  EXPECT_TRUE(home.open()->query(kCare, "vans", "", {}).has_value());
  EXPECT_TRUE(verify());
  EXPECT_EQ(stored(), std::vector<Bytes>{fleet->hash()}) << "what stood in for it is gone";
}

TEST_F(DamagedSchema, BytesThatAreAnotherSchemaAreDamage) {
  put_fleet();
  {
    const auto core = store_alone();
    auto txn = std::move(*core->store->begin_write());
    const auto crm = *schema::built_in_crm();
    ASSERT_TRUE(txn->put(Table::kSchemas, fleet->hash(), crm->serialized()) && txn->commit());
  }
  EXPECT_EQ((*sdk::Core::open(home.config))->lost_schema, fleet->hash());
}

}  // namespace
}  // namespace satchel
