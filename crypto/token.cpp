#include "crypto/token.hpp"

#include "crypto/base64.hpp"
#include "schema/model/varint.hpp"

namespace satchel::crypto {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kFixedBytes = 1 + 8 + kDigestBytes;

Digest mac_of(const HmacKey& key, std::string_view domain, ByteView body) {
  Bytes head = "satchel token";
  append_sized(head, domain);
  return key.mac(head, body);
}

}  // namespace

std::string make_token(const HmacKey& key, std::string_view domain, ByteView payload,
                       std::uint64_t expires_ms) {
  Bytes token;
  token.reserve(kFixedBytes + payload.size());
  token += static_cast<char>(kFormat);
  append_u64(token, expires_ms);
  token += payload;
  token += as_view(mac_of(key, domain, token));
  return to_base64url(token);
}

Result<Bytes> open_token(const HmacKey& key, std::string_view domain, std::string_view token,
                         std::uint64_t now_ms) {
  const auto bytes = from_base64url(token);
  if (!bytes || bytes->size() < kFixedBytes) return Error{Errc::kUnauthenticated, "not a token"};
  const ByteView body = ByteView{*bytes}.substr(0, bytes->size() - kDigestBytes);
  const ByteView mac = ByteView{*bytes}.substr(body.size());
  // Before anything is read: an altered token tells its sender nothing but that.
  if (!constant_time_equal(mac, as_view(mac_of(key, domain, body)))) {
    return Error{Errc::kUnauthenticated, "not a token of ours"};
  }
  ByteReader reader{body};
  if (reader.u8() != kFormat) return Error{Errc::kUnauthenticated, "a token of another format"};
  const std::uint64_t expires_ms = reader.u64();
  if (now_ms >= expires_ms) return Error{Errc::kUnauthenticated, "the token has ended"};
  return Bytes{reader.take(reader.left())};
}

}  // namespace satchel::crypto
