// One HTTPS connection to the server's admin API that stays open: what an integrator keeps, and
// what a process start of satchelctl would hide.
#pragma once

#include <memory>
#include <string>

#include "bench/fleet/server.hpp"

namespace satchel::bench {

// Thread-bound. Gives up where the server cannot be reached or refuses.
class AdminLine {
 public:
  explicit AdminLine(const Server& server);
  ~AdminLine();
  AdminLine(const AdminLine&) = delete;
  AdminLine& operator=(const AdminLine&) = delete;

  // The body of the answer.
  std::string get(const std::string& path) { return call("GET", path, {}); }
  std::string post(const std::string& path, const std::string& json) {
    return call("POST", path, json);
  }
  // A fresh enrolment code.
  std::string enrolment(const std::string& user);

 private:
  struct Line;
  std::string call(const std::string& method, const std::string& path, const std::string& json);

  std::unique_ptr<Line> line_;
  std::string token_;
};

}  // namespace satchel::bench
