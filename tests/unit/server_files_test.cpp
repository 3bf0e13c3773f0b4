// What an admin hands in: configuration, CSV, mappings.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "schema/model/limits.hpp"
#include "server/app/config.hpp"
#include "server/app/files.hpp"
#include "server/ctl/csv.hpp"
#include "server/ctl/mapping.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

using Rows = std::vector<std::vector<std::string>>;

struct Read {
  Rows rows;
  std::vector<std::uint64_t> lines;
  std::optional<Error> error;
};

Read read_csv(const std::string& text) {
  std::istringstream in{text};
  CsvReader reader{in};
  Read read;
  CsvReader::Row row;
  for (;;) {
    const auto more = reader.next(row);
    if (!more) {
      read.error = more.error();
      return read;
    }
    if (!*more) return read;
    read.rows.push_back(row.cells);
    read.lines.push_back(row.line);
  }
}

TEST(CsvReader, ReadsPlainAndQuotedCells) {
  EXPECT_EQ(read_csv("a,b\n1,2\n").rows, (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read_csv("a,b\r\n1,2").rows, (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read_csv("\"a,\"\"x\"\"\",\"b\nc\"\n").rows, (Rows{{"a,\"x\"", "b\nc"}}));
  EXPECT_EQ(read_csv("a,,\n").rows, (Rows{{"a", "", ""}}));
  EXPECT_EQ(read_csv("\"\",b\n").rows, (Rows{{"", "b"}}));
}

TEST(CsvReader, SkipsTheByteOrderMarkAndEmptyLines) {
  EXPECT_EQ(read_csv("\xEF\xBB\xBF" "a\n\n\r\nb\n").rows, (Rows{{"a"}, {"b"}}));
  EXPECT_TRUE(read_csv("").rows.empty());
  EXPECT_TRUE(read_csv("\xEF\xBB\xBF").rows.empty());
}

TEST(CsvReader, CountsLinesInsideCells) {
  EXPECT_EQ(read_csv("a\n\"b\n\nc\"\nd\n").lines, (std::vector<std::uint64_t>{1, 2, 5}));
}

TEST(CsvReader, RefusesWhatRfc4180DoesNotHave) {
  EXPECT_EQ(read_csv("ok\na\"b\n").error->context, "2: a quote inside an unquoted cell");
  EXPECT_EQ(read_csv("\"a\"b\n").error->context, "1: text after a closing quote");
  EXPECT_EQ(read_csv("ok\n\"a\n\n").error->context, "2: a quote never closes");
}

TEST(CsvReader, TakesARowOfItsLimitAndNotOneByteMore) {
  const std::string most(limits::kImportLineBytesMax - 1, 'x');  // And the line end.
  EXPECT_EQ(read_csv(most + "\n").rows.size(), 1u);
  EXPECT_EQ(read_csv(most + "xx\n").error->code, Errc::kLimitExceeded);
}

TEST(Scaled, IsExact) {
  EXPECT_EQ(*scaled("9.8", 100), "980");
  EXPECT_EQ(*scaled("14", 100), "1400");
  EXPECT_EQ(*scaled("-0.05", 100), "-5");
  EXPECT_EQ(*scaled("12.340", 100), "1234");
  EXPECT_EQ(*scaled(".5", 10), "5");
  EXPECT_EQ(*scaled("90071992547409.93", 100), "9007199254740993");
}

TEST(Scaled, RefusesWhatIsNoDecimalOrTooFine) {
  for (const char* text : {"", "-", ".", "x", "1e3", "1.2.3", " 1", "9.805",
                           "99999999999999999999", "1,5"}) {
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
    EXPECT_NE(read.error().context.find(complaint), std::string::npos)
        << complaint << "\n" << read.error().context;
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
      {"No", "7"}, {"A", "Big"}, {"B", "Bolt"}, {"Off", "0"}, {"P", "1.5"}, {"T", "x; y;"},
      {"Up", "6"}};
  const auto mapped = mapping->apply([&](std::string_view name) -> std::optional<std::string> {
    const auto found = cells.find(name);
    if (found == cells.end()) return std::nullopt;
    return found->second;
  });
  std::vector<std::string> got;
  for (const ImportValue& value : mapped.values) {
    got.push_back(value.field.path + "=" + value.field.text +
                  (value.collection.empty() ? "" : "@" + value.collection + "." + value.by));
  }
  EXPECT_EQ(got, (std::vector<std::string>{"active=true", "name=Big Bolt",
                                           "parent=6@products.sku", "price.minor=150", "sku=7",
                                           "tags=x", "tags=y", "unit=case"}));
  EXPECT_EQ(mapping->key(), "sku");
}

TEST_F(FilesTest, AMappingWithAnUnknownWordNamesItsPlace) {
  const auto mapping = Mapping::read(write("m.toml", "[fields]\nname = { colum = \"A\" }\n"));
  ASSERT_FALSE(mapping);
  EXPECT_NE(mapping.error().context.find("m.toml:2:"), std::string::npos);
  EXPECT_NE(mapping.error().context.find("unknown key `colum`"), std::string::npos);
}

}  // namespace
}  // namespace satchel::server
