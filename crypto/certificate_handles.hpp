// OpenSSL's X.509 objects with an owner. For the .cpp files of this folder only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

struct CertificateFree {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, CertificateFree>;

struct BioFree {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, BioFree>;

Result<Certificate> parse_pem(std::string_view pem);  // kInvalidArgument.
Certificate parse_der(ByteView der);                  // Null where it is none.
Bytes pin_of(const X509& certificate);
// Seconds since 1970 of the end of validity. kInvalidArgument.
Result<std::int64_t> expiry_of(const X509& certificate);

// An IPv4 or IPv6 address in its usual text.
bool is_address(const std::string& host);
// Letters, digits, hyphens and dots, at most 253; the first label may be "*".
bool is_dns_name(std::string_view host);

}  // namespace satchel::crypto
