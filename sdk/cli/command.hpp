// What one line of words asks of the device command.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <satchel/satchel.hpp>

namespace satchel::cli {

// Value type: the words of one verb. Which are used depends on the verb (cli.md).
struct Command {
  std::string verb;
  std::vector<std::string> words;  // Positional, after the verb.
  std::string device_name;
  std::string order;
  std::string dot;
  std::uint32_t limit = 0;
  std::uint32_t commit_every = 0;
  std::uint32_t retries = 0;
  std::uint32_t days = 0;
  double timeout_s = 0;
  bool fresh = false;  // --new
  bool plan = false;
  bool watch = false;
  bool canonical = false;
  bool clocks = false;
};

// What is said once, before or after the verb.
struct Globals {
  std::string home;
  std::string key_file;
  std::string install_file;
  std::string boot_id_file;
  std::string connect;
  std::string purpose{SATCHEL_PURPOSE_DEFAULT};
  std::string output{"text"};
  std::uint64_t quota_bytes = 0;
  double wait_s = 0;
  bool verbose = false;
  [[nodiscard]] bool json() const { return output == "json"; }
};

// How reading the words ended: a command, or an exit status (help was printed, or a usage error).
struct Parsed {
  bool ready = false;
  int status = 0;
  std::string complaint;  // Of a usage error.
};
// Whole command lines, and the lines of a shell, where the globals stand already.
Parsed parse_command_line(const std::vector<std::string>& words, Globals& globals,
                          Command& command);
Parsed parse_shell_line(const std::string& line, Command& command);

}  // namespace satchel::cli
