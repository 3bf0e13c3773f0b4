#include "sdk/query/token.hpp"

#include <array>
#include <utility>

namespace satchel::sdk {
namespace {

using Kind = Token::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_folded(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != b[i]) return false;
  }
  return true;
}

Kind kind_of_word(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 9> kWords{{
      {"and", Kind::kAnd},
      {"or", Kind::kOr},
      {"not", Kind::kNot},
      {"in", Kind::kIn},
      {"like", Kind::kLike},
      {"exists", Kind::kExists},
      {"true", Kind::kTrue},
      {"false", Kind::kFalse},
      {"null", Kind::kNull},
  }};
  for (const auto& [text, kind] : kWords) {
    if (equals_folded(word, text)) return kind;
  }
  return Kind::kPath;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Token> next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    Token token;
    token.column = at_ + 1;
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (is_letter(c)) return word(std::move(token));
    if (is_digit(c) || (c == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
      return number(std::move(token));
    }
    if (c == '"' || c == '\'') {
      token.kind = Kind::kText;
      SATCHEL_TRY(quoted(token.text, token.column));
      return token;
    }
    return sign(std::move(token));
  }

 private:
  // A path runs over dots: into maps the component may be quoted or hold hyphens.
  Result<Token> word(Token token) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    token.text = std::string{text_.substr(begin, at_ - begin)};
    token.kind = kind_of_word(token.text);
    while (at_ < text_.size() && text_[at_] == '.') {
      token.kind = Kind::kPath;
      token.text += '.';
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
        std::string component;
        SATCHEL_TRY(quoted(component, at_ + 1));
        token.text += component;
        continue;
      }
      const std::size_t from = at_;
      while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]) ||
                                    text_[at_] == '-' || text_[at_] == '@')) {
        ++at_;
      }
      if (at_ == from) return query_error(at_ + 1, "a name is missing after the dot");
      token.text += text_.substr(from, at_ - from);
    }
    return token;
  }

  Result<Token> number(Token token) {
    const std::size_t begin = at_++;
    bool date = false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const char before = text_[at_ - 1];
      const bool exponent_sign = (c == '-' || c == '+') && (before == 'e' || before == 'E');
      if (!is_digit(c) && !is_letter(c) && c != '.' && c != ':' && c != '-' && c != '+') break;
      if (!is_digit(c) && c != '.' && c != 'e' && c != 'E' && !exponent_sign) date = true;
      ++at_;
    }
    token.text = std::string{text_.substr(begin, at_ - begin)};
    token.kind = date ? Kind::kDate : Kind::kNumber;
    return token;
  }

  // A backslash takes the next character as it is; nothing else is escaped.
  Status quoted(std::string& out, std::size_t column) {
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (at_ >= text_.size()) return query_error(column, "this text has no closing quote");
    ++at_;
    return {};
  }

  Result<Token> sign(Token token) {
    const char c = text_[at_++];
    const bool equals = at_ < text_.size() && text_[at_] == '=';
    switch (c) {
      case '(':
      case '[': token.kind = Kind::kOpen; return token;
      case ')':
      case ']': token.kind = Kind::kClose; return token;
      case ',': token.kind = Kind::kComma; return token;
      case '=':
        at_ += equals ? 1 : 0;
        token.kind = Kind::kEqual;
        return token;
      case '!':
        if (!equals) break;
        ++at_;
        token.kind = Kind::kUnequal;
        return token;
      case '<':
        if (at_ < text_.size() && text_[at_] == '>') {
          ++at_;
          token.kind = Kind::kUnequal;
          return token;
        }
        at_ += equals ? 1 : 0;
        token.kind = equals ? Kind::kLessEqual : Kind::kLess;
        return token;
      case '>':
        at_ += equals ? 1 : 0;
        token.kind = equals ? Kind::kGreaterEqual : Kind::kGreater;
        return token;
      default: break;
    }
    return query_error(token.column, "this character begins nothing that is known here");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Error query_error(std::size_t column, std::string_view what) {
  return Error{Errc::kQueryInvalid, "column " + std::to_string(column) + ": " + std::string{what}};
}

Result<std::vector<Token>> tokens_of(std::string_view text) {
  Lexer lexer{text};
  std::vector<Token> tokens;
  do {
    auto token = lexer.next();
    if (!token) return token.error();
    tokens.push_back(std::move(*token));
  } while (tokens.back().kind != Kind::kEnd);
  return tokens;
}

}  // namespace satchel::sdk
