#include "server/net/head_scan.hpp"

namespace satchel::server {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 9110's tchar: what methods and field names are made of.
bool is_token(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

// A fragment never travels: a target that has one was not written by a client.
bool is_target(char c) { return c > ' ' && c <= '~' && c != '#'; }

bool is_value(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet == '\t' || (octet >= ' ' && octet != 0x7F);
}

}  // namespace

bool HeadScan::go(At next) {
  at_ = next;
  in_part_ = 0;
  return true;
}

bool HeadScan::step_version(char c) {
  constexpr std::string_view kShape = "HTTP/0.0\r";
  const char wanted = kShape[in_part_];
  if (wanted == '0' ? !is_digit(c) : c != wanted) return false;
  if (c == '\r') return go(At::kLineFeed);
  ++in_part_;
  return true;
}

bool HeadScan::step(char c) {
  switch (at_) {
    case At::kMethod:
      if (c == ' ' && in_part_ > 0) return go(At::kTarget);
      ++in_part_;
      return is_token(c);
    case At::kTarget:
      if (c == ' ' && in_part_ > 0) return go(At::kVersion);
      ++in_part_;
      return is_target(c);
    case At::kVersion: return step_version(c);
    case At::kLineFeed: return c == '\n' && go(At::kLineStart);
    case At::kLineStart: return c == '\r' ? go(At::kLastLineFeed) : is_token(c) && go(At::kName);
    case At::kName: return c == ':' ? go(At::kValue) : is_token(c);
    case At::kValue: return c == '\r' ? go(At::kLineFeed) : is_value(c);
    case At::kLastLineFeed: return c == '\n' && go(At::kEnd);
    case At::kEnd: break;
  }
  return false;
}

HeadScan::Verdict HeadScan::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (size_ == bytes_max_) return Verdict::kTooLong;
    if (!step(c)) return Verdict::kBad;
    ++size_;
    if (at_ == At::kEnd) return Verdict::kWhole;
  }
  return Verdict::kMore;
}

HeadScan::Part HeadScan::part() const {
  if (at_ == At::kMethod) return Part::kMethod;
  if (at_ == At::kTarget) return Part::kTarget;
  return at_ == At::kVersion ? Part::kVersion : Part::kLines;
}

}  // namespace satchel::server
