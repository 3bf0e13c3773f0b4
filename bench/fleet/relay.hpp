// A TCP relay on loopback that counts what passes, and can hold each byte back for a while as a
// long line does. It sees ciphertext alone: what it counts is the wire.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace satchel::bench {

// Counters and delay are thread-safe; the rest is thread-bound.
class Relay {
 public:
  explicit Relay(std::uint16_t server_port);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Of each direction, for what arrives from now on.
  void delay(std::chrono::milliseconds one_way) { delay_ms_ = one_way.count(); }
  void reset() { up_ = down_ = 0; }
  [[nodiscard]] std::uint64_t up_bytes() const { return up_; }      // Devices to server.
  [[nodiscard]] std::uint64_t down_bytes() const { return down_; }  // Server to devices.

 private:
  struct Line;
  void work();
  void accept();

  std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::vector<std::unique_ptr<Line>> lines_;
  std::atomic<std::int64_t> delay_ms_ = 0;
  std::atomic<std::uint64_t> up_ = 0;
  std::atomic<std::uint64_t> down_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace satchel::bench
