// Reads CSV as RFC 4180 has it, one record at a time.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "schema/model/result.hpp"

namespace satchel::server {

// Quoted cells may hold commas, quotes (doubled) and line ends; lines end with LF or CRLF; a byte
// order mark at the start is skipped; empty lines are skipped. Thread-bound. Memory: one record,
// bounded by limits::kImportLineBytesMax.
class CsvReader {
 public:
  explicit CsvReader(std::istream& in);

  struct Row {
    std::uint64_t line = 0;  // Where it begins, from 1.
    std::vector<std::string> cells;
  };
  // False at the end. kInvalidArgument ("LINE: what"): a quote inside an unquoted cell, text after
  // a closing quote, a quote that never closes; kLimitExceeded.
  Result<bool> next(Row& row);

 private:
  int take();
  Status read_quoted(std::string& cell);
  Status read_cell(std::string& cell, bool& last);
  [[nodiscard]] Error wrong(Errc code, const char* what) const;

  std::istream& in_;
  std::uint64_t line_ = 1;
  std::uint64_t begin_ = 1;
  std::size_t size_ = 0;
};

}  // namespace satchel::server
