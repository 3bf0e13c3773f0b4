#include "crypto/certificate.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "crypto/certificate_handles.hpp"
#include "crypto/sign.hpp"

namespace satchel::crypto {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::size_t kCommonNameMax = 64;  // X.520's upper bound.

struct ExtensionFree {
  void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
};
struct NumberFree {
  void operator()(BIGNUM* number) const noexcept { BN_free(number); }
};

bool add_extension(X509& certificate, X509& issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, ExtensionFree> extension{
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())};
  return extension != nullptr && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

bool set_serial(X509& certificate) {
  std::array<unsigned char, 16> octets;
  if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1) return false;
  octets[0] = static_cast<unsigned char>((octets[0] & 0x7F) | 0x40);  // Positive, never zero.
  const std::unique_ptr<BIGNUM, NumberFree> number{
      BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr)};
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

// Everything but issuer, extensions and signature.
Result<Certificate> draft(EVP_PKEY& key, std::string_view name, std::int64_t now_s,
                          std::int64_t end_s) {
  Certificate certificate{X509_new()};
  SATCHEL_ASSERT(certificate != nullptr);
  if (!set_serial(*certificate)) return Error{Errc::kEntropy, "no serial number"};
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), static_cast<time_t>(now_s - kDaySeconds));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), static_cast<time_t>(end_s));
  X509_set_pubkey(certificate.get(), &key);
  if (name.empty() || name.size() > kCommonNameMax ||
      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                                 as_octets(name).data(), static_cast<int>(name.size()), -1,
                                 0) != 1) {
    return Error{Errc::kInvalidArgument, "a certificate's name has 1 to 64 bytes of UTF-8"};
  }
  return certificate;
}

Result<PrivateKey> make_key() {
  PrivateKey key{EVP_EC_gen("P-256")};
  if (!key) return Error{Errc::kEntropy, "no P-256 key"};
  return key;
}

Result<PrivateKey> parse_key(ByteView pem) {
  const Bio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  SATCHEL_ASSERT(bio != nullptr);
  PrivateKey key{PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr)};
  if (!key) return Error{Errc::kInvalidArgument, "not a private key in PEM"};
  return key;
}

CertificatePair to_pem(X509& certificate, EVP_PKEY& key) {
  const Bio open_text{BIO_new(BIO_s_mem())};
  const Bio secret_text{BIO_new(BIO_s_secmem())};
  SATCHEL_ASSERT(open_text && secret_text);
  SATCHEL_ASSERT(PEM_write_bio_X509(open_text.get(), &certificate) == 1);
  SATCHEL_ASSERT(PEM_write_bio_PKCS8PrivateKey(secret_text.get(), &key, nullptr, nullptr, 0,
                                               nullptr, nullptr) == 1);
  const auto text_of = [](BIO* bio) {
    char* at = nullptr;
    const auto size = BIO_get_mem_data(bio, &at);
    return ByteView{at, static_cast<std::size_t>(size)};
  };
  return {std::string{text_of(open_text.get())}, SecretBytes{text_of(secret_text.get())}};
}

// "DNS:crm.example,IP:127.0.0.1,...". The hosts are checked, so that none can add an entry of its
// own.
Result<std::string> alternative_names(std::span<const std::string> hosts) {
  std::vector<std::string> all{hosts.begin(), hosts.end()};
  for (const char* local : {"localhost", "127.0.0.1", "::1"}) {
    if (std::find(all.begin(), all.end(), local) == all.end()) all.emplace_back(local);
  }
  std::string names;
  for (const std::string& host : all) {
    const bool address = is_address(host);
    if (!address && !is_dns_name(host)) {
      return Error{Errc::kInvalidArgument, host + ": neither a DNS name nor an IP address"};
    }
    if (!names.empty()) names += ',';
    names += (address ? "IP:" : "DNS:") + host;
  }
  return names;
}

}  // namespace

Result<CertificatePair> make_authority(std::string_view name, std::int64_t now_s) {
  const auto key = make_key();
  if (!key) return key.error();
  auto made = draft(**key, name, now_s, now_s + kAuthorityDays * kDaySeconds);
  if (!made) return made.error();
  X509& certificate = **made;
  X509_set_issuer_name(&certificate, X509_get_subject_name(&certificate));
  const bool complete =
      add_extension(certificate, certificate, NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") &&
      add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
      X509_sign(&certificate, key->get(), EVP_sha256()) > 0;
  SATCHEL_ASSERT(complete);
  return to_pem(certificate, **key);
}

Result<CertificatePair> make_server_certificate(const CertificatePair& authority,
                                                std::span<const std::string> hosts,
                                                std::int64_t now_s) {
  const auto issuer = parse_pem(authority.certificate);
  if (!issuer) return issuer.error();
  const auto issuer_key = parse_key(authority.private_key.bytes());
  if (!issuer_key) return issuer_key.error();
  const auto issuer_end_s = expiry_of(**issuer);
  if (!issuer_end_s) return issuer_end_s.error();
  const auto names = alternative_names(hosts);
  if (!names) return names.error();
  const auto key = make_key();
  if (!key) return key.error();
  std::string common_name = hosts.empty() ? "localhost" : hosts.front();
  if (common_name.size() > kCommonNameMax) common_name = "satchel server";
  auto made = draft(**key, common_name, now_s,
                    std::min(now_s + kLeafDays * kDaySeconds, *issuer_end_s));
  if (!made) return made.error();
  X509& certificate = **made;
  X509_set_issuer_name(&certificate, X509_get_subject_name(issuer->get()));
  const bool complete =
      add_extension(certificate, **issuer, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(certificate, **issuer, NID_key_usage, "critical,digitalSignature") &&
      add_extension(certificate, **issuer, NID_ext_key_usage, "serverAuth") &&
      add_extension(certificate, **issuer, NID_subject_key_identifier, "hash") &&
      add_extension(certificate, **issuer, NID_authority_key_identifier, "keyid:always") &&
      add_extension(certificate, **issuer, NID_subject_alt_name, *names) &&
      X509_sign(&certificate, issuer_key->get(), EVP_sha256()) > 0;
  if (!complete) return Error{Errc::kInvalidArgument, "the authority or a host was not accepted"};
  return to_pem(certificate, **key);
}

}  // namespace satchel::crypto
