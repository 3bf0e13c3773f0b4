// One way to meet a limit: real code that is given something of a size. The table of probes is
// walked by limits_test against every name in schema/model/limits.hpp.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/model/result.hpp"

namespace satchel::test {

// Value type. `offer` must succeed with the limit's own size and fail with one more.
struct LimitProbe {
  std::string_view limit;     // Its name in limits.hpp.
  std::string_view enforcer;  // Who refuses.
  std::function<Status(std::size_t size)> offer;
  Errc code = Errc::kLimitExceeded;
  std::string_view says;  // Part of the refusal's context: what was too large, or where.
};
using LimitProbes = std::vector<LimitProbe>;

template <class T>
Status status_of(const Result<T>& result) {
  return result ? Status{} : Status{result.error()};
}

// Each file beside this one gives the probes of one layer.
LimitProbes schema_probes();
LimitProbes frame_probes();
LimitProbes commit_probes();
LimitProbes store_probes();
LimitProbes replica_probes();
LimitProbes device_probes();
LimitProbes server_probes();

}  // namespace satchel::test
