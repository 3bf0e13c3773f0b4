#include <gtest/gtest.h>

#include "crypto/certificate.hpp"
#include "tests/unit/crypto_fakes.hpp"

namespace satchel::crypto {
namespace {

constexpr std::int64_t kNow = 1'780'000'000;
constexpr std::int64_t kDay = 86'400;

class ServerCertificate : public testing::Test {
 protected:
  void SetUp() override {
    auto authority = make_authority("Satchel test authority", kNow);
    ASSERT_TRUE(authority);
    authority_ = std::move(*authority);
    const std::string hosts[] = {"crm.example.org", "192.0.2.7", "2001:db8::7"};
    auto server = make_server_certificate(authority_, hosts, kNow);
    ASSERT_TRUE(server);
    server_ = std::move(*server);
    chain_ = {*der_of_pem(server_.certificate), *der_of_pem(authority_.certificate)};
    pin_ = *pin_of_pem(authority_.certificate);
  }
  Errc check(std::string_view host, std::optional<std::int64_t> now_s = kNow) {
    const Status checked = check_pinned_chain(chain_, pin_, host, now_s);
    return checked ? Errc{} : checked.error().code;
  }

  CertificatePair authority_;
  CertificatePair server_;
  std::vector<Bytes> chain_;
  Bytes pin_;
};

TEST_F(ServerCertificate, ServesItsHostsAndThisMachine) {
  for (const char* host : {"crm.example.org", "CRM.example.org", "192.0.2.7", "2001:db8::7",
                           "localhost", "127.0.0.1", "::1"}) {
    EXPECT_EQ(check(host), Errc{}) << host;
  }
}

TEST_F(ServerCertificate, ServesNoOtherHost) {
  for (const char* host : {"example.org", "a.crm.example.org", "192.0.2.8", "::2", "", "*",
                           "crm.example.org,DNS:evil"}) {
    EXPECT_EQ(check(host), Errc::kCertificateWrong) << host;
  }
}

TEST_F(ServerCertificate, LastsTwoYears) {
  EXPECT_EQ(check("localhost", kNow - kDay / 2), Errc{});
  EXPECT_EQ(check("localhost", kNow + 729 * kDay), Errc{});
  EXPECT_EQ(check("localhost", kNow + 731 * kDay), Errc::kCertificateWrong);
  EXPECT_EQ(check("localhost", kNow - 2 * kDay), Errc::kCertificateWrong);
  EXPECT_EQ(check("localhost", std::nullopt), Errc{});
  EXPECT_EQ(*expiry_of_pem(server_.certificate), kNow + kLeafDays * kDay);
  EXPECT_EQ(*expiry_of_pem(authority_.certificate), kNow + kAuthorityDays * kDay);
}

TEST_F(ServerCertificate, NeverOutlivesItsAuthority) {
  const auto late = make_server_certificate(authority_, {}, kNow + 3000 * kDay);
  ASSERT_TRUE(late);
  EXPECT_EQ(*expiry_of_pem(late->certificate), *expiry_of_pem(authority_.certificate));
}

TEST_F(ServerCertificate, NeedsThePinnedAuthorityInTheChain) {
  chain_.pop_back();
  EXPECT_EQ(check("localhost"), Errc::kCertificateWrong);
  chain_.clear();
  EXPECT_EQ(check("localhost"), Errc::kCertificateWrong);
}

TEST_F(ServerCertificate, IsNotTakenFromAnotherAuthority) {
  const auto other = make_authority("Satchel test authority", kNow);
  const auto forged = make_server_certificate(*other, {}, kNow);
  ASSERT_TRUE(other && forged);
  const Bytes pinned = chain_.back();
  chain_ = {*der_of_pem(forged->certificate), *der_of_pem(other->certificate)};
  EXPECT_EQ(check("localhost"), Errc::kCertificateWrong);
  chain_.push_back(pinned);  // To carry the pinned one along does not help.
  EXPECT_EQ(check("localhost"), Errc::kCertificateWrong);
}

TEST_F(ServerCertificate, IsNotTakenAlteredOrWithRubbish) {
  const std::vector<Bytes> chain = chain_;
  for (std::size_t i = 0; i < chain[0].size(); i += 7) {
    chain_ = chain;
    chain_[0][i] = static_cast<char>(chain_[0][i] ^ 1);
    EXPECT_EQ(check("localhost"), Errc::kCertificateWrong) << i;
  }
  chain_ = chain;
  chain_[1].back() = static_cast<char>(chain_[1].back() ^ 1);  // The authority's own signature.
  EXPECT_EQ(check("localhost"), Errc::kCertificateWrong);
  chain_ = chain;
  chain_[0] += '\0';
  EXPECT_EQ(check("localhost"), Errc::kCertificateWrong);
}

TEST_F(ServerCertificate, SignsNothingItself) {
  const auto grandchild = make_server_certificate(server_, {}, kNow);
  ASSERT_TRUE(grandchild);
  chain_.insert(chain_.begin(), *der_of_pem(grandchild->certificate));
  EXPECT_EQ(check("localhost"), Errc::kCertificateWrong);
}

TEST_F(ServerCertificate, KeepsItsPinInBothForms) {
  EXPECT_EQ(pin_.size(), 32U);
  EXPECT_EQ(*pin_of_der(chain_[1]), pin_);
  EXPECT_NE(*pin_of_der(chain_[0]), pin_);
  EXPECT_EQ(pin_of_der("rubbish").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(pin_of_pem("rubbish").error().code, Errc::kInvalidArgument);
}

TEST_F(ServerCertificate, TakesNoHostThatIsNone) {
  for (const char* host : {"a,DNS:b", "a b", "", "a/b", "under_score"}) {
    const std::string hosts[] = {host};
    EXPECT_EQ(make_server_certificate(authority_, hosts, kNow).error().code,
              Errc::kInvalidArgument)
        << host;
  }
}

TEST_F(ServerCertificate, ComesAsPem) {
  EXPECT_TRUE(authority_.certificate.starts_with("-----BEGIN CERTIFICATE-----\n"));
  EXPECT_TRUE(server_.private_key.bytes().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_EQ(make_authority("", kNow).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(make_authority(std::string(65, 'x'), kNow).error().code, Errc::kInvalidArgument);
  EXPECT_TRUE(make_authority(std::string(64, 'x'), kNow));
}

}  // namespace
}  // namespace satchel::crypto
