#include "tests/conformance/enrolled_home.hpp"

#include "tests/support/replica_home.hpp"

namespace test {

struct EnrolledHome::Impl {
  satchel::test::ReplicaHome home;
};
EnrolledHome::EnrolledHome() : impl_(std::make_unique<Impl>()) {}
EnrolledHome::~EnrolledHome() = default;
const std::string& EnrolledHome::path() const { return impl_->home.config.path; }

}  // namespace test
