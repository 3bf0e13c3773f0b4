#include "schema/compiler/source_text.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "schema/model/limits.hpp"

namespace satchel::schema {

// Reads a text once, statement by statement.
class SourceScanner {
 public:
  explicit SourceScanner(SourceText& into) : into_(into), text_(into.text_) {}

  void scan() {
    // What is too deep is not looked at further: each level makes every name below it longer.
    while (at_ < text_.size() && into_.too_deep_line_ == 0) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c == '#') {
        skip_comment();
      } else if (c == '"') {
        take_string();
      } else if (is_word(c)) {
        take_word();
      } else {
        measure(c);
        take_sign(c);
        ++at_;
      }
    }
  }

 private:
  static bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  }

  void skip_comment() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  void take_string() {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n')
      at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ > text_.size()) at_ = text_.size();
    if (after_import_) into_.imports_.emplace_back(text_.substr(begin, at_ - begin));
    after_import_ = false;
    if (at_ < text_.size() && text_[at_] == '"') ++at_;
  }

  void take_word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string word{text_.substr(begin, at_ - begin)};
    after_import_ = word == "import";
    if (first_.empty()) {
      first_ = word;
      first_line_ = line_;
    } else if (first_ == "struct" && name_.empty()) {
      name_ = word;
      declare(word);
    }
  }

  void measure(char c) {
    const bool opens = c == '(' || c == '[' || c == '{';
    const bool closes = c == ')' || c == ']' || c == '}';
    if (opens) ++depth_;
    if (closes && depth_ > 0) --depth_;
    if (c == '.') ++dots_;
    if (c != '.' && std::isspace(static_cast<unsigned char>(c)) == 0) dots_ = 0;
    const bool too_deep = std::max(depth_, dots_) > limits::kSchemaNestingMax;
    if (too_deep && into_.too_deep_line_ == 0) into_.too_deep_line_ = line_;
  }

  void take_sign(char c) {
    // `name @0 :Type` and `name :group` declare a member; `union {` declares one without a name.
    if ((c == '@' || c == ':') && name_.empty() && !first_.empty() && first_ != "struct")
      declare(first_);
    if (c == '{') {
      if (first_ == "union") declare("union");
      scopes_.push_back(name_ == "union" ? std::string{} : name_);  // Its members are the struct's.
      begin_statement();
    } else if (c == '}') {
      if (!scopes_.empty()) scopes_.pop_back();
      begin_statement();
    } else if (c == ';') {
      begin_statement();
    }
  }

  void begin_statement() {
    first_.clear();
    name_.clear();
  }

  void declare(const std::string& name) {
    std::string qualified;
    for (const std::string& scope : scopes_) {
      if (!scope.empty()) qualified += scope + ".";
    }
    into_.lines_.emplace(qualified + name, first_line_);
    if (first_ != "struct") first_ = "struct", name_ = name;  // A member is declared once.
  }

  SourceText& into_;
  std::string_view text_;
  std::size_t at_ = 0;
  unsigned line_ = 1;
  unsigned first_line_ = 1;
  std::string first_;  // The first word of the statement, and the name that it declares.
  std::string name_;
  std::vector<std::string> scopes_;
  std::size_t depth_ = 0;  // Of brackets that are open.
  std::size_t dots_ = 0;   // Of the name that is being read.
  bool after_import_ = false;
};

SourceText::SourceText(std::string display_name, std::string text)
    : display_name_(std::move(display_name)), text_(std::move(text)) {
  SourceScanner{*this}.scan();
}

unsigned SourceText::line_of(const std::string& qualified_name) const {
  const auto found = lines_.find(qualified_name);
  return found == lines_.end() ? 0 : found->second;
}

}  // namespace satchel::schema
