#include "server/ctl/csv.hpp"

#include <algorithm>

#include "schema/model/limits.hpp"

namespace satchel::server {
namespace {

constexpr std::string_view kPlainEnds = ",\"\r\n";
constexpr std::string_view kQuotedEnds = "\"\r\n";
constexpr std::string_view kLineEnds = "\r\n";

// Octets before the first of `ends`. find_first_of looks at one octet at a time, as this does, but
// calls for each.
std::size_t run_length(std::string_view text, std::string_view ends) {
  std::size_t length = 0;
  while (length < text.size()) {
    const char c = text[length];
    // All ends are below '-'; most text is not.
    if (c <= ',' && c >= 0 && ends.find(c) != std::string_view::npos) break;
    ++length;
  }
  return length;
}

}  // namespace

void CsvReader::trouble(Place at, std::string reason, Errc code) {
  if (row_->trouble) return;  // The first explains the others.
  row_->trouble = Trouble{code, at.line, at.column, std::nullopt, std::move(reason)};
}

std::string_view CsvReader::take_line_end(char first) {
  source_.skip(1);
  ++at_.line;
  at_.column = 1;
  if (first == '\n') return "\n";
  if (source_.peek() != '\n') return "\r";
  source_.skip(1);
  return "\r\n";
}

void CsvReader::skip_line() {
  for (std::string_view text = source_.ahead(); !text.empty(); text = source_.ahead()) {
    const std::size_t end = run_length(text, kLineEnds);
    source_.skip(end);
    if (end == text.size()) continue;
    take_line_end(text[end]);
    return;
  }
}

// To the end of the row, by the rule of quotes alone.
void CsvReader::skip_row(bool in_quotes) {
  for (std::string_view text = source_.ahead(); !text.empty(); text = source_.ahead()) {
    const std::size_t end = run_length(text, kQuotedEnds);
    source_.skip(end);
    if (end == text.size()) continue;
    if (text[end] == '"') {
      in_quotes = !in_quotes;
      source_.skip(1);
      continue;
    }
    take_line_end(text[end]);
    if (!in_quotes) return;
  }
  if (in_quotes)
    row_->trouble->reason += ", and a quote of it never closes: nothing after it is read";
}

// `octets` more belong to the row. False where they are too many: the row has then been passed
// over.
bool CsvReader::grow(std::size_t octets, bool in_quotes) {
  size_ += octets;
  if (size_ <= limits::kImportLineBytesMax) return true;
  trouble({row_->line, 0}, "a row is too long", Errc::kLimitExceeded);
  skip_row(in_quotes);
  return false;
}

void CsvReader::take_run(std::string& cell, std::size_t octets) {
  const std::string_view text = source_.ahead().substr(0, octets);
  cell += text;
  at_.column += count_characters(text);
  source_.skip(octets);
}

// From behind the opening quote to behind the closing one.
CsvReader::End CsvReader::read_quoted(std::string& cell) {
  const Place opened = at_;
  for (;;) {
    const std::string_view text = source_.ahead();
    if (text.empty()) {
      trouble({opened.line, opened.column - 1}, "a quote never closes: nothing after it is read");
      return End::kBroken;
    }
    const std::size_t run = run_length(text, kQuotedEnds);
    if (!grow(run + (run == 0 ? 1 : 0), true)) return End::kBroken;
    if (run > 0) {
      take_run(cell, run);
    } else if (text.front() != '"') {
      cell += take_line_end(text.front());  // As it stands: cells are not ours to change.
    } else {
      source_.skip(1);
      ++at_.column;
      if (source_.peek() != '"') return End::kCell;
      take_run(cell, 1);
    }
  }
}

// Reads to the next comma or line end, and past it.
CsvReader::End CsvReader::read_cell(std::string& cell, bool& quoted) {
  quoted = source_.peek() == '"';
  if (quoted) {
    source_.skip(1);
    ++at_.column;
    if (!grow(1, true)) return End::kBroken;
    if (read_quoted(cell) == End::kBroken) return End::kBroken;
  }
  for (;;) {
    const std::string_view text = source_.ahead();
    if (text.empty()) return End::kRow;
    const std::size_t run = run_length(text, kPlainEnds);
    if (run > 0) {
      if (quoted) return broken("text after a closing quote");
      if (!grow(run, false)) return End::kBroken;
      take_run(cell, run);
      continue;
    }
    if (!grow(1, text.front() == '"')) return End::kBroken;
    if (text.front() == '"') return broken("a quote inside an unquoted cell");
    if (text.front() != ',') {
      take_line_end(text.front());
      return End::kRow;
    }
    source_.skip(1);
    ++at_.column;
    return End::kCell;
  }
}

// What the row says is anybody's guess; the next line is taken for the next row.
CsvReader::End CsvReader::broken(const char* what) {
  trouble(at_, what);
  skip_line();
  return End::kBroken;
}

void CsvReader::check_text(const std::string& cell, Place begin, bool quoted) {
  const std::size_t nul = cell.find('\0');
  const auto odd = first_no_utf8(cell);
  if (nul == std::string::npos && !odd) return;
  const std::string_view before =
      std::string_view{cell}.substr(0, std::min(nul, odd.value_or(nul)));
  const bool is_nul = before.size() == nul;
  Place at = begin;
  if (quoted) ++at.column;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const char c = before[i];
    const bool ends_line = c == '\n' || (c == '\r' && !before.substr(i + 1).starts_with('\n'));
    at.line += ends_line ? 1 : 0;
    if (c == '\n' || c == '\r') {
      at.column = 1;
    } else {
      at.column += (c & 0xC0) != 0x80 ? 1 : 0;
      at.column += quoted && c == '"' ? 1 : 0;  // It stands twice.
    }
  }
  const bool first = !row_->trouble;
  trouble(at, is_nul ? "holds a NUL; if the file is UTF-16, say so with --encoding"
                     : "is not of the file's encoding; say which with --encoding");
  if (first) row_->trouble->cell = row_->cell_count;
}

Result<bool> CsvReader::next(Row& row, std::size_t cells_max) {
  row_ = &row;
  row.cell_count = 0;
  row.trouble.reset();
  for (int c = source_.peek(); c == '\n' || c == '\r'; c = source_.peek())
    take_line_end(static_cast<char>(c));
  row.line = at_.line;
  size_ = 0;
  if (source_.peek() < 0) {
    SATCHEL_TRY(source_.status());
    return false;
  }
  for (End end = End::kCell; end == End::kCell;) {
    const Place begin = at_;
    bool quoted = false;
    const bool kept = row.cell_count < cells_max;
    if (kept && row.cells.size() <= row.cell_count) row.cells.emplace_back();
    std::string& cell = kept ? row.cells[row.cell_count] : spare_;
    cell.clear();
    end = read_cell(cell, quoted);
    if (end == End::kBroken) break;
    if (kept) check_text(cell, begin, quoted);
    ++row.cell_count;
  }
  row.cells.resize(std::min(row.cell_count, cells_max));
  SATCHEL_TRY(source_.status());
  return true;
}

}  // namespace satchel::server
