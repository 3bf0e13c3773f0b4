#include "sync/hub/directory.hpp"

#include "schema/model/varint.hpp"

namespace satchel::sync {
namespace {

// Rows begin with their format, so that a later version can tell its own from ours.
constexpr char kFormat = 1;

Error malformed(std::string_view what) {
  return Error{Errc::kStoreCorrupt, "a " + std::string{what} + " row does not follow its format"};
}

ByteReader open_row(ByteView bytes) {
  ByteReader in{bytes};
  if (in.u8() != static_cast<std::uint8_t>(kFormat)) in.fail();
  return in;
}

template <class Id>
Id read_id(ByteReader& in) {
  const ByteView bytes = in.take(16);
  if (bytes.empty()) return Id{};
  return *Id::from_bytes(bytes);
}

void append_texts(Bytes& out, const std::vector<std::string>& texts) {
  append_varint(out, texts.size());
  for (const std::string& text : texts) append_sized(out, text);
}

std::vector<std::string> read_texts(ByteReader& in) {
  std::vector<std::string> texts;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) texts.emplace_back(in.sized());
  return texts;
}

}  // namespace

Bytes encode_user(const User& user) {
  Bytes out{kFormat};
  append_sized(out, user.name);
  out += static_cast<char>(user.role);
  out += static_cast<char>(user.active ? 1 : 0);
  out += user.record.bytes();
  append_texts(out, user.territories);
  append_varint(out, user.former.size());
  for (const User::FormerScope& each : user.former) {
    append_sized(out, each.scope);
    append_varint(out, each.until);
  }
  return out;
}

Result<User> decode_user(ByteView bytes) {
  ByteReader in = open_row(bytes);
  User user;
  user.name = in.sized();
  user.role = static_cast<Role>(in.u8());
  user.active = in.u8() != 0;
  user.record = read_id<RecordId>(in);
  user.territories = read_texts(in);
  if (in.finished()) return user;  // Written before grants were remembered.
  const std::uint64_t former = in.varint();
  for (std::uint64_t i = 0; i < former && !in.failed(); ++i) {
    User::FormerScope each;
    each.scope = in.sized();
    each.until = in.varint();
    user.former.push_back(std::move(each));
  }
  if (!in.finished()) return malformed("user");
  return user;
}

Bytes encode_device(const Device& device) {
  Bytes out{kFormat};
  out += device.id.bytes();
  append_sized(out, device.user);
  append_sized(out, device.name);
  append_sized(out, device.public_key);
  out += device.replica.bytes();
  out += static_cast<char>((device.revoked ? 1 : 0) | (device.wipe ? 2 : 0) |
                           (device.wipe_told ? 4 : 0));
  append_varint(out, static_cast<std::uint64_t>(device.enrolled_us));
  append_varint(out, static_cast<std::uint64_t>(device.last_seen_us));
  return out;
}

Result<Device> decode_device(ByteView bytes) {
  ByteReader in = open_row(bytes);
  Device device;
  device.id = read_id<DeviceId>(in);
  device.user = in.sized();
  device.name = in.sized();
  device.public_key = in.sized();
  device.replica = read_id<ReplicaId>(in);
  const std::uint8_t flags = in.u8();
  device.revoked = (flags & 1) != 0;
  device.wipe = (flags & 2) != 0;
  device.wipe_told = (flags & 4) != 0;
  device.enrolled_us = static_cast<std::int64_t>(in.varint());
  device.last_seen_us = static_cast<std::int64_t>(in.varint());
  if (!in.finished()) return malformed("device");
  return device;
}

Bytes encode_code(const EnrolmentCode& code) {
  Bytes out{kFormat};
  append_sized(out, code.secret_hash);
  append_sized(out, code.user);
  append_varint(out, static_cast<std::uint64_t>(code.expires_us));
  out += static_cast<char>(code.used ? 1 : 0);
  return out;
}

Result<EnrolmentCode> decode_code(ByteView bytes) {
  ByteReader in = open_row(bytes);
  EnrolmentCode code;
  code.secret_hash = in.sized();
  code.user = in.sized();
  code.expires_us = static_cast<std::int64_t>(in.varint());
  code.used = in.u8() != 0;
  if (!in.finished()) return malformed("code");
  return code;
}

Bytes encode_replica_state(const ReplicaState& state) {
  Bytes out{kFormat};
  out += state.device.bytes();
  append_varint(out, state.watermark);
  append_varint(out, state.results_kept_from);
  append_sized(out, state.fence_confirmed);
  append_sized(out, state.fence_issued);
  out += state.progress.incarnation.bytes();
  append_varint(out, state.progress.seq);
  append_u64(out, state.progress.tag);
  append_varint(out, state.progress.below);
  append_varint(out, state.progress_commit);
  append_varint(out, static_cast<std::uint64_t>(state.last_seen_us));
  out += static_cast<char>((state.expired ? 1 : 0) | (state.pass_due ? 2 : 0));
  append_texts(out, state.granted);
  append_texts(out, state.whole);
  append_texts(out, state.held);
  append_varint(out, state.held_seq);
  return out;
}

Result<ReplicaState> decode_replica_state(ByteView bytes) {
  ByteReader in = open_row(bytes);
  ReplicaState state;
  state.device = read_id<DeviceId>(in);
  state.watermark = in.varint();
  state.results_kept_from = in.varint();
  state.fence_confirmed = in.sized();
  state.fence_issued = in.sized();
  state.progress.incarnation = read_id<IncarnationId>(in);
  state.progress.seq = in.varint();
  state.progress.tag = in.u64();
  state.progress.below = in.varint();
  state.progress_commit = in.varint();
  state.last_seen_us = static_cast<std::int64_t>(in.varint());
  const std::uint8_t flags = in.left() > 0 ? in.u8() : 0;  // Older rows end here.
  state.expired = (flags & 1) != 0;
  state.pass_due = (flags & 2) != 0;
  if (in.finished()) return state;  // Written before grants were remembered.
  state.granted = read_texts(in);
  state.whole = read_texts(in);
  state.held = read_texts(in);
  state.held_seq = in.varint();
  if (!in.finished()) return malformed("replica");
  return state;
}

}  // namespace satchel::sync
