#include "tests/sim/reference_reading.hpp"

#include <algorithm>
#include <functional>
#include <ranges>

namespace satchel::sim {

using schema::FieldDef;
using schema::Rule;
using std::ranges::any_of;

bool is_null(const Bytes& value) { return value == encode_value(Value{}); }
bool is_true(const Bytes& value) { return value == encode_value(Value{true}); }
std::int64_t integer(const Bytes& value) {
  return is_null(value) ? 0 : *decode_value(value)->as<std::int64_t>();
}
std::string text(const Bytes& value) {
  const auto decoded = decode_value(value);
  if (!decoded) return {};  // Not there.
  const auto* members = decoded->as<StructMembers>();
  const bool first = members != nullptr && !members->empty() && members->front().first == 0;
  const auto* words = (first ? members->front().second : *decoded).as<std::string>();
  return words != nullptr ? *words : "";
}
std::int64_t together(Rule rule, std::int64_t a, std::int64_t b) {
  return rule == Rule::kCounter ? a + b : rule == Rule::kMax ? std::max(a, b) : std::min(a, b);
}
bool newer(const LiveValue& a, const LiveValue& b) {
  return std::tie(a.stamp, a.name) > std::tie(b.stamp, b.name);
}

namespace {

// A register of one value, by a rule that does not look beyond it: the newest of those that the
// rule ranks lowest.
using Rank = std::function<int(const LiveValue&)>;
LiveValue lowest(const std::vector<LiveValue>& values, const Rank& rank) {
  return *std::ranges::min_element(values, [&](const auto& a, const auto& b) {
    return rank(a) != rank(b) ? rank(a) < rank(b) : newer(a, b);
  });
}
LiveValue newest(const std::vector<LiveValue>& values) {
  return lowest(values, [](const auto&) { return 0; });
}

// A stage is out where another one is before it in precedence; having no stage is before nothing.
std::vector<LiveValue> standing(const FieldDef& field, const std::vector<LiveValue>& values) {
  const auto& beats = field.stages->beats;
  const auto beaten = [&](const LiveValue& value) {
    const auto mine = field.stages->find(text(value.value));
    return any_of(values, [&](const LiveValue& other) {
      const auto theirs = field.stages->find(text(other.value));
      return theirs && (!mine || std::ranges::count(beats, std::pair{*theirs, *mine}) > 0);
    });
  };
  std::vector<LiveValue> left;
  std::ranges::remove_copy_if(values, std::back_inserter(left), beaten);
  return left;
}

}  // namespace

bool is_contested(const FieldDef& field, const std::vector<LiveValue>& values) {
  const auto left = standing(field, values);
  return any_of(
      left, [&](const LiveValue& other) { return text(other.value) != text(left.front().value); });
}

LiveValue show(Rule rule, const FieldDef& field, const std::vector<LiveValue>& values) {
  const auto null = [](const LiveValue& value) { return is_null(value.value) ? 1 : 0; };
  switch (rule) {
    case Rule::kOnce: return *std::ranges::max_element(values, newer);
    case Rule::kStage: return newest(standing(field, values));
    case Rule::kDeny:
      return lowest(values, [&](const auto& v) { return is_true(v.value) ? -1 : null(v); });
    case Rule::kSet: return lowest(values, null);
    case Rule::kAccessSet: return lowest(values, [&](const auto& v) { return -null(v); });
    default: return newest(values);
  }
}

}  // namespace satchel::sim
