#include "server/ctl/csv.hpp"

#include "schema/model/limits.hpp"

namespace satchel::server {
namespace {

constexpr int kEnd = std::char_traits<char>::eof();

}  // namespace

CsvReader::CsvReader(std::istream& in) : in_(in) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  for (const char c : kMark) {
    if (in_.peek() != static_cast<unsigned char>(c)) break;
    in_.get();
  }
}

Error CsvReader::wrong(Errc code, const char* what) const {
  return Error{code, std::to_string(begin_) + ": " + what};
}

int CsvReader::take() {
  const int c = in_.get();
  if (c == '\n') ++line_;
  if (c != kEnd) ++size_;
  return c;
}

Status CsvReader::read_quoted(std::string& cell) {
  for (;;) {
    const int c = take();
    if (size_ > limits::kImportLineBytesMax)
      return wrong(Errc::kLimitExceeded, "a row is too long");
    if (c == kEnd) return wrong(Errc::kInvalidArgument, "a quote never closes");
    if (c == '"') {
      if (in_.peek() != '"') return {};
      take();
    }
    cell += static_cast<char>(c);
  }
}

// Reads to the next comma or line end, and past it. `last`: it was the row's last cell.
Status CsvReader::read_cell(std::string& cell, bool& last) {
  bool quoted = false;
  for (;;) {
    const int c = take();
    if (size_ > limits::kImportLineBytesMax)
      return wrong(Errc::kLimitExceeded, "a row is too long");
    if (c == '"' && cell.empty() && !quoted) {
      quoted = true;
      SATCHEL_TRY(read_quoted(cell));
      continue;
    }
    if (c == '\r' && in_.peek() == '\n') continue;
    if (c == '\r') {
      return wrong(Errc::kInvalidArgument,
                   "a carriage return alone ends no line; save the file with LF or CRLF");
    }
    last = c == '\n' || c == kEnd;
    if (last || c == ',') return {};
    if (c == '"') return wrong(Errc::kInvalidArgument, "a quote inside an unquoted cell");
    if (quoted) return wrong(Errc::kInvalidArgument, "text after a closing quote");
    cell += static_cast<char>(c);
  }
}

Result<bool> CsvReader::next(Row& row) {
  row.cells.clear();
  while (in_.peek() == '\n' || in_.peek() == '\r') take();
  if (in_.peek() == kEnd) return false;
  begin_ = row.line = line_;
  size_ = 0;
  for (bool last = false; !last;) {
    SATCHEL_TRY(read_cell(row.cells.emplace_back(), last));
  }
  return true;
}

}  // namespace satchel::server
