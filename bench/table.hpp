// The table that docs/PERFORMANCE.md shows: one line per figure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

namespace satchel::bench {

// What was measured beside what was wanted and what the machine can do at all.
struct Figure {
  std::string work;
  std::string measured;
  std::string reach;
  bool met = false;
  std::string limit{};  // Measured in the same run; empty: none.
  double ratio = 0;     // Measured to limit; of times that are to reach a share, limit to measured.
  std::string also{};   // Said after the ratio.
};

inline std::string format(const char* pattern, double number) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, number);
  return text;
}

inline void print(const Figure& figure) {
  const bool limited = !figure.limit.empty();
  std::printf("| %s | %s | %s | %s | %s | %s |\n", figure.work.c_str(), figure.measured.c_str(),
              figure.reach.c_str(),
              figure.reach == "-" ? "-"
              : figure.met        ? "yes"
                                  : "**no**",
              limited ? figure.limit.c_str() : "-",
              limited ? (format(figure.ratio < 0.1   ? "%.2g"
                                : figure.ratio < 100 ? "%.2f"
                                                     : "%.0f",
                                figure.ratio) +
                         figure.also)
                            .c_str()
                      : "-");
  std::fflush(stdout);
}

// The value below which `share` of the samples lie.
inline double quantile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5);
  return samples[at];
}
inline double median(const std::vector<double>& samples) { return quantile(samples, 0.5); }
inline double least(const std::vector<double>& samples) { return quantile(samples, 0); }

// Processor time of this thread, or of the process: on a busy machine only it can be compared.
inline double processor_seconds(clockid_t of = CLOCK_THREAD_CPUTIME_ID) {
  timespec now{};
  clock_gettime(of, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

class Timer {
 public:
  [[nodiscard]] double seconds() const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun_;
    return passed.count();
  }
  [[nodiscard]] double processor() const { return processor_seconds() - processor_; }

 private:
  double processor_ = processor_seconds();
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace satchel::bench
