// Verbs that stay: sync --watch and shell.
#include <csignal>
#include <ctime>
#include <iostream>
#include <thread>

#include "sdk/cli/verbs.hpp"

namespace satchel::cli {
namespace {

// What came from the server has a sequence; what was written here has none.
bool is_applied(std::string_view row) { return !row.ends_with("\"seq\":0}"); }

Subscription::Handler printer(bool in_shell) {
  return [in_shell](const Event& event) {
    for (std::size_t i = 0; i < event.size(); ++i) {
      if (!is_applied(event[i])) continue;
      const std::string row{event[i]};
      print_line(in_shell ? "{\"event\":\"change\"," + row.substr(1) : row);
    }
  };
}

// Blocks until SIGINT or SIGTERM, or until the time is over; both are a good end.
void wait_for_end(std::chrono::milliseconds timeout) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  if (timeout.count() == 0) {
    int received = 0;
    sigwait(&ends, &received);
    return;
  }
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    timespec wait{};
    wait.tv_sec = left.count() / 1'000'000'000;
    wait.tv_nsec = left.count() % 1'000'000'000;
    if (sigtimedwait(&ends, nullptr, &wait) > 0) return;
  }
}

}  // namespace

int run_watch(Replica& replica, const Globals& globals, const Command& command) {
  auto changes = replica.observe_changes(globals.purpose, printer(false));
  if (!changes) return print_error(changes.error(), globals.json());
  const auto begun = std::chrono::steady_clock::now();
  if (Status started = replica.sync_start(); !started)
    return print_error(started.error(), globals.json());
  auto caught_up = replica.sync_once({seconds(command.timeout_s), command.retries});
  if (!caught_up) return print_error(caught_up.error(), globals.json());
  std::chrono::milliseconds left{0};
  if (command.timeout_s > 0) {
    const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun);
    left = std::max(seconds(command.timeout_s) - spent, std::chrono::milliseconds{1});
  }
  wait_for_end(left);
  changes->cancel_and_wait();
  return 0;
}

int run_shell(Replica& replica, const Globals& globals) {
  auto changes = replica.observe_changes(globals.purpose, printer(true));
  if (!changes) return print_error(changes.error(), true);
  if (Status started = replica.sync_start(); !started) return print_error(started.error(), true);
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line == "exit" || line == "quit") break;
    Command command;
    const Parsed parsed = parse_shell_line(line, command);
    const Answer answer =
        parsed.ready ? run_verb(replica, globals, command) : Answer::of(usage(parsed.complaint));
    print_line(shell_line(answer));
  }
  changes->cancel_and_wait();
  return 0;
}

}  // namespace satchel::cli
