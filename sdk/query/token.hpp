// The words of the query language.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/model/result.hpp"

namespace satchel::sdk {

struct Token {
  enum class Kind : std::uint8_t {
    kEnd,
    kPath,
    kText,
    kNumber,
    kDate,
    kTrue,
    kFalse,
    kNull,
    kAnd,
    kOr,
    kNot,
    kIn,
    kLike,
    kExists,
    kOpen,
    kClose,
    kComma,
    kEqual,
    kUnequal,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
  };
  Kind kind = Kind::kEnd;
  std::string text;        // Of paths, numbers and dates as written; of kText what the quotes hold.
  std::size_t column = 1;  // Where it begins, in bytes from 1.
};

// Ends with kEnd. kQueryInvalid with the column.
Result<std::vector<Token>> tokens_of(std::string_view text);

// "column 7: WHAT". Never holds a literal of the expression: it may be personal data.
Error query_error(std::size_t column, std::string_view what);

}  // namespace satchel::sdk
