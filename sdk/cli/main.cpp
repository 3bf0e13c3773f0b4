// satchel: a device on the command line, over the public headers of the SDK alone.
#include <csignal>

#include "sdk/cli/verbs.hpp"

namespace satchel::cli {
namespace {

// Signals are waited for where a verb stays (run_watch); elsewhere they end the process as ever.
void hold_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
}

int run_enroll(const Globals& globals, const Command& command) {
  const auto timeout =
      command.timeout_s > 0 ? seconds(command.timeout_s) : std::chrono::seconds{30};
  auto replica =
      Replica::enroll(config_of(globals), command.words[0], command.device_name, timeout);
  if (!replica) return print_error(replica.error(), globals.json());
  auto status = replica->status();
  if (!status) return print_error(status.error(), globals.json());
  return print_answer(Answer::of(*status, "enrolled"), globals.json());
}

int run_wipe(const Globals& globals) {
  if (Status done = Replica::wipe(config_of(globals)); !done)
    return print_error(done.error(), globals.json());
  return print_answer(Answer::of("{\"wiped\":true}", "wiped"), globals.json());
}

// Also where the replica does not open: for want of its key, or because of the damage itself.
int run_verify_home(const Globals& globals) {
  std::string report;
  Status sound = Replica::verify(config_of(globals), report);
  Answer answer = Answer::of(std::move(report));
  if (!sound) answer.error = sound.error();
  return print_answer(answer, globals.json());
}

int run(int argc, char** argv) {
  Globals globals;
  Command command;
  const Parsed parsed = parse_command_line({argv + 1, argv + argc}, globals, command);
  if (!parsed.ready) {
    return parsed.complaint.empty() ? parsed.status
                                    : print_error(usage(parsed.complaint), globals.json());
  }
  if (command.verb == "enroll") return run_enroll(globals, command);
  if (command.verb == "wipe") return run_wipe(globals);
  if (command.verb == "verify") return run_verify_home(globals);
  if (command.watch) hold_signals();
  auto replica = Replica::open(config_of(globals));
  if (!replica) return print_error(replica.error(), globals.json());
  if (command.watch) return run_watch(*replica, globals, command);
  if (command.verb == "shell") return run_shell(*replica, globals);
  return print_answer(run_verb(*replica, globals, command), globals.json());
}

}  // namespace
}  // namespace satchel::cli

int main(int argc, char** argv) {
  const int status = satchel::cli::run(argc, argv);
  if (status != 0 || !satchel::cli::output_failed()) return status;
  return satchel::cli::print_error(satchel::Error{SATCHEL_E_FILE_WRITE, "stdout"}, false);
}
