#include "sdk/query/evaluate.hpp"

#include <algorithm>

#include "sync/merge/reading.hpp"

namespace satchel::sdk {
namespace {

// Follows struct members; false where one is absent.
bool descend(Value& value, const std::vector<std::uint16_t>& members) {
  for (const std::uint16_t ordinal : members) {
    auto* structure = std::get_if<StructMembers>(&value.of);
    if (structure == nullptr) return false;
    const auto found = std::find_if(structure->begin(), structure->end(),
                                    [&](const auto& member) { return member.first == ordinal; });
    if (found == structure->end()) return false;
    Value member = std::move(found->second);
    value = std::move(member);
  }
  return !value.is_null();
}

void add_value(std::vector<Value>& out, ByteView encoded, const Path& path) {
  auto value = decode_value(encoded);
  if (value && descend(*value, path.members)) out.push_back(std::move(*value));
}

bool is_keyed(schema::Rule rule) {
  return rule == schema::Rule::kSet || rule == schema::Rule::kAccessSet;
}

std::int64_t modified_at_us(const sync::Record& record) {
  std::uint64_t latest_ms = 0;
  for (const sync::Entry& entry : record.entries) {
    for (const sync::Sibling& sibling : entry.state.siblings) {
      latest_ms = std::max(latest_ms, sibling.stamp.ms());
    }
  }
  return static_cast<std::int64_t>(latest_ms) * 1000;
}

bool compare(const Value& value, Comparison comparison, const Value& literal) {
  const std::strong_ordering order = order_of(value, literal);
  switch (comparison) {
    case Comparison::kEqual: return order == 0;
    case Comparison::kLess: return order < 0;
    case Comparison::kLessEqual: return order <= 0;
    case Comparison::kGreater: return order > 0;
    case Comparison::kGreaterEqual: return order >= 0;
  }
  return false;
}

// An integer against a float, without losing digits of the integer.
std::strong_ordering order_mixed(std::int64_t integer, double real) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (real >= kTwoTo63) return std::strong_ordering::less;
  if (real < -kTwoTo63) return std::strong_ordering::greater;
  const auto whole = static_cast<std::int64_t>(real);
  if (integer != whole) return integer <=> whole;
  const double rest = real - static_cast<double>(whole);
  if (rest > 0) return std::strong_ordering::less;
  return rest < 0 ? std::strong_ordering::greater : std::strong_ordering::equal;
}

std::size_t character_size(std::string_view text, std::size_t at) {
  std::size_t size = 1;
  while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xC0) == 0x80)
    ++size;
  return size;
}

}  // namespace

std::vector<Value> values_at(const Path& path, const sync::Record& record) {
  std::vector<Value> values;
  if (path.root == Path::Root::kId) {
    values.emplace_back(to_text(record.id));
    return values;
  }
  if (path.root == Path::Root::kModifiedAt) {
    values.emplace_back(modified_at_us(record));
    return values;
  }
  const auto entries = record.of_field(path.field->id);
  if (entries.empty()) return values;
  const sync::FieldReading reading = sync::read_field(*path.field, entries);
  if (reading.withheld || !reading.present) return values;
  if (reading.items.empty()) {
    add_value(values, reading.value, path);
    return values;
  }
  for (const sync::ShownItem& item : reading.items) {
    if (path.map_key && item.key != *path.map_key) continue;
    add_value(values, is_keyed(path.field->rule) ? item.key : item.value, path);
  }
  return values;
}

std::strong_ordering order_of(const Value& a, const Value& b) {
  if (const auto* left = a.as<std::string>()) {
    if (const auto* right = b.as<std::string>()) return left->compare(*right) <=> 0;
  }
  if (const auto* left = a.as<bool>()) {
    if (const auto* right = b.as<bool>()) return *left <=> *right;
  }
  const auto* left_integer = a.as<std::int64_t>();
  const auto* right_integer = b.as<std::int64_t>();
  if (left_integer != nullptr && right_integer != nullptr) return *left_integer <=> *right_integer;
  const auto* left_real = a.as<double>();
  const auto* right_real = b.as<double>();
  if (left_integer != nullptr && right_real != nullptr) {
    return order_mixed(*left_integer, *right_real);
  }
  if (left_real != nullptr && right_integer != nullptr) {
    return 0 <=> order_mixed(*right_integer, *left_real);
  }
  if (left_real != nullptr && right_real != nullptr) {
    if (*left_real == *right_real) return std::strong_ordering::equal;
    return *left_real < *right_real ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return a.of.index() <=> b.of.index();
}

bool like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;  // The last % met, and where the text stood then.
  std::size_t star_at = 0;
  while (at < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star = p++;
      star_at = at;
    } else if (p < pattern.size() && pattern[p] == '_') {
      at += character_size(text, at);
      ++p;
    } else if (p < pattern.size() && pattern[p] == text[at]) {
      ++at;
      ++p;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      star_at += character_size(text, star_at);
      at = star_at;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

bool matches(const Node& node, const sync::Record& record) {
  switch (node.kind) {
    case Node::Kind::kAll: return true;
    case Node::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(),
                         [&](const Node& child) { return matches(child, record); });
    case Node::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(),
                         [&](const Node& child) { return matches(child, record); });
    case Node::Kind::kNot: return !matches(node.children.front(), record);
    default: break;
  }
  const std::vector<Value> values = values_at(node.path, record);
  if (node.kind == Node::Kind::kExists) return !values.empty();
  return std::any_of(values.begin(), values.end(), [&](const Value& value) {
    if (node.kind == Node::Kind::kLike) {
      const auto* text = value.as<std::string>();
      return text != nullptr && like(*text, node.pattern);
    }
    const Comparison comparison =
        node.kind == Node::Kind::kIn ? Comparison::kEqual : node.comparison;
    return std::any_of(node.literals.begin(), node.literals.end(),
                       [&](const Value& literal) { return compare(value, comparison, literal); });
  });
}

SortKey sort_key(const std::vector<OrderBy>& order, const sync::Record& record) {
  SortKey key;
  key.id = record.id;
  for (const OrderBy& by : order) {
    std::vector<Value> values = values_at(by.path, record);
    // Of several values the first in the direction asked for counts.
    const auto best =
        by.descending
            ? std::max_element(values.begin(), values.end(),
                               [](const Value& a, const Value& b) { return order_of(a, b) < 0; })
            : std::min_element(values.begin(), values.end(),
                               [](const Value& a, const Value& b) { return order_of(a, b) < 0; });
    key.values.push_back(best == values.end() ? std::nullopt : std::optional{std::move(*best)});
  }
  return key;
}

bool comes_before(const std::vector<OrderBy>& order, const SortKey& a, const SortKey& b) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& left = a.values[i];
    const auto& right = b.values[i];
    if (left.has_value() != right.has_value()) return left.has_value();
    if (!left) continue;
    const std::strong_ordering by_value = order_of(*left, *right);
    if (by_value != 0) return order[i].descending ? by_value > 0 : by_value < 0;
  }
  return a.id < b.id;
}

}  // namespace satchel::sdk
