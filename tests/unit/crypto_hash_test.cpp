#include <gtest/gtest.h>

#include "crypto/base64.hpp"
#include "crypto/hash.hpp"
#include "crypto/token.hpp"
#include "tests/unit/crypto_fakes.hpp"

namespace satchel::crypto {
namespace {

Bytes counted(unsigned first, unsigned last) {
  Bytes bytes;
  for (unsigned octet = first; octet <= last; ++octet) bytes += static_cast<char>(octet);
  return bytes;
}

TEST(Sha256, MatchesFips180) {
  EXPECT_EQ(sha256("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"_hex);
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"_hex);
}

TEST(Sha256, DoesNotDependOnThePieces) {
  const Bytes text(1000, 'x');
  for (const std::size_t cut : {0U, 1U, 63U, 64U, 65U, 999U, 1000U}) {
    Sha256 hash;
    hash.update(ByteView{text}.substr(0, cut));
    hash.update(ByteView{text}.substr(cut));
    EXPECT_EQ(hash.finish(), sha256_digest(text)) << cut;
  }
}

TEST(HmacKey, MatchesRfc4231) {
  EXPECT_EQ(hmac_sha256(Bytes(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"_hex);
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"_hex);
  EXPECT_EQ(hmac_sha256(Bytes(131, '\xaa'),
                        "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"_hex);
  EXPECT_EQ(hmac_sha256(Bytes(131, '\xaa'),
                        "This is a test using a larger than block-size key and a larger than "
                        "block-size data. The key needs to be hashed before being used by the "
                        "HMAC algorithm."),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"_hex);
}

TEST(HmacKey, GivesTheSameAgainAndForHeadAndTail) {
  const HmacKey key{"Jefe"};
  const Digest whole = key.mac("what do ya want for nothing?");
  EXPECT_EQ(key.mac("what do ya ", "want for nothing?"), whole);
  EXPECT_EQ(key.mac("what do ya want for nothing?"), whole);
  EXPECT_NE(key.mac("what do ya want for nothing!"), whole);
}

TEST(Hkdf, MatchesRfc5869) {
  Bytes out(42, '\0');
  const auto octets = [&out] {
    return std::span{reinterpret_cast<std::uint8_t*>(out.data()), out.size()};
  };
  hkdf_sha256(Bytes(22, '\x0b'), counted(0, 12), counted(0xf0, 0xf9), octets());
  EXPECT_EQ(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                 "34007208d5b887185865"_hex);
  hkdf_sha256(Bytes(22, '\x0b'), {}, {}, octets());
  EXPECT_EQ(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
                 "9d201395faa4b61a96c8"_hex);
  out.resize(82);
  hkdf_sha256(counted(0, 0x4f), counted(0x60, 0xaf), counted(0xb0, 0xff), octets());
  EXPECT_EQ(out, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                 "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                 "cc30c58179ec3e87c14c01d5c1f3434f1d87"_hex);
}

TEST(Base64, MatchesRfc4648WithoutPadding) {
  EXPECT_EQ(to_base64url(""), "");
  EXPECT_EQ(to_base64url("f"), "Zg");
  EXPECT_EQ(to_base64url("fo"), "Zm8");
  EXPECT_EQ(to_base64url("foo"), "Zm9v");
  EXPECT_EQ(to_base64url("foob"), "Zm9vYg");
  EXPECT_EQ(to_base64url("\xfb\xff\xfe"), "-__-");
}

TEST(Base64, ReadsBackEveryLength) {
  SeededEntropy entropy{1};
  for (std::size_t size = 0; size < 70; ++size) {
    SecretBytes random(size);
    ASSERT_TRUE(entropy.fill(random.octets()));
    const auto back = from_base64url(to_base64url(random.bytes()));
    ASSERT_TRUE(back) << size;
    EXPECT_EQ(*back, random.bytes());
  }
}

TEST(Base64, RefusesOtherSpellings) {
  for (const char* text : {"A", "Zg=", "Zg==", "Zh", "Zm9=", "Zm+v", "Zm/v", "Zm 9v", "AAAAA"}) {
    const auto bytes = from_base64url(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, Errc::kInvalidArgument);
  }
}

TEST(Token, OpensUntilItsEnd) {
  const HmacKey key{key_filled('k')};
  const std::string token = make_token(key, "session", "payload", 1000);
  const auto payload = open_token(key, "session", token, 999);
  ASSERT_TRUE(payload);
  EXPECT_EQ(*payload, "payload");
  EXPECT_EQ(open_token(key, "session", token, 1000).error().code, Errc::kUnauthenticated);
}

TEST(Token, IsNoneElsewhere) {
  const HmacKey key{key_filled('k')};
  const std::string token = make_token(key, "session", "payload", 1000);
  EXPECT_FALSE(open_token(key, "enrolment", token, 0));
  EXPECT_FALSE(open_token(HmacKey{key_filled('l')}, "session", token, 0));
}

TEST(Token, BindsTheBorderBetweenDomainAndBody) {
  const HmacKey key{key_filled('k')};
  // Without its first octet this is a body of the right format again, for a domain longer by that
  // octet.
  const Bytes token = *from_base64url(make_token(key, "session", "payload", 0x7F00000000000001));
  ASSERT_EQ(token[1], '\x01');
  EXPECT_FALSE(open_token(key, "session\x01", to_base64url(token.substr(1)), 0));
}

TEST(Token, RefusesEveryAlteredCharacterAndEveryCut) {
  const HmacKey key{key_filled('k')};
  const std::string token = make_token(key, "session", "payload", 1000);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string altered = token;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(open_token(key, "session", altered, 0).error().code, Errc::kUnauthenticated) << i;
    EXPECT_EQ(open_token(key, "session", token.substr(0, i), 0).error().code,
              Errc::kUnauthenticated);
  }
}

}  // namespace
}  // namespace satchel::crypto
