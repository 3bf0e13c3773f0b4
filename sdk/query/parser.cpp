#include <charconv>
#include <cmath>

#include "schema/catalog/json.hpp"
#include "schema/model/limits.hpp"
#include "sdk/query/expression.hpp"
#include "sdk/query/token.hpp"

namespace satchel::sdk {
namespace {

using TokenKind = Token::Kind;

std::string_view next_component(std::string_view& text) {
  const std::size_t dot = text.find('.');
  const std::string_view component = text.substr(0, dot);
  text = dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
  return component;
}

schema::Type integer_type() {
  schema::Type type;
  type.kind = schema::Kind::kInteger;
  type.time = true;
  return type;
}

// Times are integers in the schema: any integer compares with an ISO 8601 text.
Result<Value> parse_time(std::string_view text) {
  schema::FieldDef field;
  field.type = integer_type();
  return schema::value_from_text(field, field.type, text);
}

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

// A stage that is kept in a struct compares by its first member, the stage.
void compare_stage_by_name(Path& path) {
  if (path.root != Path::Root::kField || path.field->rule != schema::Rule::kStage) return;
  if (!path.members.empty() || path.leaf.kind != schema::Kind::kStruct) return;
  const auto& members = path.leaf.structure->members;
  if (members.empty()) return;
  const schema::StructMember first = members.front();
  path.members.push_back(first.ordinal);
  path.leaf = first.type;
}

class Parser {
 public:
  Parser(const schema::CollectionDef& collection, std::vector<Token> tokens)
      : collection_(collection), tokens_(std::move(tokens)) {}

