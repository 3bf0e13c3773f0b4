#include "sdk/cli/command.hpp"

#include <cstdlib>
#include <sstream>

#include <CLI/CLI.hpp>

namespace satchel::cli {
namespace {

// One verb with its positional words: at least `min`, at most `max` (-1: any number).
CLI::App* add_verb(CLI::App& app, Command& command, const std::string& name,
                   const std::string& what, const std::string& words, int min, int max) {
  CLI::App* verb = app.add_subcommand(name, what);
  if (max != 0) {
    CLI::Option* option = verb->add_option(words, command.words);
    option->expected(min, max < 0 ? 1 << 20 : max);
    if (min > 0) option->required();
  }
  verb->callback([&command, name] { command.verb = name; });
  return verb;
}

void add_writing_verbs(CLI::App& app, Command& command) {
  auto* put =
      add_verb(app, command, "put", "Sets fields; without ID makes a record and prints its id",
               "COLLECTION [ID] FIELD=VALUE|FIELD:=JSON", 1, -1);
  put->add_flag("--new", command.fresh, "Make the record with the given ID");
  add_verb(app, command, "add", "Adds to a counter", "COLLECTION ID FIELD=N", 3, 3);
  add_verb(app, command, "set-add", "Adds an element to a set", "COLLECTION ID FIELD=VALUE", 3, -1);
  add_verb(app, command, "set-remove", "Takes an element out of a set", "COLLECTION ID FIELD=VALUE",
           3, -1);
  add_verb(app, command, "log-append", "Adds an entry to a log", "COLLECTION ID FIELD:=JSON", 3,
           -1);
  add_verb(app, command, "delete", "Deletes a record", "COLLECTION ID", 2, 2);
  auto* restore =
      add_verb(app, command, "restore", "Brings back a deleted record, or a value that lost",
               "COLLECTION ID [FIELD]", 2, 3);
  restore->add_option("--dot", command.dot, "The write to bring back, as explain names it");
  auto* batch =
      add_verb(app, command, "batch", "Writes lines of NDJSON (- reads stdin)", "FILE", 1, 1);
  batch->add_option("--commit-every", command.commit_every, "Lines of one commit; all unless told");
  add_verb(app, command, "resolve", "Settles a conflict", "COLLECTION ID FIELD=VALUE", 3, 3);
}

void add_reading_verbs(CLI::App& app, Command& command) {
  add_verb(app, command, "get", "Shows a record", "COLLECTION ID", 2, 2);
  auto* query = add_verb(app, command, "query", "Shows the records that answer an expression",
                         "COLLECTION [EXPR]", 1, 2);
  query->add_option("--order", command.order, "FIELD[,-FIELD]");
  query->add_option("--limit", command.limit, "At most so many");
  query->add_flag("--plan", command.plan, "Tell how it is answered");
  auto* search =
      add_verb(app, command, "search", "Finds records by words", "TEXT [COLLECTION]", 1, 2);
  search->add_option("--limit", command.limit, "At most so many");
  add_verb(app, command, "conflicts", "Fields that a person should look at", "[COLLECTION]", 0, 1);
  add_verb(app, command, "explain", "Why a field shows what it shows", "COLLECTION ID [FIELD]", 2,
           3);
  add_verb(app, command, "pending", "Commits that the server has not answered", "[show ID]", 0, 2);
  add_verb(app, command, "inbox", "Writes that the server refused", "[show|retry|discard ID]", 0,
           2);
  add_verb(app, command, "status", "Where this device stands", "", 0, 0);
  add_verb(app, command, "schema", "The collections and fields in force", "", 0, 0);
  auto* dump = add_verb(app, command, "dump", "Every record, one a line", "", 0, 0);
  dump->add_flag("--canonical", command.canonical, "In canonical form");
  dump->add_flag("--clocks", command.clocks, "With contexts, dots, stamps and siblings");
}

// Of numbers that CLI11 reads but nobody can wait for: -1, nan, inf. Empty: it is one.
std::string check_seconds(const std::string& text) {
  constexpr double kSecondsMax = 366.0 * 86'400;
  const double seconds = std::strtod(text.c_str(), nullptr);
  return seconds >= 0 && seconds <= kSecondsMax ? "" : "a number of seconds from 0 to a year";
}

std::string check_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      port.find_first_not_of("0123456789") == std::string::npos;
  const bool good = colon != 0 && digits && std::stoi(port) >= 1 && std::stoi(port) <= 65'535;
  return good ? "" : "HOST:PORT is needed";
}

// Less holds no store at all.
std::string check_quota(const std::string& text) {
  constexpr std::uint64_t kQuotaMin = std::uint64_t{1} << 20;
  const bool less = std::strtoull(text.c_str(), nullptr, 10) < kQuotaMin;
  return less ? "a store needs at least " + std::to_string(kQuotaMin) + " bytes" : "";
}

void add_verbs(CLI::App& app, Command& command) {
  app.require_subcommand(1);
  auto* sync = add_verb(app, command, "sync", "Exchanges changes with the server", "", 0, 0);
  sync->add_flag("--watch", command.watch, "Stay, and print one line per applied change");
  sync->add_option("--timeout", command.timeout_s, "Seconds")->check(check_seconds);
  sync->add_option("--retries", command.retries, "Attempts after one that failed");
  add_writing_verbs(app, command);
  add_reading_verbs(app, command);
  add_verb(app, command, "verify", "Authenticates every value", "", 0, 0);
  auto* heal =
      add_verb(app, command, "heal", "Drops what does not authenticate, and says what", "", 0, 0);
  heal->add_option("--timeout", command.timeout_s, "Seconds")->check(check_seconds);
  add_verb(app, command, "rekey", "Gives the store fresh keys", "", 0, 0);
  auto* narrow = add_verb(app, command, "narrow", "Keeps so many days of history", "", 0, 0);
  narrow->add_option("--days", command.days, "0: all of it")
      ->required()
      ->check([](const std::string& text) {
        return text.empty() ? std::string{"a number of days is missing"} : std::string{};
      });
}

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--home", globals.home, "The replica's folder")->required();
  app.add_option("--key-file", globals.key_file, "Where the keys are (DIR/key)")
      ->envname("SATCHEL_KEY_FILE");
  app.add_option("--install-file", globals.install_file, "The install mark (DIR/install)");
  app.add_option("--boot-id-file", globals.boot_id_file, "What names this boot");
  app.add_option("--connect", globals.connect, "HOST:PORT to dial")->check(check_address);
  app.add_option("--purpose", globals.purpose, "Why the data is used")->capture_default_str();
  app.add_option("-o,--output", globals.output, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--quota", globals.quota_bytes, "The most bytes that the store may have")
      ->check(check_quota);
  app.add_option("--wait", globals.wait_s, "Seconds to wait for another process")
      ->check(check_seconds);
  app.add_flag("--verbose", globals.verbose, "Tell on stderr what happens");
}

Parsed run_parser(CLI::App& app, std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());
  try {
    app.parse(std::move(words));
  } catch (const CLI::Success& help) {
    return {false, app.exit(help), {}};
  } catch (const CLI::ParseError& error) {
    return {false, satchel_status_exit(SATCHEL_E_USAGE), error.what()};
  }
  return {true, 0, {}};
}

