// What a person carries from the server to a device to enrol it: one line of text, or a QR code of
// it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"

namespace satchel::wire {

// Value type. Text form: "satchel1." and base64url (RFC 4648, no padding) of
//
//   format (u8 = 1) | url length, url | ca_pin (32) | secret (16) | user length, user
//   | workspace (16) | expires_us (u64 LE)
//   | check (u32 LE: FNV-1a of all before it, against slips of the hand)
struct EnrolmentTicket {
  std::string url;                        // "https://crm.example.org:7443"
  std::array<std::uint8_t, 32> ca_pin{};  // SHA-256 of the authority's public key.
  std::array<std::uint8_t, 16> secret{};
  std::string user;
  WorkspaceId workspace;
  std::int64_t expires_us = 0;            // UTC
  friend bool operator==(const EnrolmentTicket&, const EnrolmentTicket&) = default;
};

// kLimitExceeded where url or user is too long to be read again.
Result<std::string> encode_ticket(const EnrolmentTicket& ticket);
// White space around the text is let through. kEnrolmentInvalid for everything that encode_ticket
// would not write; the text is never repeated in the error, for it holds a secret.
Result<EnrolmentTicket> decode_ticket(std::string_view text);

}  // namespace satchel::wire
