#include "server/net/outgoing.hpp"

#include <cstddef>

// Not netinet/tcp.h, whose tcp_info ends before the bytes.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace satchel::server {

std::optional<Outgoing> outgoing_of(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  int waiting = 0;
  constexpr std::size_t kEnd = offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < kEnd ||
      ::ioctl(socket, SIOCOUTQ, &waiting) != 0) {
    return std::nullopt;
  }
  return Outgoing{info.tcpi_bytes_acked, static_cast<std::uint64_t>(waiting)};
}

}  // namespace satchel::server
