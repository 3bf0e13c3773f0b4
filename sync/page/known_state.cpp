#include "sync/page/known_state.hpp"

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"

namespace satchel::sync {
namespace {

constexpr char kFormat = 1;

template <class Id>
Id read_id(ByteReader& in) {
  const ByteView bytes = in.take(16);
  return bytes.empty() ? Id{} : *Id::from_bytes(bytes);
}

}  // namespace

Bytes encode_known_states(std::span<const KnownState> states) {
  Bytes out{kFormat};
  append_varint(out, states.size());
  for (const KnownState& each : states) {
    append_u64(out, each.collection);
    out += each.record.bytes();
    out += each.dot.replica.bytes();
    append_varint(out, each.dot.commit);
    append_varint(out, each.registers);
  }
  return out;
}

Result<std::vector<KnownState>> decode_known_states(ByteView bytes) {
  ByteReader in{bytes};
  const auto format = in.u8();
  if (!in.failed() && format > static_cast<std::uint8_t>(kFormat)) return Error{Errc::kRecordNewer};
  const std::uint64_t count = in.varint();
  if (count > limits::kKnownStatesMax)
    return Error{Errc::kLimitExceeded, "known states of one frame"};
  std::vector<KnownState> states;
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    KnownState state;
    state.collection = in.u64();
    state.record = read_id<RecordId>(in);
    state.dot.replica = read_id<ReplicaId>(in);
    state.dot.commit = in.varint();
    state.registers = in.varint();
    states.push_back(state);
  }
  const bool formed = in.finished() && format == static_cast<std::uint8_t>(kFormat);
  if (!formed) return Error{Errc::kFrameMalformed, "known states"};
  return states;
}

}  // namespace satchel::sync
