// Judges the head of an HTTP/1.1 request byte by byte, before a parser sees it: what two parsers
// could read in two ways (a folded line, a bare CR or LF, a space before a colon, a control in a
// name) is no head here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace satchel::server {

// Value type; thread-compatible. Invariant: holds no bytes, only where it stands.
class HeadScan {
 public:
  enum class Verdict : std::uint8_t { kMore, kWhole, kBad, kTooLong };
  // The greatest part that one request has outgrown: it tells which status is due.
  enum class Part : std::uint8_t { kMethod, kTarget, kVersion, kLines };

  explicit HeadScan(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Goes on with the bytes that follow those given before. Not called again once it has given
  // anything but kMore.
  Verdict feed(std::string_view bytes);
  // Bytes of the head, of those given; after kWhole.
  [[nodiscard]] std::size_t size() const { return size_; }
  // Where it stopped.
  [[nodiscard]] Part part() const;

 private:
  enum class At : std::uint8_t {
    kMethod,
    kTarget,
    kVersion,
    kLineFeed,
    kLineStart,
    kName,
    kValue,
    kLastLineFeed,
    kEnd,
  };
  bool step(char c);
  bool step_version(char c);
  bool go(At next);

  std::size_t bytes_max_;
  std::size_t size_ = 0;
  std::size_t in_part_ = 0;  // Bytes since the last change of place.
  At at_ = At::kMethod;
};

}  // namespace satchel::server
