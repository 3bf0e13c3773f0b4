#include "schema/wire/enrolment.hpp"

#include <algorithm>

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"

namespace satchel::wire {
namespace {

constexpr std::string_view kPrefix = "satchel1.";
constexpr std::uint8_t kFormat = 1;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kSpace = " \t\r\n";

std::uint32_t check_of(ByteView bytes) {
  std::uint32_t hash = 0x811C9DC5U;
  for (const char octet : bytes) hash = (hash ^ static_cast<unsigned char>(octet)) * 0x01000193U;
  return hash;
}

std::string to_base64url(ByteView bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char octet : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(octet);
    for (held += 8; held >= 6; held -= 6) text += kAlphabet[bits >> (held - 6) & 63];
  }
  if (held > 0) text += kAlphabet[bits << (6 - held) & 63];
  return text;
}

// False where the text is not the one form of some bytes: a foreign letter, or bits left over that
// are not zero.
bool from_base64url(std::string_view text, Bytes& out) {
  std::uint32_t bits = 0;
  int held = 0;
  for (const char letter : text) {
    const std::size_t six = kAlphabet.find(letter);
    if (six == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(six);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xFF);
    }
  }
  const std::uint32_t rest = bits & ((1U << held) - 1);
  return held < 6 && rest == 0;
}

template <std::size_t size>
void take_array(ByteReader& in, std::array<std::uint8_t, size>& out) {
  const ByteView bytes = in.take(size);
  std::copy_n(bytes.begin(), bytes.size(), out.begin());
}

Error invalid(const char* why) { return Error{Errc::kEnrolmentInvalid, why}; }

}  // namespace

Result<std::string> encode_ticket(const EnrolmentTicket& ticket) {
  if (std::max(ticket.url.size(), ticket.user.size()) > limits::kFrameTextBytesMax) {
    return Error{Errc::kLimitExceeded, "url or user of an enrolment code"};
  }
  Bytes bytes;
  bytes += static_cast<char>(kFormat);
  append_sized(bytes, ticket.url);
  bytes += as_view(ticket.ca_pin);
  bytes += as_view(ticket.secret);
  append_sized(bytes, ticket.user);
  bytes += ticket.workspace.bytes();
  append_u64(bytes, static_cast<std::uint64_t>(ticket.expires_us));
  append_u32(bytes, check_of(bytes));
  return std::string{kPrefix} + to_base64url(bytes);
}

Result<EnrolmentTicket> decode_ticket(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  text.remove_suffix(text.size() - std::min(text.find_last_not_of(kSpace) + 1, text.size()));
  if (!text.starts_with(kPrefix)) return invalid("a code begins with satchel1.");
  text.remove_prefix(kPrefix.size());
  if (text.size() > 4 * limits::kFrameTextBytesMax) return invalid("the code is too long");
  Bytes bytes;
  if (!from_base64url(text, bytes)) return invalid("a letter of the code is wrong");
  ByteReader in{bytes};
  EnrolmentTicket ticket;
  const std::uint8_t format = in.u8();
  if (!in.failed() && format != kFormat) return invalid("the code is of a newer version");
  ticket.url = in.sized();
  take_array(in, ticket.ca_pin);
  take_array(in, ticket.secret);
  ticket.user = in.sized();
  take_array(in, ticket.workspace.octets);
  ticket.expires_us = static_cast<std::int64_t>(in.u64());
  const std::uint32_t check = in.u32();
  if (!in.finished()) return invalid("the code is cut short or has too many letters");
  if (check != check_of(ByteView{bytes}.substr(0, bytes.size() - 4))) {
    return invalid("the code has a slip in it");
  }
  if (std::max(ticket.url.size(), ticket.user.size()) > limits::kFrameTextBytesMax) {
    return invalid("the code is too long");
  }
  return ticket;
}

}  // namespace satchel::wire
