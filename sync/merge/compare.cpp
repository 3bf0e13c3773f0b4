#include "sync/merge/compare.hpp"

#include <algorithm>
#include <cmath>

#include "schema/catalog/json.hpp"

namespace satchel::sync {
namespace {

// Kinds in order; integers and floats share a place.
int place_of(const Value& value) {
  if (value.is_null()) return 0;
  if (value.as<bool>() != nullptr) return 1;
  if (value.as<std::int64_t>() != nullptr || value.as<double>() != nullptr) return 2;
  if (value.as<std::string>() != nullptr) return 3;
  if (value.as<Data>() != nullptr) return 4;
  return value.as<StructMembers>() != nullptr ? 5 : 6;
}

std::strong_ordering compare_doubles(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  if (a > b) return std::strong_ordering::greater;
  return std::strong_ordering::equal;
}

// Exact: a double holds only 53 bits of an integer.
std::strong_ordering compare_mixed(std::int64_t integer, double real) {
  if (real >= 0x1p63) return std::strong_ordering::less;
  if (real < -0x1p63) return std::strong_ordering::greater;
  const double floor = std::floor(real);
  const auto whole = static_cast<std::int64_t>(floor);
  if (integer != whole) return integer <=> whole;
  return real > floor ? std::strong_ordering::less : std::strong_ordering::equal;
}

std::strong_ordering compare_numbers(const Value& a, const Value& b) {
  const auto* a_integer = a.as<std::int64_t>();
  const auto* b_integer = b.as<std::int64_t>();
  if (a_integer != nullptr && b_integer != nullptr) return *a_integer <=> *b_integer;
  if (a_integer == nullptr && b_integer == nullptr) {
    return compare_doubles(*a.as<double>(), *b.as<double>());
  }
  const std::strong_ordering order = a_integer != nullptr
                                         ? compare_mixed(*a_integer, *b.as<double>())
                                         : 0 <=> compare_mixed(*b_integer, *a.as<double>());
  if (order != 0) return order;
  return a_integer != nullptr ? std::strong_ordering::less : std::strong_ordering::greater;
}

std::strong_ordering compare_structs(const StructMembers& a, const StructMembers& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    // A member that only one of the two has: the other reads as null there, and null comes first.
    if (a[i].first != b[i].first) return b[i].first <=> a[i].first;
    const std::strong_ordering order = compare_values(a[i].second, b[i].second);
    if (order != 0) return order;
  }
  return a.size() <=> b.size();
}

std::strong_ordering compare_lists(const ListElements& a, const ListElements& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const std::strong_ordering order = compare_values(a[i], b[i]);
    if (order != 0) return order;
  }
  return a.size() <=> b.size();
}

}  // namespace

std::strong_ordering compare_utf16(std::string_view a, std::string_view b) {
  if (a == b) return std::strong_ordering::equal;
  return schema::json_name_less(a, b) ? std::strong_ordering::less : std::strong_ordering::greater;
}

std::strong_ordering compare_values(const Value& a, const Value& b) {
  const int place = place_of(a);
  if (place != place_of(b)) return place <=> place_of(b);
  switch (place) {
    case 0: return std::strong_ordering::equal;
    case 1: return *a.as<bool>() <=> *b.as<bool>();
    case 2: return compare_numbers(a, b);
    case 3: return compare_utf16(*a.as<std::string>(), *b.as<std::string>());
    case 4: return ByteView{a.as<Data>()->bytes} <=> ByteView{b.as<Data>()->bytes};
    case 5: return compare_structs(*a.as<StructMembers>(), *b.as<StructMembers>());
    default: return compare_lists(*a.as<ListElements>(), *b.as<ListElements>());
  }
}

std::strong_ordering compare_encoded(ByteView a, ByteView b) {
  const Result<Value> left = decode_value(a);
  const Result<Value> right = decode_value(b);
  if (left && right) return compare_values(*left, *right);
  if (left || right) return left ? std::strong_ordering::greater : std::strong_ordering::less;
  return a <=> b;
}

}  // namespace satchel::sync
