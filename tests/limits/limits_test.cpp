// Every limit of schema/model/limits.hpp, at N and at N + 1, through the code that enforces it. A
// limit without a probe fails by itself.
#include <gtest/gtest.h>

#include <map>

#include "schema/model/limits.hpp"
#include "tests/limits/probe.hpp"

namespace satchel::test {

// Found by GoogleTest, in the type's own namespace.
void PrintTo(const LimitProbe& probe, std::ostream* out) {
  *out << probe.limit << " of " << probe.enforcer;
}

namespace {

const LimitProbes& all_probes() {
  static const LimitProbes kAll = [] {
    LimitProbes all;
    for (auto* const give : {&schema_probes, &frame_probes, &commit_probes, &store_probes,
                             &replica_probes, &device_probes, &server_probes}) {
      for (LimitProbe& probe : give()) all.push_back(std::move(probe));
    }
    return all;
  }();
  return kAll;
}

const std::map<std::string_view, std::size_t>& limits_by_name() {
  static const std::map<std::string_view, std::size_t> kByName{
#define SATCHEL_LIMIT_NAMED(name, value, what) {#name, limits::name},
      SATCHEL_LIMITS(SATCHEL_LIMIT_NAMED)
#undef SATCHEL_LIMIT_NAMED
  };
  return kByName;
}

TEST(Limits, EachHasAProbe) {
  for (const auto& [name, max] : limits_by_name()) {
    const bool probed =
        std::any_of(all_probes().begin(), all_probes().end(),
                    [&, name = name](const LimitProbe& probe) { return probe.limit == name; });
    EXPECT_TRUE(probed) << name << " has no case at N and N + 1: nobody knows whether it holds";
  }
}

TEST(Limits, EachProbeIsOfALimitThatThereIs) {
  for (const LimitProbe& probe : all_probes())
    EXPECT_EQ(limits_by_name().count(probe.limit), 1U) << probe.limit;
}

class AtItsLimit : public testing::TestWithParam<LimitProbe> {};

TEST_P(AtItsLimit, TakesNAndRefusesOneMoreWithAnErrorThatSaysWhat) {
  const LimitProbe& probe = GetParam();
  const std::size_t max = limits_by_name().at(probe.limit);
  const Status at = probe.offer(max);
  EXPECT_TRUE(at) << max << ": " << at.error().message();
  const Status beyond = probe.offer(max + 1);
  ASSERT_FALSE(beyond) << max + 1 << " is accepted by " << probe.enforcer;
  EXPECT_EQ(wire_name(beyond.error().code), wire_name(probe.code)) << beyond.error().message();
  EXPECT_NE(beyond.error().context.find(probe.says), std::string::npos)
      << beyond.error().message();
  EXPECT_FALSE(beyond.error().context.empty());
}

std::string name_of_probe(const testing::TestParamInfo<LimitProbe>& info) {
  std::string name{info.param.limit};
  name += "_";
  for (const char c : info.param.enforcer) name += std::isalnum(c) != 0 ? c : '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Limits, AtItsLimit, testing::ValuesIn(all_probes()), name_of_probe);

}  // namespace
}  // namespace satchel::test
