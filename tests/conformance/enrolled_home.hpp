// A folder with an enrolled replica, for tests that see the public headers alone.
#pragma once

#include <memory>
#include <string>

namespace test {

class EnrolledHome {
 public:
  EnrolledHome();
  ~EnrolledHome();
  EnrolledHome(const EnrolledHome&) = delete;
  EnrolledHome& operator=(const EnrolledHome&) = delete;
  [[nodiscard]] const std::string& path() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace test
