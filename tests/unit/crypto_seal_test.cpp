#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "crypto/aead.hpp"
#include "crypto/associated_data.hpp"
#include "tests/unit/crypto_fakes.hpp"

namespace satchel::crypto {
namespace {

Nonce nonce_of(ByteView bytes) {
  Nonce nonce;
  SATCHEL_ASSERT(bytes.size() == nonce.size());
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  return nonce;
}

TEST(AeadKey, MatchesTheGcmSpecification) {  // Test cases 13, 14 and 16.
  AeadKey zero{Key32{}};
  Bytes out;
  zero.seal(Nonce{}, {}, {}, out);
  EXPECT_EQ(out, "530f8afbc74536b9a963b4f1c4cb738b"_hex);
  out.clear();
  zero.seal(Nonce{}, {}, Bytes(16, '\0'), out);
  EXPECT_EQ(out, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"_hex);

  AeadKey key{key_of("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"_hex)};
  const Bytes plaintext =
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"_hex;
  const Bytes aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2"_hex;
  const Nonce nonce = nonce_of("cafebabefacedbaddecaf888"_hex);
  const Bytes sealed =
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b"_hex;
  // The schedule is kept: the second seal uses it again.
  for (int repeat = 0; repeat < 2; ++repeat) {
    out.clear();
    key.seal(nonce, aad, plaintext, out);
    EXPECT_EQ(out, sealed);
    Bytes opened;
    ASSERT_TRUE(key.open(nonce, aad, sealed, opened));
    EXPECT_EQ(opened, plaintext);
  }
  EXPECT_EQ(key.seal_count(), 2U);
}

TEST(AeadKey, RefusesEveryFlippedBitAndLeavesTheOutputAsItWas) {
  SeededEntropy entropy{7};
  NonceSource nonces{entropy};
  AeadKey key{key_filled('k')};
  Bytes sealed;
  ASSERT_TRUE(key.seal_with(nonces, "place", "a value", sealed));
  ASSERT_EQ(sealed.size(), 7 + kSealOverheadBytes);
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Bytes flipped = sealed;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    Bytes out = "before";
    const Status opened = key.open_with_nonce("place", flipped, out);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::kSealBroken);
    EXPECT_EQ(out, "before");
  }
  Bytes out = "before ";
  ASSERT_TRUE(key.open_with_nonce("place", sealed, out));
  EXPECT_EQ(out, "before a value");
}

TEST(AeadKey, RefusesAnotherPlaceAnotherKeyAndEveryCut) {
  SeededEntropy entropy{7};
  NonceSource nonces{entropy};
  AeadKey key{key_filled('k')};
  AeadKey other{key_filled('l')};
  Bytes sealed;
  ASSERT_TRUE(key.seal_with(nonces, "place", "a value", sealed));
  Bytes out;
  EXPECT_EQ(key.open_with_nonce("plac", sealed, out).error().code, Errc::kSealBroken);
  EXPECT_EQ(other.open_with_nonce("place", sealed, out).error().code, Errc::kSealBroken);
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    const Bytes cut = sealed.substr(0, size);
    EXPECT_EQ(key.open_with_nonce("place", cut, out).error().code, Errc::kSealBroken) << size;
  }
  EXPECT_TRUE(out.empty());
}

TEST(AeadKey, OpensIntoGivenMemoryAndZeroesItOnFailure) {
  SeededEntropy entropy{7};
  NonceSource nonces{entropy};
  AeadKey key{key_filled('k')};
  Bytes sealed;
  ASSERT_TRUE(key.seal_with(nonces, "place", "a value", sealed));
  std::array<std::uint8_t, 7> out{};
  ASSERT_TRUE(key.open_into("place", sealed, out));
  EXPECT_EQ(as_view(out), "a value");
  EXPECT_FALSE(key.open_into("other", sealed, out));
  EXPECT_EQ(as_view(out), Bytes(7, '\0'));
}

TEST(AeadKey, LeavesTheOutputAsItWasWithoutEntropy) {
  FailingEntropy entropy;
  NonceSource nonces{entropy};
  AeadKey key{key_filled('k')};
  Bytes out = "before";
  EXPECT_EQ(key.seal_with(nonces, "place", "a value", out).error().code, Errc::kEntropy);
  EXPECT_EQ(out, "before");
}

