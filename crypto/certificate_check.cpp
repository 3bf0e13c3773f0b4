#include <algorithm>
#include <cctype>
#include <ctime>

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/certificate.hpp"
#include "crypto/certificate_handles.hpp"
#include "crypto/hash.hpp"

namespace satchel::crypto {
namespace {

struct StoreFree {
  void operator()(X509_STORE* store) const noexcept { X509_STORE_free(store); }
};
struct StoreContextFree {
  void operator()(X509_STORE_CTX* context) const noexcept { X509_STORE_CTX_free(context); }
};
struct StackFree {
  void operator()(STACK_OF(X509)* stack) const noexcept { sk_X509_pop_free(stack, X509_free); }
};
using TrustStore = std::unique_ptr<X509_STORE, StoreFree>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, StoreContextFree>;
using Stack = std::unique_ptr<STACK_OF(X509), StackFree>;

constexpr std::size_t kChainMax = 8;

Error wrong(std::string_view reason) {
  return Error{Errc::kCertificateWrong, std::string{reason}};
}

// What a certificate must satisfy, besides being signed.
Status set_conditions(X509_STORE_CTX& context, const std::string& host,
                      std::optional<std::int64_t> now_s) {
  X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(&context);
  // The pinned certificate's own signature too: otherwise its dates were anybody's to write.
  unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE;
  if (now_s) {
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(*now_s));
  } else {
    flags |= X509_V_FLAG_NO_CHECK_TIME;
  }
  X509_VERIFY_PARAM_set_flags(param, flags);
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set =
      is_address(host)
          ? X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1
          : is_dns_name(host) && X509_VERIFY_PARAM_set1_host(param, host.c_str(), 0) == 1;
  if (!set || X509_STORE_CTX_set_purpose(&context, X509_PURPOSE_SSL_SERVER) != 1) {
    return wrong("the host is neither a name nor an address");
  }
  return {};
}

}  // namespace

Result<Certificate> parse_pem(std::string_view pem) {
  const Bio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  SATCHEL_ASSERT(bio != nullptr);
  Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
  if (!certificate) return Error{Errc::kInvalidArgument, "not a certificate in PEM"};
  return certificate;
}

Certificate parse_der(ByteView der) {
  const unsigned char* at = as_octets(der).data();
  const unsigned char* const end = at + der.size();
  Certificate certificate{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
  if (at != end) return nullptr;
  return certificate;
}

Bytes pin_of(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  SATCHEL_ASSERT(size > 0);
  Bytes pin = sha256(as_view({der, static_cast<std::size_t>(size)}));
  OPENSSL_free(der);
  return pin;
}

Result<std::int64_t> expiry_of(const X509& certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &time) != 1) {
    return Error{Errc::kInvalidArgument, "a certificate without an end"};
  }
  return static_cast<std::int64_t>(timegm(&time));
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> address;
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

bool is_dns_name(std::string_view host) {
  if (host.starts_with("*.")) host.remove_prefix(2);
  if (host.empty() || host.size() > 253) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.';
  });
}

Result<Bytes> pin_of_pem(std::string_view certificate) {
  const auto parsed = parse_pem(certificate);
  if (!parsed) return parsed.error();
  return pin_of(**parsed);
}

Result<Bytes> pin_of_der(ByteView certificate) {
  const Certificate parsed = parse_der(certificate);
  if (!parsed) return Error{Errc::kInvalidArgument, "not a certificate in DER"};
  return pin_of(*parsed);
}

Result<Bytes> der_of_pem(std::string_view certificate) {
  const auto parsed = parse_pem(certificate);
  if (!parsed) return parsed.error();
  unsigned char* der = nullptr;
  const int size = i2d_X509(parsed->get(), &der);
  SATCHEL_ASSERT(size > 0);
  Bytes bytes{as_view({der, static_cast<std::size_t>(size)})};
  OPENSSL_free(der);
  return bytes;
}

Result<std::int64_t> expiry_of_pem(std::string_view certificate) {
  const auto parsed = parse_pem(certificate);
  if (!parsed) return parsed.error();
  return expiry_of(**parsed);
}

Status check_pinned_chain(std::span<const Bytes> chain, ByteView pin, std::string_view host,
                          std::optional<std::int64_t> now_s) {
  if (chain.empty() || chain.size() > kChainMax) return wrong("no chain, or too long a one");
  const Stack others{sk_X509_new_null()};
  const TrustStore trust{X509_STORE_new()};
  const StoreContext context{X509_STORE_CTX_new()};
  SATCHEL_ASSERT(others && trust && context);
  Certificate leaf;
  bool pinned = false;
  for (const Bytes& der : chain) {
    Certificate certificate = parse_der(der);
    if (!certificate) return wrong("a certificate of the chain cannot be read");
    if (constant_time_equal(pin_of(*certificate), pin)) {
      pinned = true;
      X509_STORE_add_cert(trust.get(), certificate.get());  // Takes its own reference.
    }
    if (!leaf) {
      leaf = std::move(certificate);
    } else if (sk_X509_push(others.get(), certificate.get()) > 0) {
      static_cast<void>(certificate.release());
    }
  }
  if (!pinned) return wrong("the pinned authority is not in the chain");
  SATCHEL_ASSERT(
      X509_STORE_CTX_init(context.get(), trust.get(), leaf.get(), others.get()) == 1);
  SATCHEL_TRY(set_conditions(*context, std::string{host}, now_s));
  if (X509_verify_cert(context.get()) != 1) {
    return wrong(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
  }
  return {};
}

}  // namespace satchel::crypto
