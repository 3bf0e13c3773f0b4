// The verbs of a device (cli.md), each one function over the public SDK.
#pragma once

#include "sdk/cli/command.hpp"
#include "sdk/cli/output.hpp"

namespace satchel::cli {

satchel::Config config_of(const Globals& globals);

// Verbs that work on an opened replica; `sync --watch` is not among them.
Answer run_verb(Replica& replica, const Globals& globals, const Command& command);

// Verbs by kind; nothing where the verb is of another kind.
std::optional<Answer> run_read_verb(Replica& replica, const Globals& globals,
                                    const Command& command);
std::optional<Answer> run_write_verb(Replica& replica, const Globals& globals,
                                     const Command& command);

Answer run_batch(Replica& replica, const Globals& globals, const Command& command);
// Until the timeout (0: none), a signal, or an end that no retry changes.
int run_watch(Replica& replica, const Globals& globals, const Command& command);
// Until stdin ends.
int run_shell(Replica& replica, const Globals& globals);

// "FIELD=VALUE" or "FIELD:=JSON".
struct Assignment {
  std::string path;
  std::string text;
  bool json = false;
};
std::optional<Assignment> parse_assignment(const std::string& word);

Error usage(std::string what);
std::chrono::milliseconds seconds(double count);

}  // namespace satchel::cli