// RFC 5297 from its parts, for keys of both sizes.
Bytes cmac(ByteView key, ByteView message) {
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "CMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
  std::string cipher = key.size() == 32 ? "AES-256-CBC" : "AES-128-CBC";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher.data(), 0),
      OSSL_PARAM_construct_end()};
  Bytes out(16, '\0');
  std::size_t size = 0;
  SATCHEL_ASSERT(EVP_MAC_init(context, as_octets(key).data(), key.size(), parameters) == 1);
  SATCHEL_ASSERT(EVP_MAC_update(context, as_octets(message).data(), message.size()) == 1);
  SATCHEL_ASSERT(
      EVP_MAC_final(context, reinterpret_cast<unsigned char*>(out.data()), &size, 16) == 1);
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return out;
}

Bytes xored(Bytes a, ByteView b) {
  for (std::size_t i = 0; i < b.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

Bytes doubled(const Bytes& block) {
  Bytes out(16, '\0');
  for (std::size_t i = 0; i < 16; ++i) {
    const unsigned here = static_cast<unsigned char>(block[i]);
    const unsigned next = i < 15 ? static_cast<unsigned char>(block[i + 1]) : 0;
    out[i] = static_cast<char>(here << 1 | next >> 7);
  }
  if ((block[0] & 0x80) != 0) out[15] = static_cast<char>(out[15] ^ 0x87);
  return out;
}

Bytes siv_from_parts(ByteView key, ByteView aad, ByteView plaintext) {
  const ByteView mac_key = key.substr(0, key.size() / 2);
  const ByteView counter_key = key.substr(key.size() / 2);
  const Bytes chain = xored(doubled(cmac(mac_key, Bytes(16, '\0'))), cmac(mac_key, aad));
  Bytes last{plaintext};
  if (plaintext.size() >= 16) {
    const std::size_t head = plaintext.size() - 16;
    last = last.substr(0, head) + xored(last.substr(head), chain);
  } else {
    last += '\x80';
    last.resize(16, '\0');
    last = xored(last, doubled(chain));
  }
  Bytes out = cmac(mac_key, last);
  Bytes counter = out;
  counter[8] = static_cast<char>(counter[8] & 0x7F);
  counter[12] = static_cast<char>(counter[12] & 0x7F);
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  SATCHEL_ASSERT(EVP_EncryptInit_ex(context,
                                    key.size() == 64 ? EVP_aes_256_ctr() : EVP_aes_128_ctr(),
                                    nullptr, as_octets(counter_key).data(),
                                    as_octets(counter).data()) == 1);
  Bytes ciphertext(plaintext.size(), '\0');
  int size = 0;
  SATCHEL_ASSERT(EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(ciphertext.data()),
                                   &size, as_octets(plaintext).data(),
                                   static_cast<int>(plaintext.size())) == 1);
  EVP_CIPHER_CTX_free(context);
  return out + ciphertext;
}

TEST(SivKey, MatchesRfc5297FromItsParts) {
  // The parts first, against the RFC's example A.1, which has AES-128.
  ASSERT_EQ(siv_from_parts("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"_hex,
                           "101112131415161718191a1b1c1d1e1f2021222324252627"_hex,
                           "112233445566778899aabbccddee"_hex),
            "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"_hex);
  SeededEntropy entropy{3};
  for (const std::size_t size : {1U, 14U, 15U, 16U, 17U, 31U, 32U, 33U, 1000U}) {
    const auto key = random_secret<64>(entropy);
    SecretBytes plaintext(size);
    ASSERT_TRUE(entropy.fill(plaintext.octets()));
    Bytes sealed;
    ASSERT_TRUE(SivKey{*key}.seal("associated", plaintext.bytes(), sealed));
    EXPECT_EQ(sealed, siv_from_parts(key->bytes(), "associated", plaintext.bytes())) << size;
    const auto opened = SivKey{*key}.open("associated", sealed);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, plaintext);
  }
}

TEST(SivKey, RefusesEveryFlippedBit) {
  const SivKey key = SivKey::derive(key_filled('k'), "label");
  Bytes sealed;
  ASSERT_TRUE(key.seal("associated", "a table", sealed));
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Bytes flipped = sealed;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(key.open("associated", flipped).error().code, Errc::kSealBroken);
  }
  EXPECT_EQ(key.open("associate", sealed).error().code, Errc::kSealBroken);
  EXPECT_EQ(SivKey::derive(key_filled('k'), "other").open("associated", sealed).error().code,
            Errc::kSealBroken);
  EXPECT_TRUE(key.open("associated", sealed));
}

