#include "sync/merge/dot_text.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace satchel::sync {

std::string to_text(const Dot& dot) {
  return satchel::to_text(dot.replica) + ':' + std::to_string(dot.commit);
}

Result<Dot> parse_dot(std::string_view text) {
  const Error wrong{Errc::kInvalidArgument, "a dot is a replica id, a colon and a commit number"};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return wrong;
  const Result<ReplicaId> replica = parse_id<ReplicaId>(text.substr(0, colon));
  if (!replica) return wrong;
  Dot dot{*replica, 0};
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, dot.commit);
  if (read.ec != std::errc{} || read.ptr != end || dot.commit == 0) return wrong;
  return dot;
}

std::string to_text(const Stamp& stamp) {
  return std::to_string(stamp.ms()) + ':' + std::to_string(stamp.logical());
}

std::string utc_text(const Stamp& stamp) {
  using namespace std::chrono;
  const milliseconds since{static_cast<std::int64_t>(stamp.ms())};
  const auto day = floor<days>(since);
  const year_month_day date{sys_days{day}};
  const hh_mm_ss time{floor<seconds>(since - day)};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d UTC",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return text;
}

}  // namespace satchel::sync
