// Verbs that stay: sync --watch and shell.
#include <csignal>
#include <ctime>
#include <iostream>
#include <thread>

#include <boost/json/parse.hpp>

#include "sdk/cli/verbs.hpp"

namespace satchel::cli {
namespace {

constexpr std::int64_t kLookEveryNs = 100'000'000;
constexpr satchel_status kStatusesMax = 1'000;

// Why sync has ended for good, if the status says so: the device was revoked, or nothing but a
// person's help lets it go on.
std::optional<Error> final_end(std::string_view status) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse({status.data(), status.size()}, error);
  const auto* const object = error ? nullptr : parsed.if_object();
  const auto* const phase = object == nullptr ? nullptr : object->if_contains("phase");
  const auto* const why = object == nullptr ? nullptr : object->if_contains("error");
  if (phase == nullptr || (*phase != "revoked" && *phase != "blocked")) return std::nullopt;
  if (why == nullptr || !why->is_string()) return std::nullopt;
  const std::string name{why->get_string().c_str()};
  for (satchel_status code = 1; code < kStatusesMax; ++code) {
    if (name == satchel_status_name(code)) return Error{code, {}};
  }
  return Error{SATCHEL_E_INTERNAL, name};
}

// Written by the delivering thread, read by the one that waits.
class FinalEnd {
 public:
  void note(const Event& event) {
    for (std::size_t i = 0; i < event.size(); ++i) {
      auto end = final_end(event[i]);
      if (!end) continue;
      const std::lock_guard hold{mutex_};
      why_ = std::move(end);
    }
  }
  [[nodiscard]] std::optional<Error> why() const {
    const std::lock_guard hold{mutex_};
    return why_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> why_;  // Under mutex_.
};

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

// Blocks until SIGINT or SIGTERM, or until the time is over, which are good ends, or until sync has
// ended for good: then gives why.
std::optional<Error> wait_for_end(std::chrono::milliseconds timeout, const FinalEnd& end) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    if (auto why = end.why()) return why;
    if (output_failed()) return Error{SATCHEL_E_FILE_WRITE, "stdout"};
    std::int64_t wait_ns = kLookEveryNs;
    if (timeout.count() != 0) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
          until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return std::nullopt;
      wait_ns = std::min<std::int64_t>(wait_ns, left.count());
    }
    const timespec wait{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    if (sigtimedwait(&ends, nullptr, &wait) > 0) return std::nullopt;
  }
}

}  // namespace

int run_watch(Replica& replica, const Globals& globals, const Command& command) {
  auto changes = replica.observe_changes(globals.purpose, printer(false));
  if (!changes) return print_error(changes.error(), globals.json());
  FinalEnd end;
  auto states = replica.observe_status([&end](const Event& event) { end.note(event); });
  if (!states) return print_error(states.error(), globals.json());
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
  const std::optional<Error> ended = wait_for_end(left, end);
  states->cancel_and_wait();
  changes->cancel_and_wait();
  return ended ? print_error(*ended, globals.json()) : 0;
}

int run_shell(Replica& replica, const Globals& globals) {
  auto changes = replica.observe_changes(globals.purpose, printer(true));
  if (!changes) return print_error(changes.error(), true);
  auto states = replica.observe_status([](const Event& event) {
    for (std::size_t i = 0; i < event.size(); ++i) {
      if (const auto why = final_end(event[i]))
        print_line("{\"event\":\"ended\",\"error\":" + problem_json(*why) + '}');
    }
  });
  if (!states) return print_error(states.error(), true);
  if (Status started = replica.sync_start(); !started) return print_error(started.error(), true);
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line == "exit" || line == "quit") break;
    Command command;
    const Parsed parsed = parse_shell_line(line, command);
    const Answer answer =
        parsed.ready ? run_verb(replica, globals, command) : Answer::of(usage(parsed.complaint));
    print_line(shell_line(answer));
    if (output_failed()) break;  // Nobody would learn what becomes of the next.
  }
  states->cancel_and_wait();
  changes->cancel_and_wait();
  return output_failed() ? print_error(Error{SATCHEL_E_FILE_WRITE, "stdout"}, true) : 0;
}

}  // namespace satchel::cli
