// The text of a file as UTF-8, whatever it was written in, a block at a time.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

#include "schema/model/result.hpp"

namespace satchel::server {

// What a file was written in. kByMark: as its byte order mark says, UTF-8 without one.
enum class Encoding : std::uint8_t { kByMark, kUtf8, kUtf16Le, kUtf16Be, kLatin1, kWindows1252 };
// "utf-8", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252"; nothing for another word.
std::optional<Encoding> encoding_of(std::string_view name);

// A byte order mark at the start is left out. What is no character of the encoding becomes an octet
// that no UTF-8 has, so that whoever checks the text finds it at its place. Thread-bound. Memory:
// two blocks of 64 KiB.
class TextSource {
 public:
  explicit TextSource(std::istream& in, Encoding encoding = Encoding::kByMark)
      : in_(in), encoding_(encoding) {}
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;

  // What is there to be taken; empty at the end alone.
  std::string_view ahead() {
    if (at_ == text_.size()) fill();
    return std::string_view{text_}.substr(at_);
  }
  void skip(std::size_t octets) { at_ += octets; }
  // The next octet, or -1 at the end.
  int peek() {
    const std::string_view text = ahead();
    return text.empty() ? -1 : static_cast<unsigned char>(text.front());
  }
  // Octets of the file read so far, in its own encoding.
  [[nodiscard]] std::uint64_t read_bytes() const { return read_bytes_; }
  // kFileRead where reading stopped before the end.
  [[nodiscard]] Status status() const;

 private:
  void fill();
  void skip_mark(std::string_view& block);
  void decode(std::string_view block);
  void decode_units(std::string_view block);
  void append_unit(std::uint32_t unit);
  void finish();

  std::istream& in_;
  Encoding encoding_;
  std::string block_;
  std::string text_;
  std::size_t at_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::string half_;             // Of a unit that the last block cut.
  std::uint32_t surrogate_ = 0;  // A first one that waits for its second; 0: none.
  bool begun_ = false;
  bool ended_ = false;
};

// Where the first octet stands that is of no UTF-8 character; nothing where all are.
std::optional<std::size_t> first_no_utf8(std::string_view text);
// Characters of it: octets that begin one.
std::size_t count_characters(std::string_view text);

}  // namespace satchel::server
