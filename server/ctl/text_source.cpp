#include "server/ctl/text_source.hpp"

#include <algorithm>
#include <array>

#include "schema/catalog/json.hpp"

namespace satchel::server {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr char kNoCharacter = '\xFF';

// 0x80 to 0x9F of Windows-1252; 0 where it has nothing.
constexpr std::array<std::uint16_t, 32> kWindows1252High{
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

void append_utf8(std::string& out, std::uint32_t point) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::optional<Encoding> encoding_of(std::string_view name) {
  if (name == "utf-8") return Encoding::kUtf8;
  if (name == "utf-16le") return Encoding::kUtf16Le;
  if (name == "utf-16be") return Encoding::kUtf16Be;
  if (name == "iso-8859-1") return Encoding::kLatin1;
  if (name == "windows-1252") return Encoding::kWindows1252;
  return std::nullopt;
}

Status TextSource::status() const {
  if (in_.bad()) return Error{Errc::kFileRead, "reading stopped before the end"};
  return {};
}

void TextSource::fill() {
  text_.clear();
  at_ = 0;
  while (text_.empty() && !ended_) {
    block_.resize(kBlockBytes);
    in_.read(block_.data(), static_cast<std::streamsize>(block_.size()));
    const auto count = static_cast<std::size_t>(in_.gcount());
    read_bytes_ += count;
    ended_ = count < block_.size();
    std::string_view block{block_.data(), count};
    if (!begun_) skip_mark(block);
    begun_ = true;
    decode(block);
    if (ended_) finish();
  }
}

void TextSource::skip_mark(std::string_view& block) {
  struct Mark {
    std::string_view octets;
    Encoding encoding;
  };
  static constexpr std::array kMarks{Mark{"\xEF\xBB\xBF", Encoding::kUtf8},
                                     Mark{"\xFF\xFE", Encoding::kUtf16Le},
                                     Mark{"\xFE\xFF", Encoding::kUtf16Be}};
  for (const Mark& mark : kMarks) {
    if (!block.starts_with(mark.octets)) continue;
    if (encoding_ != Encoding::kByMark && encoding_ != mark.encoding) continue;
    encoding_ = mark.encoding;
    block.remove_prefix(mark.octets.size());
    return;
  }
  if (encoding_ == Encoding::kByMark) encoding_ = Encoding::kUtf8;
}

void TextSource::decode(std::string_view block) {
  switch (encoding_) {
    case Encoding::kByMark:
    case Encoding::kUtf8: text_ += block; return;
    case Encoding::kUtf16Le:
    case Encoding::kUtf16Be: decode_units(block); return;
    case Encoding::kLatin1:
    case Encoding::kWindows1252: break;
  }
  for (const char c : block) {
    const auto octet = static_cast<unsigned char>(c);
    const bool special = encoding_ == Encoding::kWindows1252 && octet >= 0x80 && octet < 0xA0;
    const std::uint32_t point = special ? kWindows1252High[octet - 0x80U] : octet;
    if (special && point == 0) {
      text_ += kNoCharacter;
    } else {
      append_utf8(text_, point);
    }
  }
}

void TextSource::decode_units(std::string_view block) {
  for (const char c : block) {
    if (half_.empty()) {
      half_ = c;
      continue;
    }
    const std::uint32_t first = static_cast<unsigned char>(half_.front());
    const std::uint32_t second = static_cast<unsigned char>(c);
    half_.clear();
    const bool little = encoding_ == Encoding::kUtf16Le;
    append_unit(little ? first | second << 8U : first << 8U | second);
  }
}

void TextSource::append_unit(std::uint32_t unit) {
  const bool low = unit >= 0xDC00 && unit < 0xE000;
  if (surrogate_ != 0 && low) {
    append_utf8(text_, 0x10000 + ((surrogate_ - 0xD800) << 10) + (unit - 0xDC00));
    surrogate_ = 0;
    return;
  }
  if (surrogate_ != 0) text_ += kNoCharacter;
  surrogate_ = unit >= 0xD800 && unit < 0xDC00 ? unit : 0;
  if (surrogate_ != 0) return;
  if (low) {
    text_ += kNoCharacter;
  } else {
    append_utf8(text_, unit);
  }
}

void TextSource::finish() {
  if (surrogate_ != 0 || !half_.empty()) text_ += kNoCharacter;
  surrogate_ = 0;
  half_.clear();
}

std::optional<std::size_t> first_no_utf8(std::string_view text) {
  constexpr std::size_t kCharacterBytesMax = 4;
  if (schema::is_utf8(text)) return std::nullopt;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 1;
    while (size <= kCharacterBytesMax && !schema::is_utf8(text.substr(at, size))) ++size;
    if (size > kCharacterBytesMax) return at;
    at += size;
  }
  return std::nullopt;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace satchel::server
