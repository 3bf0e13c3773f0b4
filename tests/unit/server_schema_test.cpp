// A schema that rotted in the server's store: it is taken from the program or from a file.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "schema/compiler/compile.hpp"
#include "server/app/workspace.hpp"
#include "sync/hub/rows.hpp"
#include "sync/store/schema_row.hpp"
#include "tests/support/temporary_folder.hpp"

namespace satchel::server {
namespace {

using sync::Table;

const std::string kFleetFile = SATCHEL_TEST_DATA "/fleet.capnp";

struct StoredSchema : testing::Test {
  void make(const std::shared_ptr<const schema::Catalog>& catalog) {
    layout = {folder.path(), "main"};
    config.map_size_bytes = 64 << 20;
    ASSERT_TRUE(Workspace::create(layout, config, catalog));
  }
  void spoil(ByteView hash) {
    const auto workspace = std::move(*Workspace::open(layout, config));
    auto txn = std::move(*workspace->store().begin_write());
    ASSERT_TRUE(txn->put(Table::kSchemas, hash, "garbage") && txn->commit());
  }
  Bytes hash_in_force() {
    const auto workspace = Workspace::open(layout, config);
    if (!workspace) return Bytes{workspace.error().context};
    auto txn = std::move(*(*workspace)->store().begin_read());
    const Bytes hash = (*workspace)->hub().catalog()->hash();
    return sync::find_schema(*txn, hash) ? hash : Bytes{};
  }

  test::TemporaryFolder folder;
  Layout layout;
  Config config;
  std::shared_ptr<const schema::Catalog> crm = *schema::compile_crm();
  std::shared_ptr<const schema::Catalog> fleet = *schema::compile_file(kFleetFile);
};

TEST_F(StoredSchema, ThatRottedAndIsTheBuiltInOneIsWrittenAnew) {
  make(crm);
  spoil(crm->hash());
  EXPECT_EQ(hash_in_force(), crm->hash());
}

TEST_F(StoredSchema, BesideAStateThatRottedSaysHowTheServerComesBack) {
  make(crm);
  {
    const auto workspace = std::move(*Workspace::open(layout, config));
    auto txn = std::move(*workspace->store().begin_write());
    ASSERT_TRUE(txn->put(Table::kMeta, sync::kStateKey, "garbage") && txn->commit());
  }
  const auto workspace = Workspace::open(layout, config);
  ASSERT_FALSE(workspace.has_value());
  EXPECT_EQ(workspace.error().code, Errc::kStoreCorrupt);
  EXPECT_NE(workspace.error().context.find("put a whole copy of the workspace's folder back"),
            std::string::npos);
}

TEST_F(StoredSchema, ThatRottedIsToldByTheNextLookAtTheStoreOnce) {
  make(crm);
  spoil(crm->hash());
  const auto workspace = std::move(*Workspace::open(layout, config));
  const auto told = std::move(*workspace->store().check()).bad;
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front(), "schema " + to_hex(crm->hash()) + " was damaged, and is written anew");
  EXPECT_TRUE(std::move(*workspace->store().check()).bad.empty());
}

TEST_F(StoredSchema, ThatRottedIsTakenFromTheFileThatIsConfigured) {
  make(fleet);
  config.schema_file = kFleetFile;
  spoil(fleet->hash());
  EXPECT_EQ(hash_in_force(), fleet->hash());
  config.schema_file.clear();
  EXPECT_EQ(hash_in_force(), fleet->hash()) << "the row is whole again";
}

TEST_F(StoredSchema, ThatRottedAndIsNowhereElseSaysWhatToDo) {
  make(fleet);
  spoil(fleet->hash());
  const auto refused = [&] {
    const auto workspace = Workspace::open(layout, config);
    EXPECT_FALSE(workspace.has_value());
    if (workspace) return std::string{};
    EXPECT_EQ(workspace.error().code, Errc::kStoreCorrupt);
    return workspace.error().context;
  };
  EXPECT_NE(refused().find("name its file as store.schema_file in satcheld.toml"),
            std::string::npos);
  config.schema_file = folder.path() + "/none.capnp";
  EXPECT_NE(refused().find("none.capnp, does not compile"), std::string::npos);
  config.schema_file = folder.path() + "/other.capnp";
  std::filesystem::copy_file(kFleetFile, config.schema_file);
  std::ofstream{config.schema_file, std::ios::app} << "struct Other @0xd58e02b0e1a5c3f7 {}\n";
  EXPECT_EQ(hash_in_force(), fleet->hash()) << "what is not a collection changes nothing";
}

TEST_F(StoredSchema, NoLongerInForceIsDroppedWhereItRotted) {
  make(crm);
  spoil(fleet->hash());
  EXPECT_EQ(hash_in_force(), crm->hash());
  const auto workspace = std::move(*Workspace::open(layout, config));
  EXPECT_EQ(workspace->hub().schema_nodes(fleet->hash()).error().code, Errc::kSchemaUnknown);
}

TEST_F(StoredSchema, ThatRotsWhileTheServerRunsIsStillGivenToDevices) {
  make(crm);
  const auto workspace = std::move(*Workspace::open(layout, config));
  {
    auto txn = std::move(*workspace->store().begin_write());
    ASSERT_TRUE(txn->put(Table::kSchemas, crm->hash(), "garbage") && txn->commit());
  }
  EXPECT_EQ(*workspace->hub().schema_nodes(crm->hash()), crm->serialized());
}

}  // namespace
}  // namespace satchel::server
