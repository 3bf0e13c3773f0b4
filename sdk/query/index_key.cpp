#include "sdk/query/index_key.hpp"

#include <bit>
#include <functional>

namespace satchel::sdk {
namespace {

constexpr std::uint64_t kSign = 1ULL << 63;

std::uint64_t key_of_real(double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number == 0 ? 0.0 : number);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

bool is_indexed(const Path& path) { return path.root == Path::Root::kField && path.field->indexed; }

// Text that every match of the pattern begins with.
std::string_view fixed_prefix(std::string_view pattern) {
  return pattern.substr(0, pattern.find_first_of("%_"));
}

// The keys of texts that begin with `prefix`.
std::pair<std::uint64_t, std::uint64_t> prefix_range(std::string_view prefix) {
  const std::uint64_t low = prefix_key(prefix);
  if (prefix.size() >= 8) return {low, low};
  const auto free_bits = static_cast<unsigned>(64 - 8 * prefix.size());
  return {low, free_bits == 64 ? UINT64_MAX : low | ((1ULL << free_bits) - 1)};
}

std::optional<IndexQuestion> question_of(const schema::CollectionDef& collection,
                                         const Node& node) {
  const bool leaf = node.kind == Node::Kind::kCompare || node.kind == Node::Kind::kIn ||
                    node.kind == Node::Kind::kLike;
  if (!leaf || !is_indexed(node.path)) return std::nullopt;
  IndexQuestion question;
  question.collection = &collection;
  question.path = node.path;
  question.kind = IndexKind::kOrdered;
  if (node.kind == Node::Kind::kLike) {
    const std::string_view prefix = fixed_prefix(node.pattern);
    if (prefix.empty()) return std::nullopt;
    question.ranges.push_back(prefix_range(prefix));
    return question;
  }
  if (node.kind == Node::Kind::kIn || node.comparison == Comparison::kEqual) {
    question.kind = IndexKind::kEquality;
    for (const Value& literal : node.literals) {
      const std::uint64_t key = index_key(IndexKind::kEquality, literal);
      question.ranges.emplace_back(key, key);
    }
    return question;
  }
  const std::uint64_t key = index_key(IndexKind::kOrdered, node.literals.front());
  const bool below =
      node.comparison == Comparison::kLess || node.comparison == Comparison::kLessEqual;
  question.ranges.emplace_back(below ? 0 : key, below ? key : UINT64_MAX);
  return question;
}

}  // namespace

std::uint64_t prefix_key(std::string_view text) {
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  }
  return key;
}

std::uint64_t index_key(IndexKind kind, const Value& value) {
  if (const auto* truth = value.as<bool>()) return *truth ? 1 : 0;
  // Both kinds of number by their nearest float: order is kept, neighbours may share a key.
  if (const auto* integer = value.as<std::int64_t>()) {
    return key_of_real(static_cast<double>(*integer));
  }
  if (const auto* real = value.as<double>()) return key_of_real(*real);
  const auto* text = value.as<std::string>();
  if (text == nullptr) return 0;
  return kind == IndexKind::kEquality ? std::hash<std::string>{}(*text) : prefix_key(*text);
}

std::optional<IndexQuestion> choose_index(const schema::CollectionDef& collection,
                                          const Node& node) {
  if (node.kind != Node::Kind::kAnd) return question_of(collection, node);
  std::optional<IndexQuestion> best;
  for (const Node& child : node.children) {
    auto question = choose_index(collection, child);
    if (!question) continue;
    if (question->kind == IndexKind::kEquality) return question;
    if (!best) best = std::move(question);
  }
  return best;
}

}  // namespace satchel::sdk
