// A satcheld of one's own: the shipped binary, as `satcheld init` sets it up, on loopback.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/fleet/process.hpp"

namespace satchel::bench {

// Thread-bound. Ends the server when it goes.
class Server {
 public:
  // Binaries in `bin`; everything is written below `folder`, which must not be there.
  Server(std::string bin, std::string folder);

  void start();
  void stop() { process_.reset(); }
  // Runs satchelctl and gives its output.
  std::string ctl(std::vector<std::string> words) const;
  // A rep who holds all accounts of the benchmark (accounts.hpp), by their territories.
  void add_rep(const std::string& user);
  // A fresh enrolment code.
  [[nodiscard]] std::string enrolment(const std::string& user) const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t anonymous_bytes() const;
  [[nodiscard]] double processor_seconds() const { return processor_seconds_of(process_->id()); }
  [[nodiscard]] std::string certificate() const { return data_ + "/tls/server.pem"; }
  [[nodiscard]] std::string authority() const { return data_ + "/tls/ca.pem"; }
  [[nodiscard]] std::string private_key() const { return data_ + "/tls/server.key"; }

 private:
  std::string bin_;
  std::string data_;
  std::string log_;
  std::uint16_t port_ = 0;
  bool has_territories_ = false;
  std::unique_ptr<Process> process_;
};

}  // namespace satchel::bench
