#include "schema/catalog/time_text.hpp"

#include <chrono>

namespace satchel::schema {
namespace {

// Reads forward; once something is not as expected, `failed` stays set.
class TimeScanner {
 public:
  explicit TimeScanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return text_.empty(); }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }

  bool skip(char expected) {
    if (peek() != expected) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char expected) { failed_ = !skip(expected) || failed_; }

  // Exactly so many digits, at most `max`.
  int number(std::size_t digits, int max) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(peek())) return failed_ = true, 0;
      value = value * 10 + (peek() - '0');
      text_.remove_prefix(1);
    }
    failed_ = failed_ || value > max;
    return value;
  }

  // One to nine digits after the point, as microseconds.
  std::int64_t fraction() {
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; is_digit(peek()); ++digits) {
      if (digits < 6) value = value * 10 + (peek() - '0');
      text_.remove_prefix(1);
    }
    failed_ = failed_ || digits == 0 || digits > 9;
    for (std::size_t i = digits; i < 6; ++i) value *= 10;
    return value;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view text_;
  bool failed_ = false;
};

// East of Greenwich is positive.
std::chrono::minutes read_offset(TimeScanner& in) {
  if (in.skip('Z') || in.skip('z')) return std::chrono::minutes{0};
  const bool west = in.skip('-');
  if (!west) in.expect('+');
  const int hours = in.number(2, 23);
  in.skip(':');
  const int minutes = in.number(2, 59);
  return std::chrono::minutes{(west ? -1 : 1) * (hours * 60 + minutes)};
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  namespace chrono = std::chrono;
  TimeScanner in{text};
  const chrono::year year{in.number(4, 9999)};
  in.expect('-');
  const chrono::month month{static_cast<unsigned>(in.number(2, 12))};
  in.expect('-');
  const chrono::day day{static_cast<unsigned>(in.number(2, 31))};
  const chrono::year_month_day date{year, month, day};
  if (in.failed() || !date.ok() || year == chrono::year{0}) return std::nullopt;
  chrono::microseconds at = chrono::sys_days{date}.time_since_epoch();
  if (in.at_end()) return at.count();

  if (!in.skip('T') && !in.skip('t')) in.expect(' ');
  at += chrono::hours{in.number(2, 23)};
  in.expect(':');
  at += chrono::minutes{in.number(2, 59)};
  if (in.skip(':')) {
    at += chrono::seconds{in.number(2, 59)};
    if (in.skip('.')) at += chrono::microseconds{in.fraction()};
  }
  at -= read_offset(in);
  if (in.failed() || !in.at_end()) return std::nullopt;
  return at.count();
}

}  // namespace satchel::schema