  Result<Node> parse() {
    auto node = disjunction(1);
    if (!node) return node;
    if (peek().kind != TokenKind::kEnd) {
      return query_error(peek().column, "`and`, `or` or the end is expected here");
    }
    return node;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  Token take() { return tokens_[at_++]; }
  bool accept(TokenKind kind) {
    if (peek().kind != kind) return false;
    ++at_;
    return true;
  }

  Result<Node> disjunction(std::size_t depth) {
    return chain(depth, TokenKind::kOr, Node::Kind::kOr, &Parser::conjunction);
  }
  Result<Node> conjunction(std::size_t depth) {
    return chain(depth, TokenKind::kAnd, Node::Kind::kAnd, &Parser::negation);
  }

  Result<Node> chain(std::size_t depth, TokenKind word, Node::Kind kind,
                     Result<Node> (Parser::*part)(std::size_t)) {
    auto first = (this->*part)(depth);
    if (!first || peek().kind != word) return first;
    Node node;
    node.kind = kind;
    node.children.push_back(std::move(*first));
    while (accept(word)) {
      auto next = (this->*part)(depth);
      if (!next) return next;
      node.children.push_back(std::move(*next));
    }
    return node;
  }

  // Each parenthesis and each `not` is one level more.
  Result<Node> negation(std::size_t depth) {
    if (depth > limits::kQueryDepthMax) {
      return Error{Errc::kLimitExceeded,
                   "column " + std::to_string(peek().column) + ": more than " +
                       std::to_string(limits::kQueryDepthMax) + " levels of parentheses and `not`"};
    }
    if (accept(TokenKind::kNot)) {
      auto inner = negation(depth + 1);
      if (!inner) return inner;
      return negated(std::move(*inner));
    }
    if (accept(TokenKind::kOpen)) {
      auto inner = disjunction(depth + 1);
      if (!inner) return inner;
      if (!accept(TokenKind::kClose)) return query_error(peek().column, "`)` is expected here");
      return inner;
    }
    return predicate();
  }

  static Node negated(Node inner) {
    Node node;
    node.kind = Node::Kind::kNot;
    node.children.push_back(std::move(inner));
    return node;
  }

  Result<Node> predicate() {
    if (accept(TokenKind::kExists)) {
      const bool parenthesis = accept(TokenKind::kOpen);
      auto node = path_node();
      if (!node) return node;
      if (parenthesis && !accept(TokenKind::kClose)) {
        return query_error(peek().column, "`)` is expected here");
      }
      node->kind = Node::Kind::kExists;
      return node;
    }
    auto node = path_node();
    if (!node) return node;
    if (accept(TokenKind::kNot)) {
      auto inner = test(std::move(*node), true);
      if (!inner) return inner;
      return negated(std::move(*inner));
    }
    return test(std::move(*node), false);
  }

  Result<Node> path_node() {
    const Token token = take();
    if (token.kind != TokenKind::kPath) {
      --at_;
      return query_error(token.column, "the name of a field is expected here");
    }
    auto path = resolve_path(collection_, token.text);
    if (!path) return query_error(token.column, path.error().context);
    Node node;
    node.path = std::move(*path);
    return node;
  }

  // What comes after the field's name. After `not` only a word may come.
  Result<Node> test(Node node, bool words_only) {
    const Token token = take();
    switch (token.kind) {
      case TokenKind::kExists: node.kind = Node::Kind::kExists; return node;
      case TokenKind::kIn: return in_list(std::move(node));
      case TokenKind::kLike: return like(std::move(node));
      default: break;
    }
    if (!words_only) {
      switch (token.kind) {
        case TokenKind::kEqual: return compare(std::move(node), Comparison::kEqual, false);
        case TokenKind::kUnequal: return compare(std::move(node), Comparison::kEqual, true);
        case TokenKind::kLess: return compare(std::move(node), Comparison::kLess, false);
        case TokenKind::kLessEqual: return compare(std::move(node), Comparison::kLessEqual, false);
        case TokenKind::kGreater: return compare(std::move(node), Comparison::kGreater, false);
        case TokenKind::kGreaterEqual:
          return compare(std::move(node), Comparison::kGreaterEqual, false);
        default: break;
      }
    }
    --at_;
    return query_error(token.column, words_only ? "`in`, `like` or `exists` is expected here"
                                                : "a comparison is expected here");
  }

  Result<Node> compare(Node node, Comparison comparison, bool unequal) {
    if (peek().kind == TokenKind::kNull) {
      const Token null = take();
      if (comparison != Comparison::kEqual) {
        return query_error(null.column, "null can only be compared with = and !=");
      }
      node.kind = Node::Kind::kExists;
      return unequal ? std::move(node) : negated(std::move(node));
    }
    compare_stage_by_name(node.path);
    const std::size_t column = peek().column;
    auto value = literal(node.path);
    if (!value) return value.error();
    if (comparison != Comparison::kEqual && value->as<bool>() != nullptr) {
      return query_error(column, "true and false can only be compared with = and !=");
    }
    node.kind = Node::Kind::kCompare;
    node.comparison = comparison;
    node.literals.push_back(std::move(*value));
    return unequal ? negated(std::move(node)) : std::move(node);
  }

  Result<Node> in_list(Node node) {
    compare_stage_by_name(node.path);
    if (!accept(TokenKind::kOpen)) return query_error(peek().column, "`(` is expected here");
    node.kind = Node::Kind::kIn;
    do {
      auto value = literal(node.path);
      if (!value) return value.error();
      node.literals.push_back(std::move(*value));
    } while (accept(TokenKind::kComma));
    if (!accept(TokenKind::kClose))
      return query_error(peek().column, "`,` or `)` is expected here");
    return node;
  }

  Result<Node> like(Node node) {
    compare_stage_by_name(node.path);
    const Token token = take();
    if (token.kind != TokenKind::kText) {
      --at_;
      return query_error(token.column, "a text in quotes is expected here");
    }
    if (node.path.leaf.kind != schema::Kind::kText) {
      return query_error(token.column, "`like` is for fields that hold text");
    }
    node.kind = Node::Kind::kLike;
    node.pattern = token.text;
    return node;
  }

  Result<Value> literal(const Path& path) {
    const Token token = take();
    switch (path.leaf.kind) {
      case schema::Kind::kText:
        if (token.kind == TokenKind::kText) return Value{token.text};
        break;
      case schema::Kind::kBool:
        if (token.kind == TokenKind::kTrue) return Value{true};
        if (token.kind == TokenKind::kFalse) return Value{false};
        break;
      case schema::Kind::kInteger:
        if (token.kind == TokenKind::kText || token.kind == TokenKind::kDate) {
          if (auto time = parse_time(token.text); time && time->as<std::int64_t>() != nullptr) {
            return std::move(*time);
          }
          break;
        }
        [[fallthrough]];
      case schema::Kind::kFloat:
        if (token.kind == TokenKind::kNumber) {
          if (auto number = literal_number(token.text)) return std::move(*number);
        }
        break;
      default:
        --at_;
        return query_error(token.column, "this field has no value to compare; name a member of it");
    }
    --at_;
    return query_error(token.column, expected(path.leaf.kind));
  }

  static std::optional<Value> literal_number(std::string_view text) {
    std::int64_t integer = 0;
    if (parse_number(text, integer)) return Value{integer};
    double real = 0;
    if (parse_number(text, real) && std::isfinite(real)) return Value{real};
    return std::nullopt;
  }

  static std::string_view expected(schema::Kind kind) {
    switch (kind) {
      case schema::Kind::kText: return "a text in quotes is expected here";
      case schema::Kind::kBool: return "true or false is expected here";
      case schema::Kind::kInteger: return "a number or an ISO 8601 time is expected here";
      default: return "a number is expected here";
    }
  }

  const schema::CollectionDef& collection_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Path> resolve_path(const schema::CollectionDef& collection, std::string_view text) {
  Path path;
  std::string_view rest = text;
  const std::string_view name = next_component(rest);
  path.field = collection.find(name);
  if (path.field == nullptr) {
    const bool id = name == "id";
    if (!rest.empty() || (!id && name != "modifiedAt")) {
      return Error{Errc::kFieldUnknown,
                   collection.name + " has no field \"" + std::string{name} + "\""};
    }
    path.root = id ? Path::Root::kId : Path::Root::kModifiedAt;
    path.leaf = id ? schema::Type{} : integer_type();
    return path;
  }
  path.leaf = path.field->value_type();
  if (path.field->rule == schema::Rule::kMap && !rest.empty()) {
    schema::FieldDef key;
    key.type = path.field->type.key ? *path.field->type.key : schema::Type{};
    auto value = schema::value_from_text(key, key.type, next_component(rest));
    if (!value) return value.error();
    path.map_key = encode_value(*value);
  }
  while (!rest.empty()) {
    const std::string_view member = next_component(rest);
    const schema::StructMember* found =
        path.leaf.structure ? path.leaf.structure->find(member) : nullptr;
    if (found == nullptr) {
      return Error{Errc::kFieldUnknown, collection.name + "." + path.field->name +
                                            " has no member \"" + std::string{member} + "\""};
    }
    path.members.push_back(found->ordinal);
    const schema::Type type = found->type;
    path.leaf = type;
  }
  return path;
}

Result<Node> parse_expression(const schema::CollectionDef& collection, std::string_view text) {
  if (text.size() > limits::kQueryBytesMax) {
    return Error{Errc::kLimitExceeded, "the expression has more than " +
                                           std::to_string(limits::kQueryBytesMax) + " bytes"};
  }
  auto tokens = tokens_of(text);
  if (!tokens) return tokens.error();
  if (tokens->size() == 1) return Node{};
  return Parser{collection, std::move(*tokens)}.parse();
}

Result<std::vector<OrderBy>> parse_order(const schema::CollectionDef& collection,
                                         std::string_view text) {
  std::vector<OrderBy> order;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string_view name = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    OrderBy by;
    by.descending = !name.empty() && name.front() == '-';
    if (by.descending) name.remove_prefix(1);
    auto path = resolve_path(collection, name);
    if (!path) return Error{Errc::kQueryInvalid, "order: " + path.error().context};
    by.path = std::move(*path);
    compare_stage_by_name(by.path);
    order.push_back(std::move(by));
  }
  return order;
}

}  // namespace satchel::sdk