// Words apart by spaces; quotes keep them together, a backslash takes the next character as it is.
bool split_words(const std::string& line, std::vector<std::string>& words) {
  std::string word;
  bool open = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word += line[++i];
      open = true;
    } else if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      open = true;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      if (open) words.push_back(word);
      word.clear();
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (open) words.push_back(word);
  return quote == 0;
}

}  // namespace

Parsed parse_command_line(const std::vector<std::string>& words, Globals& globals,
                          Command& command) {
  CLI::App app{"satchel: a device's replica on the command line", "satchel"};
  app.fallthrough();
  app.set_version_flag("--version", satchel_version());
  add_globals(app, globals);
  add_verbs(app, command);
  auto* enroll =
      add_verb(app, command, "enroll", "Makes the replica from an enrolment code", "CODE", 1, 1);
  enroll->add_option("--name", command.device_name, "The device's name");
  enroll->add_option("--timeout", command.timeout_s, "Seconds")->check(check_seconds);
  add_verb(app, command, "shell", "Reads verbs line by line, answers in JSON", "", 0, 0);
  add_verb(app, command, "wipe", "Destroys keys and data", "", 0, 0);
  return run_parser(app, words);
}

Parsed parse_shell_line(const std::string& line, Command& command) {
  std::vector<std::string> words;
  if (!split_words(line, words)) {
    return {false, satchel_status_exit(SATCHEL_E_USAGE), "a quote is not closed"};
  }
  CLI::App app{"", "satchel"};
  app.set_help_flag();
  add_verbs(app, command);
  return run_parser(app, std::move(words));
}

}  // namespace satchel::cli
