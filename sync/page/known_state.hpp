// What a device held and a restored server does not show any more: by name, not by value.
#pragma once

#include <span>
#include <vector>

#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"
#include "sync/clock/dot.hpp"

namespace satchel::sync {

// Registers of one record that held what one commit of another replica wrote.
struct KnownState {
  CollectionId collection = 0;
  RecordId record;
  Dot dot;
  std::uint64_t registers = 0;
  friend bool operator==(const KnownState&, const KnownState&) = default;
};

// The body of a frame of kind known state:
//   format (u8 = 1) | count | count x (collection u64 LE | record (16) | replica (16) | commit |
//   registers)
Bytes encode_known_states(std::span<const KnownState> states);
// kFrameMalformed, kRecordNewer, kLimitExceeded.
Result<std::vector<KnownState>> decode_known_states(ByteView bytes);

}  // namespace satchel::sync
