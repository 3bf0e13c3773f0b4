#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "crypto/key_provider.hpp"
#include "tests/unit/crypto_fakes.hpp"

namespace satchel::crypto {
namespace {

using Generations = std::vector<RootGeneration>;

std::string read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}
void write_file(const std::string& path, std::string_view text) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << text;
  file.close();
  chmod(path.c_str(), 0600);
}

class KeyFile : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string path_ = folder_.file("keys");
  FileKeyProvider provider_{path_};
};

TEST_F(KeyFile, HoldsKeysByGenerationOverARestart) {
  ASSERT_TRUE(provider_.put(2, key_filled('2')));
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  FileKeyProvider again{path_};
  EXPECT_EQ(*again.get(1), key_filled('1'));
  EXPECT_EQ(*again.get(2), key_filled('2'));
  EXPECT_EQ(*again.list(), (Generations{1, 2}));
  EXPECT_EQ(again.strength(), KeyStrength::kFile);
}

TEST_F(KeyFile, IsTextThatAPersonCanRead) {
  ASSERT_TRUE(provider_.put(7, key_filled('A')));
  const std::string body = "satchel-keys 1\nkey 7 " + to_hex(Bytes(32, 'A')) + "\n";
  EXPECT_EQ(read_file(path_), body + "sum " + to_hex(sha256(body)) + "\n");
}

TEST_F(KeyFile, SaysLostWhereThereIsNone) {
  EXPECT_EQ(provider_.get(1).error().code, Errc::kKeyLost);
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  EXPECT_EQ(provider_.get(2).error().code, Errc::kKeyLost);
  EXPECT_TRUE(provider_.list()->size() == 1);
}

TEST_F(KeyFile, DestroysOneAndKeepsTheOthers) {
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  ASSERT_TRUE(provider_.put(2, key_filled('2')));
  ASSERT_TRUE(provider_.destroy(1));
  ASSERT_TRUE(provider_.destroy(1));
  EXPECT_EQ(provider_.get(1).error().code, Errc::kKeyLost);
  EXPECT_EQ(*provider_.get(2), key_filled('2'));
  EXPECT_EQ(read_file(path_).find(to_hex(Bytes(32, '1'))), std::string::npos);
}

TEST_F(KeyFile, OverwritesTheFileItReplaced) {
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  // A second name keeps the replaced file reachable.
  ASSERT_EQ(link(path_.c_str(), folder_.file("kept").c_str()), 0);
  ASSERT_TRUE(provider_.destroy(1));
  EXPECT_EQ(read_file(folder_.file("kept")).find_first_not_of('\0'), std::string::npos);
}

TEST_F(KeyFile, SaysMalformedWhereverItIsCut) {
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  const std::string text = read_file(path_);
  for (std::size_t size = 0; size < text.size(); ++size) {
    write_file(path_, text.substr(0, size));
    EXPECT_EQ(provider_.get(1).error().code, Errc::kKeyMalformed) << size;
    EXPECT_EQ(provider_.put(2, key_filled('2')).error().code, Errc::kKeyMalformed);
    EXPECT_EQ(provider_.destroy(1).error().code, Errc::kKeyMalformed);
    EXPECT_EQ(provider_.list().error().code, Errc::kKeyMalformed);
  }
}

TEST_F(KeyFile, SaysMalformedForAFlippedBitInEveryOctet) {
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  const std::string text = read_file(path_);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string flipped = text;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    write_file(path_, flipped);
    EXPECT_EQ(provider_.get(1).error().code, Errc::kKeyMalformed) << i;
  }
}

TEST_F(KeyFile, SaysMalformedForAShortKeyWithARightSum) {
  for (const std::string& line : {"key 1 " + to_hex(Bytes(31, '1')), std::string{"key 1"},
                                 "key 0 " + to_hex(Bytes(32, '1')), std::string{"note"},
                                 "key 1 " + to_hex(Bytes(33, '1'))}) {
    const std::string body = "satchel-keys 1\n" + line + "\n";
    write_file(path_, body + "sum " + to_hex(sha256(body)) + "\n");
    EXPECT_EQ(provider_.get(1).error().code, Errc::kKeyMalformed) << line;
  }
}

TEST_F(KeyFile, RefusesAFileThatOthersMayReadAndSaysWhatToDo) {
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    const auto key = provider_.get(1);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Errc::kConfigInvalid);
    EXPECT_NE(key.error().context.find("chmod 600"), std::string::npos);
  }
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  EXPECT_TRUE(provider_.get(1));
}

TEST_F(KeyFile, RefusesALinkAndAFolder) {
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  ASSERT_EQ(symlink(path_.c_str(), folder_.file("link").c_str()), 0);
  EXPECT_EQ(FileKeyProvider{folder_.file("link")}.get(1).error().code, Errc::kKeyProvider);
  EXPECT_EQ(FileKeyProvider{folder_.file("")}.get(1).error().code, Errc::kKeyProvider);
}

TEST_F(KeyFile, IgnoresAndRemovesWhatACutWriteLeft) {
  ASSERT_TRUE(provider_.put(1, key_filled('1')));
  write_file(path_ + ".new", "satchel-keys 1\nkey 2 ");
  EXPECT_EQ(*provider_.list(), (Generations{1}));
  ASSERT_TRUE(provider_.put(3, key_filled('3')));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  EXPECT_EQ(*provider_.list(), (Generations{1, 3}));
}

TEST_F(KeyFile, SaysProviderWhereTheFolderIsMissing) {
  FileKeyProvider provider{folder_.file("missing/keys")};
  EXPECT_EQ(provider.put(1, key_filled('1')).error().code, Errc::kKeyProvider);
  EXPECT_EQ(provider.get(1).error().code, Errc::kKeyLost);
}

TEST(MemoryKeys, FollowThePort) {
  MemoryKeyProvider provider{KeyStrength::kHardware};
  ASSERT_TRUE(provider.put(1, key_filled('1')));
  ASSERT_TRUE(provider.put(1, key_filled('2')));
  EXPECT_EQ(*provider.get(1), key_filled('2'));
  EXPECT_TRUE(provider.destroy(9));
  EXPECT_TRUE(provider.destroy(1));
  EXPECT_EQ(provider.get(1).error().code, Errc::kKeyLost);
  EXPECT_TRUE(provider.list()->empty());
  EXPECT_EQ(name_of(provider.strength()), "hardware");
}

}  // namespace
}  // namespace satchel::crypto
