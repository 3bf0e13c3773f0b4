#include "bench/fleet/server.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "bench/fleet/accounts.hpp"

namespace satchel::bench {

Server::Server(std::string bin, std::string folder)
    : bin_(std::move(bin)), data_(folder + "/data"), log_(folder + "/server.log") {
  std::filesystem::create_directories(folder);
  run({bin_ + "/satcheld", "init", "--data", data_, "--listen", "127.0.0.1:0"}, log_);
  start();
}

void Server::start() {
  process_ = std::make_unique<Process>(
      std::vector<std::string>{bin_ + "/satcheld", "serve", "--data", data_}, log_);
  const std::string ready = process_->read_line();  // "ready https://HOST:PORT"
  const std::size_t colon = ready.rfind(':');
  if (ready.rfind("ready ", 0) != 0 || colon == std::string::npos) give_up("not ready: " + ready);
  port_ = static_cast<std::uint16_t>(std::atoi(ready.c_str() + colon + 1));
}

void Server::kill() {
  process_->kill();
  process_.reset();
}

std::vector<std::string> Server::ctl_words(std::vector<std::string> words) const {
  words.insert(words.begin(), {bin_ + "/satchelctl", "--data", data_});
  return words;
}

std::string Server::ctl(std::vector<std::string> words) const {
  return run(ctl_words(std::move(words)), log_);
}

void Server::add_rep_of(const std::string& user, const std::string& territory) {
  if (made_.insert(territory).second) ctl({"territory", "create", territory});
  ctl({"user", "create", user, "--role", "rep", "--territory", territory});
}

void Server::add_rep(const std::string& user) {
  std::vector<std::string> words{"user", "create", user, "--role", "rep"};
  for (std::size_t i = 0; i < kTerritories; ++i) {
    if (!has_territories_) ctl({"territory", "create", territory_name(i)});
    words.insert(words.end(), {"--territory", territory_name(i)});
  }
  has_territories_ = true;
  ctl(std::move(words));
}

std::string Server::enrolment(const std::string& user) const {
  std::string code = ctl({"device", "enroll", "--user", user});
  while (!code.empty() && code.back() == '\n') code.pop_back();
  return code.substr(code.rfind('\n') + 1);
}

std::size_t Server::anonymous_bytes() const { return bench::anonymous_bytes(process_->id()); }

}  // namespace satchel::bench
