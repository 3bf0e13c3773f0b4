// Owned and viewed byte strings.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace satchel {

// A std::string holds bytes here: its small-buffer optimisation keeps most field values off the
// heap.
using Bytes = std::string;
// Never outlives the call it is given to unless the comment says so.
using ByteView = std::string_view;

inline std::span<const std::uint8_t> as_octets(ByteView bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}
inline ByteView as_view(std::span<const std::uint8_t> octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

std::string to_hex(ByteView bytes);
// False where the text is not an even number of hexadecimal digits.
bool from_hex(std::string_view text, Bytes& out);

}  // namespace satchel
