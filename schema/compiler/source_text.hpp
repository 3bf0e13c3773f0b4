// A schema's text: what it imports, and on which line a struct or a field stands, so that a
// complaint can say so.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace satchel::schema {

// Value type. Knows just enough of the language to find declarations: comments, strings, braces.
class SourceText {
 public:
  SourceText(std::string display_name, std::string text);

  [[nodiscard]] const std::string& display_name() const { return display_name_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  // What stands between the quotes after `import`, in order.
  [[nodiscard]] const std::vector<std::string>& imports() const { return imports_; }
  // From 1, the line on which brackets or a dotted name go deeper than kSchemaNestingMax; 0 where
  // none do. Cap'n Proto's parser, which calls itself for each, must not be given such a text.
  [[nodiscard]] unsigned too_deep_line() const { return too_deep_line_; }
  // From 1, of "Outer.Inner" or "Outer.Inner.field"; 0 where the text declares no such thing.
  [[nodiscard]] unsigned line_of(const std::string& qualified_name) const;

 private:
  friend class SourceScanner;
  std::string display_name_;
  std::string text_;
  std::vector<std::string> imports_;
  std::map<std::string, unsigned> lines_;
  unsigned too_deep_line_ = 0;
};

// The text that the library carries under an import path such as "/satchel/crm.capnp"; null where
// it carries none.
const std::string* embedded_schema(std::string_view import_path);

}  // namespace satchel::schema
