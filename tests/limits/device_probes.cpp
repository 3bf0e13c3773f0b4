#include "schema/model/limits.hpp"
#include "sdk/query/expression.hpp"
#include "tests/limits/probe.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

Status parsed(const std::string& text) {
  return status_of(sdk::parse_expression(*crm()->find("accounts"), text));
}
// The comparison itself is a level.
Status query_depth(std::size_t levels) {
  return parsed(std::string(levels - 1, '(') + "name = \"a\"" + std::string(levels - 1, ')'));
}
Status query_bytes(std::size_t size) {
  const std::string head = "name = \"";
  return parsed(head + std::string(size - head.size() - 1, 'x') + '"');
}

}  // namespace

LimitProbes device_probes() {
  return {
      {"kQueryDepthMax", "parser", query_depth, Errc::kLimitExceeded, "column "},
      {"kQueryBytesMax", "parser", query_bytes, Errc::kLimitExceeded, "65536 bytes"},
  };
}

}  // namespace satchel::test
