// A server's own certificate authority, made at init, and the pin by which devices know it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crypto/secret.hpp"
#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

// PEM texts. Value type.
struct CertificatePair {
  std::string certificate;
  SecretBytes private_key;  // PKCS #8, not encrypted.
};

inline constexpr std::int64_t kAuthorityDays = 3652;  // Ten years.
inline constexpr std::int64_t kLeafDays = 730;

// Times are seconds since 1970. Keys are P-256 from OpenSSL's generator. Certificates begin a day
// before `now_s`, for clients whose clocks are behind. kEntropy.
Result<CertificatePair> make_authority(std::string_view name, std::int64_t now_s);
// A certificate of the authority for the hosts, names or IP addresses (the first is its common
// name), and always for localhost, 127.0.0.1 and ::1. kInvalidArgument: the authority's PEM cannot
// be read, or a host is neither a DNS name nor an address.
Result<CertificatePair> make_server_certificate(const CertificatePair& authority,
                                                std::span<const std::string> hosts,
                                                std::int64_t now_s);

// 32 bytes: SHA-256 of the SubjectPublicKeyInfo, so that a renewed authority with the same key
// keeps its pin. kInvalidArgument.
Result<Bytes> pin_of_pem(std::string_view certificate);
Result<Bytes> pin_of_der(ByteView certificate);
Result<Bytes> der_of_pem(std::string_view certificate);
// The end of validity, seconds since 1970. kInvalidArgument.
Result<std::int64_t> expiry_of_pem(std::string_view certificate);

// Whether a chain (DER, leaf first, the authority among them) ends at the pinned authority, serves
// `host`, and is in force at `now_s` (not checked where the caller has no trusted time).
// kCertificateWrong, with the reason.
Status check_pinned_chain(std::span<const Bytes> chain, ByteView pin, std::string_view host,
                          std::optional<std::int64_t> now_s);

}  // namespace satchel::crypto
