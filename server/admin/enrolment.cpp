#include "server/admin/enrolment.hpp"

#include <cstring>

#include "crypto/hash.hpp"
#include "crypto/secret.hpp"
#include "crypto/sign.hpp"

namespace satchel::server {
namespace {

constexpr std::size_t kDeviceNameMax = 128;
constexpr ByteView kDeviceDomain = "satchel device of code";

Result<Enrolled> enrol(sync::HubTxn& txn, const RedeemRequest& request, std::int64_t now_us) {
  auto code = txn.redeem(request.id, now_us);
  if (!code) return code.error();
  auto user = txn.find_user(code->user);
  if (!user) return user.error();
  if (!*user || !(*user)->active) return Error{Errc::kUserDisabled};
  sync::Device device;
  device.id = device_of_code(request.id);
  device.user = code->user;
  device.name = request.device_name;
  device.public_key = request.public_key;
  device.enrolled_us = now_us;
  SATCHEL_TRY(txn.put_device(device));
  return Enrolled{std::move(device), std::move(**user)};
}

Status freeze(sync::HubTxn& txn, const sync::DeviceId& id) {
  auto device = txn.find_device(id);
  if (!device) return device.error();
  if (!*device || (*device)->revoked) return {};
  (*device)->revoked = true;
  return txn.put_device(**device);
}

}  // namespace

sync::DeviceId device_of_code(ByteView code_id) {
  const Bytes digest = crypto::hmac_sha256(kDeviceDomain, code_id);
  sync::DeviceId id;
  std::memcpy(id.octets.data(), digest.data(), id.octets.size());
  return id;
}

Result<wire::EnrolmentTicket> make_code(sync::Hub& hub, Writer& writer, const std::string& user,
                                        const std::string& url, ByteView ca_pin) {
  wire::EnrolmentTicket ticket;
  SATCHEL_ASSERT(ca_pin.size() == ticket.ca_pin.size());
  std::memcpy(ticket.ca_pin.data(), ca_pin.data(), ca_pin.size());
  SATCHEL_TRY(hub.entropy().fill(ticket.secret));
  ticket.url = url;
  ticket.user = user;
  ticket.workspace = hub.state().workspace;
  ticket.expires_us = hub.clock().wall_us() + kCodeLifeUs;
  sync::EnrolmentCode code;
  code.secret_hash = crypto::sha256(as_view(ticket.secret));
  code.user = user;
  code.expires_us = ticket.expires_us;
  SATCHEL_TRY(writer.run([&](sync::HubTxn& txn) -> Status {
    auto known = txn.find_user(user);
    if (!known) return known.error();
    if (!*known) return Error{Errc::kNotFound, "no user of this name"};
    if (!(*known)->active) return Error{Errc::kUserDisabled};
    return txn.put_code(code);
  }));
  return ticket;
}

Result<Enrolled> redeem(sync::Hub& hub, Writer& writer, const RedeemRequest& request) {
  if (request.public_key.size() != crypto::kPublicKeyBytes) {
    return Error{Errc::kInvalidArgument, "/public_key: 32 bytes are needed"};
  }
  if (request.device_name.size() > kDeviceNameMax) {
    return Error{Errc::kInvalidArgument, "/name: at most 128 bytes"};
  }
  // Who knows the secret knows its hash; the name alone opens and freezes nothing.
  if (!crypto::constant_time_equal(crypto::sha256(request.secret), request.id)) {
    return Error{Errc::kEnrolmentInvalid};
  }
  const std::int64_t now_us = hub.clock().wall_us();
  Result<Enrolled> enrolled{Error{Errc::kInternal}};
  const Status durable = writer.run([&](sync::HubTxn& txn) -> Status {
    enrolled = enrol(txn, request, now_us);
    if (!enrolled) return enrolled.error();
    return {};
  });
  if (durable) return enrolled;
  if (durable.error().code == Errc::kEnrolmentUsed) {
    SATCHEL_TRY(
        writer.run([&](sync::HubTxn& txn) { return freeze(txn, device_of_code(request.id)); }));
  }
  return durable.error();
}

}  // namespace satchel::server
