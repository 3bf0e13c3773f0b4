// Enrolment: a code made by an admin becomes a device, once.
#pragma once

#include <string>

#include "schema/wire/enrolment.hpp"
#include "server/app/writer.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

inline constexpr std::int64_t kCodeLifeUs = std::int64_t{10} * 60 * 1'000'000;

// A new code for `user`, in force for ten minutes; the server keeps only a hash of its secret.
// kNotFound (no such user), kUserDisabled, kEntropy.
Result<wire::EnrolmentTicket> make_code(sync::Hub& hub, Writer& writer, const std::string& user,
                                        const std::string& url, ByteView ca_pin);

struct RedeemRequest {
  Bytes id;  // SHA-256 of the secret: the code's public name.
  Bytes secret;
  std::string device_name;
  Bytes public_key;  // Ed25519.
};
struct Enrolled {
  sync::Device device;
  sync::User user;
};
// kEnrolmentInvalid, kEnrolmentExpired, kUserDisabled, kInvalidArgument; kEnrolmentUsed: the code's
// device is revoked from now on, for nobody knows which of the two was meant.
Result<Enrolled> redeem(sync::Hub& hub, Writer& writer, const RedeemRequest& request);

// The id of the device that a code becomes: known from the code, so that a second use finds the
// first.
sync::DeviceId device_of_code(ByteView code_id);

}  // namespace satchel::server
