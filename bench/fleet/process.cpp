#include "bench/fleet/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>

namespace satchel::bench {
namespace {

constexpr int kSampleEveryMs = 5;

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "fleet_bench: %s\n", why.c_str());
  std::exit(1);
}

Process::Process(const std::vector<std::string>& words, const std::string& log) {
  std::vector<std::string> copy = words;
  std::vector<char*> arguments;
  for (std::string& word : copy) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) give_up("no pipe");
  id_ = ::fork();
  if (id_ < 0) give_up("no process");
  if (id_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // Nothing stays behind when the benchmark gives up.
    const int errors = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(ends[1], STDOUT_FILENO);
    if (errors >= 0) ::dup2(errors, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  output_ = ends[0];
}

Process::~Process() {
  stop();
  ::close(output_);
}

bool Process::read_more(int wait_ms) {
  pollfd waiting{output_, POLLIN, 0};
  if (::poll(&waiting, 1, wait_ms) <= 0) return true;
  char piece[4096];
  const ssize_t count = ::read(output_, piece, sizeof piece);
  if (count <= 0) return false;
  pending_.append(piece, static_cast<std::size_t>(count));
  return true;
}

std::string Process::read_line() {
  for (;;) {
    const std::size_t end = pending_.find('\n');
    if (end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    if (!read_more(-1)) give_up("a process ended too early");
  }
}

int Process::finish() {
  while (read_more(kSampleEveryMs)) peak_bytes_ = std::max(peak_bytes_, anonymous_bytes(id_));
  int status = 0;
  ::waitpid(id_, &status, 0);
  id_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void Process::end(int signal) {
  if (id_ <= 0) return;
  ::kill(id_, signal);
  ::waitpid(id_, nullptr, 0);
  id_ = -1;
}

std::string run(const std::vector<std::string>& words, const std::string& log) {
  Process process{words, log};
  const int status = process.finish();
  if (status != 0) give_up(words[0] + " ended with " + std::to_string(status) + ", see " + log);
  return process.output();
}

std::size_t anonymous_bytes(pid_t process) {
  std::ifstream status{"/proc/" + std::to_string(process) + "/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) != 0) continue;
    return std::strtoull(line.c_str() + 8, nullptr, 10) * 1024;
  }
  return 0;
}

double processor_seconds_of(pid_t process) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

}  // namespace satchel::bench
