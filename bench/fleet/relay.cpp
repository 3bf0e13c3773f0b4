#include "bench/fleet/relay.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>

#include "bench/fleet/process.hpp"

namespace satchel::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kLookEveryMs = 20;  // Whether to stop.
constexpr std::size_t kWaitingMax = 4U << 20;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void make_prompt(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
}

// One direction of one connection.
struct Flow {
  struct Piece {
    Clock::time_point due;
    std::string bytes;
  };
  std::deque<Piece> pieces;
  std::size_t waiting = 0;
  bool ended = false;   // Nothing more comes.
  bool closed = false;  // The other end has been told.

  // False where the connection broke.
  bool take(int from, std::chrono::milliseconds delay, std::atomic<std::uint64_t>& counter) {
    char piece[65536];
    const ssize_t count = ::recv(from, piece, sizeof piece, 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return ended = true;
    counter += static_cast<std::uint64_t>(count);
    waiting += static_cast<std::size_t>(count);
    pieces.push_back({Clock::now() + delay, {piece, static_cast<std::size_t>(count)}});
    return true;
  }
  bool give(int to) {
    while (!pieces.empty() && pieces.front().due <= Clock::now()) {
      std::string& bytes = pieces.front().bytes;
      const ssize_t count = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      waiting -= static_cast<std::size_t>(count);
      bytes.erase(0, static_cast<std::size_t>(count));
      if (bytes.empty()) pieces.pop_front();
    }
    if (pieces.empty() && ended && !closed) {
      closed = true;
      ::shutdown(to, SHUT_WR);
    }
    return true;
  }
};

}  // namespace

struct Relay::Line {
  int device = -1;
  int server = -1;
  Flow up;
  Flow down;

  ~Line() {
    ::close(device);
    ::close(server);
  }
};

Relay::Relay(std::uint16_t server_port) : server_port_(server_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 512) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    give_up("the relay cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread{[this] { work(); }};
}

Relay::~Relay() {
  stopping_ = true;
  thread_.join();
  ::close(listener_);
}

void Relay::accept() {
  auto line = std::make_unique<Line>();
  line->device = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  line->server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(server_port_);
  if (line->device < 0 ||
      ::connect(line->server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return;
  }
  make_prompt(line->device);
  make_prompt(line->server);
  lines_.push_back(std::move(line));
}

void Relay::work() {
  while (!stopping_) {
    std::vector<pollfd> waiting{{listener_, POLLIN, 0}};
    auto next = Clock::now() + std::chrono::milliseconds{kLookEveryMs};
    const auto events = [&](const Flow& in, const Flow& out) {
      int wanted = !in.ended && in.waiting < kWaitingMax ? POLLIN : 0;
      if (out.pieces.empty()) return static_cast<short>(wanted);
      if (out.pieces.front().due <= Clock::now()) wanted |= POLLOUT;
      next = std::min(next, out.pieces.front().due);
      return static_cast<short>(wanted);
    };
    for (const auto& line : lines_) {
      waiting.push_back({line->device, events(line->up, line->down), 0});
      waiting.push_back({line->server, events(line->down, line->up), 0});
    }
    const auto pause = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    ::poll(waiting.data(), waiting.size(), pause < 0 ? 0 : static_cast<int>(pause));
    const std::chrono::milliseconds delay{delay_ms_};
    for (std::size_t i = lines_.size(); i-- > 0;) {
      Line& line = *lines_[i];
      const auto readable = [&](std::size_t at) {
        return (waiting[at].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
      };
      bool fine = true;
      if (!line.up.ended && readable(1 + 2 * i)) fine = line.up.take(line.device, delay, up_);
      if (fine && !line.down.ended && readable(2 + 2 * i)) {
        fine = line.down.take(line.server, delay, down_);
      }
      fine = fine && line.up.give(line.server) && line.down.give(line.device);
      if (!fine || (line.up.closed && line.down.closed)) {
        lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if ((waiting[0].revents & POLLIN) != 0) accept();
  }
}

}  // namespace satchel::bench