TEST(SivKey, InsistsOnAssociatedDataAndPlaintext) {
  const SivKey key = SivKey::derive(key_filled('k'), "label");
  Bytes sealed;
  EXPECT_EQ(key.seal("", "a table", sealed).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(key.seal("associated", "", sealed).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(key.open("", Bytes(40, 'x')).error().code, Errc::kInvalidArgument);
  EXPECT_TRUE(sealed.empty());
}

TEST(NonceSource, DrawsFiveHundredAndTwelveAtATime) {
  SeededEntropy entropy{1};
  NonceSource nonces{entropy};
  std::set<Nonce> seen;
  for (int i = 0; i < 512; ++i) seen.insert(*nonces.next());
  EXPECT_EQ(entropy.fills(), 1);
  seen.insert(*nonces.next());
  EXPECT_EQ(entropy.fills(), 2);
  EXPECT_EQ(seen.size(), 513U);
}

TEST(NonceSource, ForgetsWhatItDrewWhenDropped) {
  SeededEntropy entropy{1};
  NonceSource nonces{entropy};
  ASSERT_TRUE(nonces.next());
  nonces.drop();
  ASSERT_TRUE(nonces.next());
  EXPECT_EQ(entropy.fills(), 2);
}

using Spawn = pid_t (*)();
// Not a fork to the C library: it runs no handlers.
pid_t bare_clone() { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

// How many nonces a child shares with its parent, of 300 each, drawn after they parted.
std::size_t repeats_across(Spawn spawn) {
  constexpr std::size_t kCount = 300;
  SystemEntropy entropy;
  NonceSource nonces{entropy};
  SATCHEL_ASSERT(nonces.next());
  int ends[2];
  SATCHEL_ASSERT(pipe(ends) == 0);
  const pid_t child = spawn();
  if (child == 0) {
    for (std::size_t i = 0; i < kCount; ++i) {
      const auto nonce = nonces.next();
      if (!nonce || write(ends[1], nonce->data(), kNonceBytes) != kNonceBytes) _exit(1);
    }
    _exit(0);
  }
  close(ends[1]);
  std::set<Nonce> seen;
  for (std::size_t i = 0; i < kCount; ++i) seen.insert(*nonces.next());
  std::size_t repeats = 0;
  std::size_t received = 0;
  for (Nonce nonce; read(ends[0], nonce.data(), kNonceBytes) == kNonceBytes; ++received) {
    repeats += seen.count(nonce);
  }
  close(ends[0]);
  int status = 0;
  SATCHEL_ASSERT(waitpid(child, &status, 0) == child && status == 0);
  EXPECT_EQ(received, kCount);
  return repeats;
}

TEST(NonceSource, RepeatsNoNonceAcrossAFork) {
  EXPECT_EQ(repeats_across([] { return fork(); }), 0U);
}

TEST(NonceSource, WouldRepeatEveryNonceWithoutTheDropAtAFork) {
  // The control of the test above: the same processes, where the handler does not run.
  EXPECT_EQ(repeats_across(bare_clone), 300U);
}

TEST(SubjectSet, SortsAndTakesEachOnce) {
  const SubjectRef refs[] = {subject_filled(3), subject_filled(1), subject_filled(3),
                             subject_filled(2)};
  const auto set = SubjectSet::from(refs);
  ASSERT_TRUE(set);
  ASSERT_EQ(set->size(), 3U);
  EXPECT_EQ(set->refs()[0], subject_filled(1));
  EXPECT_EQ(set->refs()[1], subject_filled(2));
  EXPECT_EQ(set->refs()[2], subject_filled(3));
}

TEST(SubjectSet, HoldsItsLimitAndNoMore) {
  std::vector<SubjectRef> refs;
  for (std::size_t i = 0; i < limits::kSubjectsMax; ++i) {
    refs.push_back(subject_filled(static_cast<std::uint8_t>(9 - i)));
  }
  refs.push_back(refs.front());
  EXPECT_TRUE(SubjectSet::from(refs));
  refs.push_back(subject_filled(77));
  EXPECT_EQ(SubjectSet::from(refs).error().code, Errc::kLimitExceeded);
}

TEST(AssociatedData, FollowsItsOffsetTable) {
  SealedPlace place;
  place.store = store_filled(0xAA);
  place.table = 0x01;
  place.number = 0x1122334455667788;
  place.privacy_class = PrivacyClass::kPersonal;
  place.generation = 0x99AABBCC;
  place.revision = 0x0102030405060708;
  place.format = 0x05;
  EXPECT_EQ(to_hex(AssociatedData{place}.bytes()),
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "01" "8877665544332211" "04" "ccbbaa99"
            "0807060504030201" "05" "00");
  const SubjectRef refs[] = {subject_filled(2), subject_filled(1)};
  place.subjects = *SubjectSet::from(refs);
  EXPECT_EQ(to_hex(AssociatedData{place}.bytes()).substr(78),
            "02" "01010101010101010101010101010101" "02020202020202020202020202020202");
}

}  // namespace
}  // namespace satchel::crypto
