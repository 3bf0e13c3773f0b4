// Processes that the benchmark starts and ends: the shipped binaries, and itself as a device.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <string>
#include <vector>

namespace satchel::bench {

// Says why on stderr and ends the process with 1.
[[noreturn]] void give_up(const std::string& why);

// A running process whose standard output can be read. Ended with SIGTERM when it goes.
// Thread-bound.
class Process {
 public:
  // The first word is the file to run; standard error goes to the end of `log`.
  Process(const std::vector<std::string>& words, const std::string& log);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t id() const { return id_; }
  // The next line of its output without the line's end; gives up where the output ended.
  std::string read_line();
  // Waits for its end while looking at its memory; gives the exit status.
  int finish();
  // The most RssAnon seen by finish(), in bytes.
  [[nodiscard]] std::size_t peak_bytes() const { return peak_bytes_; }
  // What it printed and was not read by read_line.
  [[nodiscard]] const std::string& output() const { return pending_; }
  // SIGTERM, and the end awaited.
  void stop() { end(SIGTERM); }
  // SIGKILL, and the end awaited.
  void kill() { end(SIGKILL); }

 private:
  bool read_more(int wait_ms);
  void end(int signal);

  pid_t id_ = -1;
  int output_ = -1;
  std::string pending_;
  std::size_t peak_bytes_ = 0;
};

// Runs to the end and gives the output; gives up where the status is not 0.
std::string run(const std::vector<std::string>& words, const std::string& log);

// RssAnon of a process, in bytes; 0 where it has gone.
std::size_t anonymous_bytes(pid_t process);

// Processor time that a running process has used, in seconds.
double processor_seconds_of(pid_t process);

}  // namespace satchel::bench
