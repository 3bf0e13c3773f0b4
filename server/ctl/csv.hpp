// Reads CSV as RFC 4180 has it, one record at a time.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "schema/model/result.hpp"
#include "server/ctl/text_source.hpp"

namespace satchel::server {

// Quoted cells may hold commas, quotes (doubled) and line ends; lines end with LF, CRLF or CR,
// mixed as they come; empty lines are skipped. A row that breaks a rule is told as trouble of its
// own and the next row is read; only a quote that never closes takes all that follows with it.
// Thread-bound. Memory: one record, bounded by limits::kImportLineBytesMax, whatever the lines'
// length.
class CsvReader {
 public:
  explicit CsvReader(TextSource& source) : source_(source) {}

  // Why a row cannot be used.
  struct Trouble {
    Errc code = Errc::kInvalidArgument;
    std::uint64_t line = 0;    // Of the octet where it shows.
    std::uint64_t column = 0;  // In characters, from 1; 0: the whole row.
    std::optional<std::size_t> cell{};
    std::string reason;
  };
  struct Row {
    std::uint64_t line = 0;  // Where it begins, from 1.
    std::vector<std::string> cells;
    std::size_t cell_count = 0;  // Also of those that are not kept.
    std::optional<Trouble> trouble;
  };
  // False at the end. Of a row's cells only `cells_max` are kept. kFileRead.
  Result<bool> next(Row& row, std::size_t cells_max = std::numeric_limits<std::size_t>::max());

 private:
  struct Place {
    std::uint64_t line = 1;
    std::uint64_t column = 1;
  };
  enum class End : std::uint8_t { kCell, kRow, kBroken };

  End read_cell(std::string& cell, bool& quoted);
  End read_quoted(std::string& cell);
  End broken(const char* what);
  bool grow(std::size_t octets, bool in_quotes);
  void take_run(std::string& cell, std::size_t octets);
  std::string_view take_line_end(char first);
  void skip_line();
  void skip_row(bool in_quotes);
  void check_text(const std::string& cell, Place begin, bool quoted);
  void trouble(Place at, std::string reason, Errc code = Errc::kInvalidArgument);

  TextSource& source_;
  Row* row_ = nullptr;
  Place at_;
  std::size_t size_ = 0;
  std::string spare_;  // Of cells that are not kept.
};

}  // namespace satchel::server
