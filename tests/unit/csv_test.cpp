// Files of rows, as spreadsheets and other systems write them, and as they should not.
#include <gtest/gtest.h>

#include <sstream>
#include <streambuf>

#include "schema/model/limits.hpp"
#include "server/admin/importer.hpp"
#include "server/ctl/csv.hpp"

namespace satchel::server {
namespace {

using Rows = std::vector<std::vector<std::string>>;

struct Read {
  Rows rows;  // Those without trouble.
  std::vector<std::uint64_t> lines;
  std::vector<std::string> troubles;  // "LINE:COLUMN: why"
};

Read read_stream(std::istream& in, Encoding encoding = Encoding::kByMark) {
  TextSource source{in, encoding};
  CsvReader reader{source};
  Read read;
  CsvReader::Row row;
  for (;;) {
    const auto more = reader.next(row);
    EXPECT_TRUE(more) << more.error().message();
    if (!more || !*more) return read;
    if (row.trouble) {
      read.troubles.push_back(std::to_string(row.trouble->line) + ":" +
                              std::to_string(row.trouble->column) + ": " + row.trouble->reason);
    } else {
      read.rows.push_back(row.cells);
      read.lines.push_back(row.line);
    }
  }
}

Read read_csv(const std::string& text, Encoding encoding = Encoding::kByMark) {
  std::istringstream in{text};
  return read_stream(in, encoding);
}

using Lines = std::vector<std::uint64_t>;
using Troubles = std::vector<std::string>;

TEST(CsvReader, ReadsPlainAndQuotedCells) {
  EXPECT_EQ(read_csv("a,b\n1,2\n").rows, (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read_csv("a,b\r\n1,2").rows, (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read_csv("\"a,\"\"x\"\"\",\"b\nc\"\n").rows, (Rows{{"a,\"x\"", "b\nc"}}));
  EXPECT_EQ(read_csv("a,,\n").rows, (Rows{{"a", "", ""}}));
  EXPECT_EQ(read_csv("\"\",b\n").rows, (Rows{{"", "b"}}));
}

TEST(CsvReader, TakesLineEndsOfEveryKindMixed) {
  EXPECT_EQ(read_csv("a\rb\r\nc\nd").rows, (Rows{{"a"}, {"b"}, {"c"}, {"d"}}));
  EXPECT_EQ(read_csv("a\rb\r\nc\nd").lines, (Lines{1, 2, 3, 4}));
  EXPECT_EQ(read_csv("\"a\rb\r\nc\nd\",e\n").rows, (Rows{{"a\rb\r\nc\nd", "e"}}));
  EXPECT_EQ(read_csv("\"a\rb\r\nc\nd\",e\nf\n").lines, (Lines{1, 5}));
}

TEST(CsvReader, SkipsTheByteOrderMarkAndEmptyLines) {
  EXPECT_EQ(read_csv("\xEF\xBB\xBF"
                     "a\n\n\r\nb\n")
                .rows,
            (Rows{{"a"}, {"b"}}));
  EXPECT_TRUE(read_csv("").rows.empty());
  EXPECT_TRUE(read_csv("\xEF\xBB\xBF").rows.empty());
}

TEST(CsvReader, CountsLinesInsideCells) {
  EXPECT_EQ(read_csv("a\n\"b\n\nc\"\nd\n").lines, (Lines{1, 2, 5}));
}

TEST(CsvReader, LeavesOutARowWithAStrayQuoteAndReadsOn) {
  const Read read = read_csv("ok\na\"b\nnext\n\"a\"b\nlast\n");
  EXPECT_EQ(read.rows, (Rows{{"ok"}, {"next"}, {"last"}}));
  EXPECT_EQ(read.troubles,
            (Troubles{"2:2: a quote inside an unquoted cell", "4:4: text after a closing quote"}));
}

TEST(CsvReader, SaysWhereAQuoteOpensThatNeverCloses) {
  const Read read = read_csv("ok\na,\"b\n\nc\n");
  EXPECT_EQ(read.rows, (Rows{{"ok"}}));
  EXPECT_EQ(read.troubles, (Troubles{"2:3: a quote never closes: nothing after it is read"}));
}

TEST(CsvReader, SaysLineAndColumnOfAnOctetThatIsNoCharacter) {
  const Read read = read_csv("ok\nx,\xC3\xA4\xFFz\n\"say \"\"\n\xC3\xA4\xFF\"\n");
  EXPECT_EQ(read.rows, (Rows{{"ok"}}));
  ASSERT_EQ(read.troubles.size(), 2u);
  EXPECT_TRUE(read.troubles[0].starts_with("2:4: is not of the file's encoding"));
  EXPECT_TRUE(read.troubles[1].starts_with("4:2: is not of the file's encoding"));
}

TEST(CsvReader, LeavesOutARowWithANul) {
  const Read read = read_csv(std::string{"ok\nx,a\0b\nnext\n", 14});
  EXPECT_EQ(read.rows, (Rows{{"ok"}, {"next"}}));
  ASSERT_EQ(read.troubles.size(), 1u);
  EXPECT_TRUE(read.troubles[0].starts_with("2:4: holds a NUL"));
}

TEST(CsvReader, TakesARowOfItsLimitAndNotOneByteMore) {
  const std::string most(limits::kImportLineBytesMax - 1, 'x');  // And the line end.
  EXPECT_EQ(read_csv(most + "\n").rows.size(), 1u);
  const Read read = read_csv(most + "xx\nnext\n");
  EXPECT_EQ(read.rows, (Rows{{"next"}}));
  EXPECT_EQ(read.troubles, (Troubles{"1:0: a row is too long"}));
}

TEST(CsvReader, PassesOverALongQuotedCellToItsOwnEnd) {
  const std::string lines(limits::kImportLineBytesMax, '\n');
  EXPECT_EQ(read_csv("\"" + lines + "\"\nnext\n").rows, (Rows{{"next"}}));
  const Read open = read_csv("ok\n\"" + lines + "next\n");
  EXPECT_EQ(open.rows, (Rows{{"ok"}}));
  EXPECT_EQ(open.troubles, (Troubles{"2:0: a row is too long, and a quote of it never closes: "
                                     "nothing after it is read"}));
}

TEST(CsvReader, KeepsNoMoreCellsThanAskedAndCountsAll) {
  std::istringstream in{"a,b,c,d\n"};
  TextSource source{in};
  CsvReader reader{source};
  CsvReader::Row row;
  ASSERT_TRUE(*reader.next(row, 2));
  EXPECT_EQ(row.cells, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(row.cell_count, 4u);
}

// A line of 256 MiB that nobody holds.
class LongLine : public std::streambuf {
  static constexpr std::size_t kBlocks = 256;
  std::string block_ = std::string(1024 * 1024, 'x');
  std::string last_ = "\nnext\n";
  std::size_t given_ = 0;
  int_type underflow() override {
    if (given_ > kBlocks) return traits_type::eof();
    std::string& part = given_ == kBlocks ? last_ : block_;
    ++given_;
    setg(part.data(), part.data(), part.data() + part.size());
    return traits_type::to_int_type(part.front());
  }
};

TEST(CsvReader, GoesOnBehindALineThatIsLargerThanMemoryShouldBe) {
  LongLine line;
  std::istream in{&line};
  TextSource source{in};
  CsvReader reader{source};
  CsvReader::Row row;
  ASSERT_TRUE(*reader.next(row));
  EXPECT_TRUE(row.trouble);
  for (const std::string& cell : row.cells)
    EXPECT_LE(cell.capacity(), 4 * limits::kImportLineBytesMax);
  ASSERT_TRUE(*reader.next(row));
  EXPECT_EQ(row.cells, (std::vector<std::string>{"next"}));
}

std::string utf16(const std::u16string& text, bool little) {
  std::string out;
  for (const char16_t unit : text) {
    const auto high = static_cast<char>(unit >> 8);
    const auto low = static_cast<char>(unit & 0xFF);
    out += little ? low : high;
    out += little ? high : low;
  }
  return out;
}

TEST(TextSource, ReadsUtf16ByItsMarkOrAsToldWithPairs) {
  const std::u16string text = u"name,\u00E4\n\U0001F600,b\n";
  const Rows wanted{{"name", "\xC3\xA4"}, {"\xF0\x9F\x98\x80", "b"}};
  EXPECT_EQ(read_csv(utf16(u"\uFEFF" + text, true)).rows, wanted);
  EXPECT_EQ(read_csv(utf16(u"\uFEFF" + text, false)).rows, wanted);
  EXPECT_EQ(read_csv(utf16(text, true), Encoding::kUtf16Le).rows, wanted);
  EXPECT_EQ(read_csv(utf16(text, false), Encoding::kUtf16Be).rows, wanted);
}

TEST(TextSource, NamesThePlaceOfHalfAPair) {
  const Read read = read_csv(utf16(u"a\nb\xD83Dz\nc\n", true), Encoding::kUtf16Le);
  EXPECT_EQ(read.rows, (Rows{{"a"}, {"c"}}));
  ASSERT_EQ(read.troubles.size(), 1u);
  EXPECT_TRUE(read.troubles[0].starts_with("2:2: "));
}

TEST(TextSource, ReadsOneOctetEncodings) {
  EXPECT_EQ(read_csv("M\xFCller,\xA4\n", Encoding::kLatin1).rows,
            (Rows{{"M\xC3\xBCller", "\xC2\xA4"}}));
  EXPECT_EQ(read_csv("\x80 5,\x93x\x94\n", Encoding::kWindows1252).rows,
            (Rows{{"\xE2\x82\xAC 5", "\xE2\x80\x9Cx\xE2\x80\x9D"}}));
  const Read read = read_csv("a\x81\nb\n", Encoding::kWindows1252);
  EXPECT_EQ(read.rows, (Rows{{"b"}}));
  ASSERT_EQ(read.troubles.size(), 1u);
  EXPECT_TRUE(read.troubles[0].starts_with("1:2: "));
}

TEST(ImportRows, OfAFullBatchComeBackAsTheyWere) {
  constexpr std::uint64_t kRows = 10'000;
  Bytes text = import_fields_text({{"name"}, {"parent", true, "accounts", "name"}});
  for (std::uint64_t i = 0; i < kRows; ++i) {
    text += *import_row_text({i, "k\"" + std::to_string(i), {{1, std::string(i, 'x')}, {0, "\n"}}});
  }
  const auto rows = parse_import_rows(text);
  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_EQ(rows->fields[1], (ImportField{"parent", true, "accounts", "name"}));
  ASSERT_EQ(rows->rows.size(), kRows);
  EXPECT_EQ(rows->rows[9999].key, "k\"9999");
  EXPECT_EQ(rows->rows[9999].values[0].text, std::string(9999, 'x'));
  EXPECT_EQ(rows->rows[9999].values[1].text, "\n");
  EXPECT_EQ(parse_import_rows(text + *import_row_text({})).error().code, Errc::kLimitExceeded);
}

TEST(ImportRows, ThatAreNoneAreRefused) {
  const Bytes fields = import_fields_text({{"name"}});
  for (const char* row : {"[1,\"k\",[1,\"x\"]]", "[1,\"k\",[0]]", "[1,\"k\",[-1,\"x\"]]",
                          "[1,\"k\",[0,1]]", "[1,\"k\"]", "{}", "[", "[\"1\",\"k\",[]]"}) {
    EXPECT_FALSE(parse_import_rows(fields + row)) << row;
  }
  EXPECT_FALSE(parse_import_rows("[1,\"k\",[0,\"x\"]]\n"));
}

}  // namespace
}  // namespace satchel::server
