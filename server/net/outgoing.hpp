// How far the kernel is with what was written to a TCP socket.
#pragma once

#include <cstdint>
#include <optional>

namespace satchel::server {

struct Outgoing {
  std::uint64_t acknowledged = 0;  // Bytes that the peer's kernel has, since the connection began.
  std::uint64_t waiting = 0;       // Bytes that it has not: unsent, or on their way.
};
// Nothing where the socket is closed or the kernel does not tell. Thread-safe.
std::optional<Outgoing> outgoing_of(int socket);

}  // namespace satchel::server
