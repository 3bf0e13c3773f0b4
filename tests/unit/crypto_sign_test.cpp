#include <unistd.h>

#include <gtest/gtest.h>

#include "crypto/sealed_box.hpp"
#include "crypto/sign.hpp"
#include "tests/unit/crypto_fakes.hpp"

namespace satchel::crypto {
namespace {

TEST(SigningKey, MatchesRfc8032) {
  struct Example {
    Bytes seed, public_key, message, signature;
  };
  const Example examples[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"_hex,
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"_hex, "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
       "1cf9b46bd25bf5f0595bbe24655141438e7a100b"_hex},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"_hex,
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"_hex, "\x72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
       "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"_hex},
  };
  for (const Example& example : examples) {
    const SigningKey key = SigningKey::from_seed(key_of(example.seed));
    EXPECT_EQ(key.public_key(), example.public_key);
    EXPECT_EQ(key.sign(example.message), example.signature);
    EXPECT_TRUE(verify(example.public_key, example.message, example.signature));
  }
}

TEST(Verify, RefusesAnotherMessageKeyOrSignature) {
  SeededEntropy entropy{1};
  const auto key = SigningKey::generate(entropy);
  const auto other = SigningKey::generate(entropy);
  ASSERT_TRUE(key && other);
  const Bytes signature = key->sign("message");
  ASSERT_TRUE(verify(key->public_key(), "message", signature));
  const auto code = [](const Status& status) { return status.error().code; };
  EXPECT_EQ(code(verify(key->public_key(), "massage", signature)), Errc::kSignatureInvalid);
  EXPECT_EQ(code(verify(other->public_key(), "message", signature)), Errc::kSignatureInvalid);
  EXPECT_EQ(code(verify("short", "message", signature)), Errc::kSignatureInvalid);
  EXPECT_EQ(code(verify(key->public_key(), "message", "short")), Errc::kSignatureInvalid);
  for (std::size_t i = 0; i < signature.size(); ++i) {
    Bytes flipped = signature;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_EQ(code(verify(key->public_key(), "message", flipped)), Errc::kSignatureInvalid) << i;
  }
}

TEST(FileSigner, KeepsItsKeyOverARestart) {
  const TemporaryFolder folder;
  SystemEntropy entropy;
  Bytes public_key;
  Bytes signature;
  {
    const auto signer = FileSigner::open(folder.file("signer"), entropy);
    ASSERT_TRUE(signer);
    public_key = (*signer)->public_key();
    signature = *(*signer)->sign("message");
  }
  const auto signer = FileSigner::open(folder.file("signer"), entropy);
  ASSERT_TRUE(signer);
  EXPECT_EQ((*signer)->public_key(), public_key);
  EXPECT_TRUE(verify(public_key, "message", signature));
}

TEST(FileSigner, NeverReplacesADamagedKey) {
  const TemporaryFolder folder;
  SystemEntropy entropy;
  const std::string path = folder.file("signer");
  ASSERT_TRUE(FileSigner::open(path, entropy));
  ASSERT_EQ(truncate(path.c_str(), 40), 0);
  EXPECT_EQ(FileSigner::open(path, entropy).error().code, Errc::kKeyMalformed);
  EXPECT_EQ(std::filesystem::file_size(path), 40U);
}

TEST(X25519, MatchesRfc7748) {
  const auto shared =
      x25519(key_of("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"_hex),
             "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"_hex);
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->bytes(),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"_hex);
  const BoxKeyPair bob = BoxKeyPair::from_secret(
      key_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"_hex));
  EXPECT_EQ(bob.public_key,
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"_hex);
  const auto with_alice = x25519(
      bob.secret, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"_hex);
  ASSERT_TRUE(with_alice);
  EXPECT_EQ(with_alice->bytes(),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"_hex);
}

TEST(X25519, RefusesPointsOfSmallOrder) {
  EXPECT_EQ(x25519(key_filled('s'), Bytes(32, '\0')).error().code, Errc::kKeyMalformed);
  EXPECT_EQ(x25519(key_filled('s'), "short").error().code, Errc::kKeyMalformed);
}

class Box : public testing::Test {
 protected:
  SeededEntropy entropy_{1};
  NonceSource nonces_{entropy_};
  BoxReceiver receiver_{*BoxKeyPair::generate(entropy_)};
};

TEST_F(Box, OpensAtTheReceiverWhateverTheOrderOfSenders) {
  auto ann = BoxSender::open(receiver_.public_key(), entropy_);
  auto bob = BoxSender::open(receiver_.public_key(), entropy_);
  ASSERT_TRUE(ann && bob);
  for (BoxSender* sender : {&*ann, &*bob, &*ann, &*ann}) {
    Bytes box;
    ASSERT_TRUE(sender->seal(nonces_, "place", "an unsent write", box));
    EXPECT_EQ(box.size(), 15 + kBoxOverheadBytes);
    Bytes out;
    ASSERT_TRUE(receiver_.open("place", box, out));
    EXPECT_EQ(out, "an unsent write");
  }
}

TEST_F(Box, NeverLooksTheSameTwice) {
  auto sender = BoxSender::open(receiver_.public_key(), entropy_);
  ASSERT_TRUE(sender);
  Bytes first;
  Bytes second;
  ASSERT_TRUE(sender->seal(nonces_, "place", "an unsent write", first));
  ASSERT_TRUE(sender->seal(nonces_, "place", "an unsent write", second));
  EXPECT_NE(first, second);
}

TEST_F(Box, RefusesEveryAlteredOctetAnotherPlaceAndAnotherReceiver) {
  auto sender = BoxSender::open(receiver_.public_key(), entropy_);
  ASSERT_TRUE(sender);
  Bytes box;
  ASSERT_TRUE(sender->seal(nonces_, "place", "an unsent write", box));
  Bytes out;
  for (std::size_t i = 0; i < box.size(); ++i) {
    // The last bit of the ephemeral key is none of the point's, yet it is bound all the same.
    for (const int flip : {0x01, 0x80}) {
      Bytes altered = box;
      altered[i] = static_cast<char>(altered[i] ^ flip);
      EXPECT_EQ(receiver_.open("place", altered, out).error().code, Errc::kSealBroken) << i;
    }
    EXPECT_EQ(receiver_.open("place", box.substr(0, i), out).error().code, Errc::kSealBroken);
  }
  EXPECT_EQ(receiver_.open("other", box, out).error().code, Errc::kSealBroken);
  BoxReceiver other{*BoxKeyPair::generate(entropy_)};
  EXPECT_EQ(other.open("place", box, out).error().code, Errc::kSealBroken);
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(receiver_.open("place", box, out));
}

}  // namespace
}  // namespace satchel::crypto
