// Files of rows in every encoding: rows without trouble are text, come back from a file that is
// written with them, and do not depend on where the file's blocks end.
#include <sstream>

#include "schema/catalog/json.hpp"
#include "server/ctl/csv.hpp"
#include "tests/fuzz/target.hpp"

namespace satchel::fuzz {
namespace {

using server::CsvReader;
using server::Encoding;

constexpr std::uint8_t kEncodings = 6;
constexpr std::uint8_t kAtBlockEnd = 0x50;  // Of the upper half; rare, for it takes long.
constexpr std::size_t kBlock = 64 * 1024;   // Of TextSource.

using Rows = std::vector<CsvReader::Row>;

Rows rows_of(const Bytes& file, Encoding encoding) {
  std::istringstream in{file};
  server::TextSource source{in, encoding};
  CsvReader reader{source};
  Rows rows;
  for (;;) {
    CsvReader::Row row;
    const auto more = reader.next(row);
    must(more, "a file in memory cannot be read");
    if (!*more) return rows;
    rows.push_back(std::move(row));
  }
}

void check(const Rows& rows) {
  std::uint64_t line = 0;
  for (const CsvReader::Row& row : rows) {
    law(row.line > line || line == 0, "rows do not follow each other");
    line = row.line;
    if (row.trouble) {
      law(!row.trouble->reason.empty() && row.trouble->line >= row.line,
          "trouble without a reason, or before its row");
      continue;
    }
    law(row.cell_count == row.cells.size() && !row.cells.empty(), "a row without its cells");
    for (const std::string& cell : row.cells) {
      law(schema::is_utf8(cell) && cell.find('\0') == std::string::npos, "a cell is no text");
    }
  }
}

std::vector<std::vector<std::string>> in_order(const Rows& rows) {
  std::vector<std::vector<std::string>> cells;
  for (const CsvReader::Row& row : rows) {
    if (!row.trouble) cells.push_back(row.cells);
  }
  return cells;
}

Bytes written(const std::vector<std::vector<std::string>>& rows) {
  Bytes out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i == 0 ? "\"" : ",\"";
      for (const char c : row[i]) out += c == '"' ? std::string{"\"\""} : std::string{c};
      out += '"';
    }
    out += "\r\n";
  }
  return out;
}

// One character of ASCII in the encoding.
Bytes unit(char c, Encoding encoding) {
  if (encoding == Encoding::kUtf16Le) return Bytes{c, '\0'};
  if (encoding == Encoding::kUtf16Be) return Bytes{'\0', c};
  return Bytes{c};
}

// A row of its own before the file, so long that the file lies over the end of a block.
Bytes moved(ByteView file, Encoding encoding) {
  const Bytes x = unit('x', encoding);
  const std::size_t size = kBlock - file.size() / 2 / x.size() * x.size() - x.size();
  Bytes out;
  while (out.size() < size) out += x;
  return out + unit('\n', encoding) + Bytes{file};
}

bool begins_with_mark(ByteView file) {
  return file.starts_with("\xEF\xBB\xBF") || file.starts_with("\xFF\xFE") ||
         file.starts_with("\xFE\xFF");
}

}  // namespace

void run(ByteView input) {
  Input in{input};
  const std::uint8_t flags = in.octet();
  const auto encoding = static_cast<Encoding>((flags & 0x0F) % kEncodings);
  const ByteView file = in.take(kBlock / 4);
  const Rows rows = rows_of(Bytes{file}, encoding);
  check(rows);
  const auto cells = in_order(rows);
  law(in_order(rows_of(written(cells), Encoding::kUtf8)) == cells,
      "rows come back from a file of them as others");
  if ((flags & 0xF0) != kAtBlockEnd || encoding == Encoding::kByMark || begins_with_mark(file))
    return;
  auto later = in_order(rows_of(moved(file, encoding), encoding));
  law(!later.empty() && later.front().size() == 1, "a row before the others is lost");
  later.erase(later.begin());
  law(later == cells, "rows depend on where a block ends");
}

std::vector<Bytes> seeds() {
  static const Bytes kFiles[] = {
      "id,name,city\n1,\"Nordwind, KG\",K\xC3\xB6ln\n2,\"say \"\"hi\"\"\",\r\n",
      "a;b\rc\r\n\n\"x\ny\",z\n\"open",
      "\"a\"b\nc\"d\nok,\n",
      "name\n\xF0\x9F\x8C\x8D\n\xFF\n",
      "\xE4,\x80\x8D\n",
      "\xEF\xBB\xBFid\n1\n",
  };
  std::vector<Bytes> made;
  for (std::uint8_t encoding = 0; encoding < kEncodings; ++encoding) {
    for (const Bytes& file : kFiles) {
      Bytes text;
      for (const char c : file) text += unit(c, static_cast<Encoding>(encoding));
      made.push_back(Bytes{static_cast<char>(encoding)} + text);
      if (&file != &kFiles[0]) continue;
      made.push_back(Bytes{static_cast<char>(encoding | kAtBlockEnd)} + text);
    }
  }
  made.push_back(
      Bytes("\0\xFF\xFE"
            "a\0,\0\x3D\xD8\x0D\xDC\n\0",
            13));
  made.push_back(Bytes("\0\xFE\xFF\0a\0\n\0b", 9));
  return made;
}

}  // namespace satchel::fuzz
