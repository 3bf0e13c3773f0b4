#include "sync/merge/total.hpp"

#include <cmath>
#include <limits>

namespace satchel::sync {
namespace {

std::optional<double> real_of(const Value& value) {
  if (const auto* real = value.as<double>()) return *real;
  if (const auto* integer = value.as<std::int64_t>()) return static_cast<double>(*integer);
  return std::nullopt;
}

}  // namespace

std::optional<Value> checked_sum(const Value& a, const Value& b) {
  const auto* a_integer = a.as<std::int64_t>();
  const auto* b_integer = b.as<std::int64_t>();
  if (a_integer != nullptr && b_integer != nullptr) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(*a_integer, *b_integer, &sum)) return std::nullopt;
    return Value{sum};
  }
  const std::optional<double> left = real_of(a);
  const std::optional<double> right = real_of(b);
  if (!left || !right) return std::nullopt;
  const double sum = *left + *right + 0.0;  // + 0.0: never -0.0, which has no canonical form.
  if (!std::isfinite(sum)) return std::nullopt;
  return Value{sum};
}

Value saturated_sum(const Value& a, const Value& b) {
  if (!real_of(b)) return a;
  if (!real_of(a)) return b;
  if (auto sum = checked_sum(a, b)) return *sum;
  if (const auto* integer = a.as<std::int64_t>(); integer != nullptr && b.as<std::int64_t>()) {
    using Limits = std::numeric_limits<std::int64_t>;
    return Value{*integer < 0 ? Limits::min() : Limits::max()};
  }
  return Value{*real_of(a) < 0 ? std::numeric_limits<double>::lowest()
                               : std::numeric_limits<double>::max()};
}

bool stays_in_range(const schema::FieldDef& field, std::span<const Entry> entries,
                    ByteView own_key, std::int64_t increment) {
  const schema::Type& type = field.value_type();
  if (type.kind != schema::Kind::kInteger) return true;
  // Wide enough for as many registers as a record may have.
  __extension__ using Wide = __int128;
  const auto within = [&](Wide sum) { return sum >= type.min && sum <= type.max; };
  Wide own = increment;
  Wide total = increment;
  for (const Entry& entry : entries) {
    for (const Sibling& sibling : entry.state.siblings) {
      const auto value = decode_value(sibling.value);
      const auto* held = value ? value->as<std::int64_t>() : nullptr;
      if (held == nullptr) continue;
      total += *held;
      if (entry.key == own_key) own += *held;
    }
  }
  return within(own) && within(total);
}

}  // namespace satchel::sync
