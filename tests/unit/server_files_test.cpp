// What an admin hands in: configuration and mappings.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/app/config.hpp"
#include "server/app/files.hpp"
#include "server/ctl/mapping.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

TEST(Scaled, IsExact) {
  EXPECT_EQ(*scaled("9.8", 100), "980");
  EXPECT_EQ(*scaled("14", 100), "1400");
  EXPECT_EQ(*scaled("-0.05", 100), "-5");
  EXPECT_EQ(*scaled("12.340", 100), "1234");
  EXPECT_EQ(*scaled(".5", 10), "5");
  EXPECT_EQ(*scaled("90071992547409.93", 100), "9007199254740993");
}

TEST(Scaled, RefusesWhatIsNoDecimalOrTooFine) {
  for (const char* text :
       {"", "-", ".", "x", "1e3", "1.2.3", " 1", "9.805", "99999999999999999999", "1,5"}) {
    EXPECT_FALSE(scaled(text, 100)) << text;
  }
}

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    char name[] = "/tmp/satchel_files_XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~FilesTest() override { fs::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream{path} << text;
    return path;
  }
  std::string folder_;
};

TEST_F(FilesTest, AConfigurationIsReadBackAsItWasWritten) {
  Config config;
  config.listen = {"127.0.0.1", 8443};
  config.admin_listen = {"::1", 8444};
  config.public_url = "https://crm.example.org";
  config.shutdown_grace = std::chrono::seconds{7};
  config.ca_file = folder_ + "/tls/ca.pem";
  config.cert_file = "/etc/tls/\"x\".pem";
  config.key_file = folder_ + "/tls/key.pem";
  config.map_size_bytes = std::uint64_t{48} << 20;
  config.log_level = LogLevel::kWarning;
  write(kConfigFile, config_text(config, folder_));
  const auto read = read_config(folder_);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(config_text(*read, folder_), config_text(config, folder_));
  EXPECT_EQ(read->admin_listen.text(), "[::1]:8444");
  EXPECT_EQ(read->ca_file, config.ca_file);
  EXPECT_EQ(read->cert_file, config.cert_file);
  EXPECT_EQ(read->map_size_bytes, config.map_size_bytes);
  EXPECT_EQ(read->url(), "https://crm.example.org");
}

TEST_F(FilesTest, EveryComplaintAboutAConfigurationIsMade) {
  write(kConfigFile, "x = 1\n[server]\nlisten = 5\nshutdown_grace = \"1h\"\n");
  const auto read = read_config(folder_);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kConfigInvalid);
  for (const char* complaint :
       {":1:5: unknown key `x`", ":3:10: server.listen: a string", ":4:18: server.shutdown_grace",
        "`server.admin_listen` is missing", "`tls.cert_file` is missing"}) {
    EXPECT_NE(read.error().context.find(complaint), std::string::npos) << complaint << "\n"
                                                                       << read.error().context;
  }
}

TEST_F(FilesTest, AddressesNameHostAndPort) {
  EXPECT_EQ(parse_address("127.0.0.1:80")->port, 80);
  EXPECT_EQ(parse_address("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_address("127.0.0.1:65535")->port, 65535);
  for (const char* text : {"", "80", ":80", "a:", "a:x", "a:65536", "::1:80", "[::1:80", "a:80x"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST_F(FilesTest, ASecretThatOthersMayReadIsNoSecret) {
  const std::string path = folder_ + "/secret";
  ASSERT_TRUE(write_file(path, "x", kSecretMode));
  EXPECT_TRUE(check_secret_mode(path));
  fs::permissions(path, fs::perms::group_read, fs::perm_options::add);
  EXPECT_EQ(check_secret_mode(path).error().code, Errc::kConfigInvalid);
  EXPECT_EQ(check_secret_mode(path + "2").error().code, Errc::kFileRead);
}

TEST_F(FilesTest, AMappingTakesItsValuesFromCellsConstantsAndTemplates) {
  const auto mapping = Mapping::read(write("m.toml", R"(key = "sku"
[fields]
sku = "No"
name = { template = "{A} {B}" }
unit = { value = "case" }
active = { column = "Off", map = { "0" = "true" } }
"price.minor" = { column = "P", scale = 100 }
tags = { column = "T", split = ";" }
parent = { column = "Up", ref = "products", by = "sku" }
)"));
  ASSERT_TRUE(mapping) << mapping.error().message();
  const std::map<std::string, std::string, std::less<>> cells{
      {"No", "7"},  {"A", "Big"},   {"B", "Bolt"}, {"Off", "0"},
      {"P", "1.5"}, {"T", "x; y;"}, {"Up", "6"}};
  const auto mapped = mapping->apply([&](std::string_view name) -> std::optional<std::string_view> {
    const auto found = cells.find(name);
    if (found == cells.end()) return std::nullopt;
    return found->second;
  });
  std::vector<std::string> got;
  const auto targets = mapping->targets();
  for (const ImportValue& value : mapped.values) {
    const ImportField& field = targets[value.field];
    got.push_back(field.path + "=" + value.text +
                  (field.collection.empty() ? "" : "@" + field.collection + "." + field.by));
  }
  EXPECT_EQ(
      got, (std::vector<std::string>{"active=true", "name=Big Bolt", "parent=6@products.sku",
                                     "price.minor=150", "sku=7", "tags=x", "tags=y", "unit=case"}));
  EXPECT_EQ(mapping->key(), "sku");
}

TEST_F(FilesTest, AMappingJoinsWhatIsThereAndLeavesOutWhatIsEmpty) {
  const auto mapping = Mapping::read(write("m.toml", R"(trim = true
[fields]
value = { join = ["{No} {Street}", "{Lot}", "{Town} {Zip}"], with = ", " }
birthday = { column = "Born", time = true }
)"));
  ASSERT_TRUE(mapping) << mapping.error().message();
  EXPECT_TRUE(mapping->trims());
  const auto shown = [&](std::map<std::string, std::string, std::less<>> cells) {
    const auto mapped = mapping->apply([&](std::string_view name) {
      return std::optional<std::string_view>{cells[std::string(name)]};
    });
    std::string text;
    for (const ImportValue& value : mapped.values) text += value.text + ";";
    return text;
  };
  EXPECT_EQ(shown({{"No", "7"}, {"Street", "Row"}, {"Town", "Ely"}, {"Born", "19560409"}}),
            "1956-04-09;7 Row, Ely;");
  EXPECT_EQ(shown({{"Lot", "B"}, {"Born", "19569909"}}), "19569909;B;");
  EXPECT_EQ(shown({}), "");
}

TEST_F(FilesTest, EveryComplaintAboutAMappingNamesItsPlace) {
  const auto mapping = Mapping::read(
      write("m.toml", "clef = \"sku\"\n[fields]\nname = { colum = \"A\" }\nunit = 3\n"));
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().code, Errc::kConfigInvalid);
  for (const char* complaint :
       {"m.toml:1:8: unknown key `clef`", "m.toml:3:18: name: unknown key `colum`",
        "m.toml:4:8: unit: a column's name or a table is needed"}) {
    EXPECT_NE(mapping.error().context.find(complaint), std::string::npos)
        << complaint << "\n"
        << mapping.error().context;
  }
}

}  // namespace
}  // namespace satchel::server
