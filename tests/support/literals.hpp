// Causality as it is drawn on a whiteboard: "ann:3 bob:1"_ctx, "ann:4"_dot. For tests only.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include "schema/model/value.hpp"
#include "sync/merge/register.hpp"

namespace satchel::test {

// A replica whose id is its name: "ann" sorts before "bob".
inline ReplicaId replica_named(std::string_view name) {
  SATCHEL_ASSERT(!name.empty() && name.size() <= 16);
  ReplicaId id;
  std::memcpy(id.octets.data(), name.data(), name.size());
  return id;
}

// The name that replica_named was given.
inline std::string name_of(const ReplicaId& id) {
  const std::string name{id.bytes()};
  return name.substr(0, name.find('\0'));
}

inline sync::Dot dot_named(std::string_view text) {
  const std::size_t colon = text.find(':');
  SATCHEL_ASSERT(colon != std::string_view::npos);
  sync::Dot dot{replica_named(text.substr(0, colon)), 0};
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, dot.commit);
  SATCHEL_ASSERT(read.ec == std::errc{} && read.ptr == end);
  return dot;
}

inline sync::Context context_named(std::string_view text) {
  sync::Context context;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    if (space > 0) context.observe(dot_named(text.substr(0, space)));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return context;
}

inline namespace literals {

inline ReplicaId operator""_replica(const char* text, std::size_t size) {
  return replica_named({text, size});
}
inline sync::Dot operator""_dot(const char* text, std::size_t size) {
  return dot_named({text, size});
}
inline sync::Context operator""_ctx(const char* text, std::size_t size) {
  return context_named({text, size});
}
// Hybrid time: 5_at is five milliseconds after 1970.
inline sync::Stamp operator""_at(unsigned long long ms) { return sync::Stamp::at_ms(ms); }

}  // namespace literals

inline Bytes text(std::string_view value) { return encode_value(Value{std::string{value}}); }
inline Bytes integer(std::int64_t value) { return encode_value(Value{value}); }
inline Bytes boolean(bool value) { return encode_value(Value{value}); }
inline Bytes cleared() { return encode_value(Value{}); }

}  // namespace satchel::test
