// A satcheld of one's own: the shipped binary, as `satcheld init` sets it up, on loopback.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
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
  // SIGKILL: whatever was promised must be on the disk.
  void kill();
  // Runs satchelctl and gives its output.
  std::string ctl(std::vector<std::string> words) const;
  // The words that run satchelctl, for a process whose memory is looked at.
  [[nodiscard]] std::vector<std::string> ctl_words(std::vector<std::string> words) const;
  // A rep who holds all accounts of the benchmark (accounts.hpp), by their territories.
  void add_rep(const std::string& user);
  // A rep who holds what is in one territory; makes the territory.
  void add_rep_of(const std::string& user, const std::string& territory);
  // A fresh enrolment code.
  [[nodiscard]] std::string enrolment(const std::string& user) const;
  [[nodiscard]] pid_t id() const { return process_->id(); }
  [[nodiscard]] const std::string& data() const { return data_; }
  [[nodiscard]] const std::string& log() const { return log_; }
  [[nodiscard]] std::string store_file() const { return data_ + "/workspaces/main/data/data.mdb"; }
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
  std::set<std::string> made_;  // Territories of add_rep_of.
  std::unique_ptr<Process> process_;
};

}  // namespace satchel::bench
