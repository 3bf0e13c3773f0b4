#include "sdk/cli/verbs.hpp"

#include <charconv>

namespace satchel::cli {
namespace {

std::optional<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Answer list_of(const Result<List>& list) {
  return list ? Answer::of(*list) : Answer::of(list.error());
}
Answer document_of(const Result<std::string>& text) {
  return text ? Answer::of(*text) : Answer::of(text.error());
}

std::string word(const Command& command, std::size_t index) {
  return index < command.words.size() ? command.words[index] : std::string{};
}

Answer run_pending(const Read& read, const Command& command) {
  if (command.words.empty()) return list_of(read.pending());
  const auto commit = parse_number(word(command, 1));
  if (command.words[0] != "show" || !commit) return Answer::of(usage("pending [show COMMIT]"));
  return document_of(read.pending(*commit));
}

Answer run_inbox(Replica& replica, const Read& read, const Command& command) {
  if (command.words.empty()) return list_of(read.inbox());
  const std::string& action = command.words[0];
  const auto item = parse_number(word(command, 1));
  if (!item) return Answer::of(usage("inbox [show|retry|discard ID]"));
  if (action == "show") return document_of(read.inbox(*item));
  if (action == "retry") {
    auto commit = replica.retry(*item);
    if (!commit) return Answer::of(commit.error());
    return Answer::of("{\"commit\":" + std::to_string(*commit) + '}',
                      "commit " + std::to_string(*commit));
  }
  if (action == "discard") {
    if (Status done = replica.discard(*item); !done) return Answer::of(done.error());
    return Answer::of("{\"discarded\":" + std::to_string(*item) + '}', "discarded");
  }
  return Answer::of(usage("inbox [show|retry|discard ID]"));
}

Answer run_query(const Read& read, const Command& command) {
  auto rows = read.query(command.words[0], word(command, 1), {command.order, command.limit});
  if (!rows) return Answer::of(rows.error());
  if (command.plan) {
    Answer plan = Answer::of(std::string{rows->plan()});
    plan.error = rows->damage();
    return plan;
  }
  return Answer::of(*rows);
}

// One field gives one document, all fields a list.
Answer run_explain(const Read& read, const Command& command) {
  auto rows = read.explain(command.words[0], command.words[1], word(command, 2));
  if (!rows) return Answer::of(rows.error());
  if (command.words.size() == 3 && rows->size() == 1) return Answer::of(std::string{(*rows)[0]});
  return Answer::of(*rows);
}

Answer run_verify(const Replica& replica) {
  std::string report;
  Status sound = replica.verify(report);
  Answer answer = Answer::of(std::move(report));
  if (!sound) answer.error = sound.error();
  return answer;
}

// What was dropped comes back with a sync; where none can be had now, with the next.
Answer run_heal(Replica& replica, const Command& command) {
  auto healed = replica.heal();
  if (!healed) return Answer::of(healed.error());
  Answer answer = Answer::of(*healed);
  auto report = replica.sync_once({seconds(command.timeout_s), command.retries});
  if (!report) answer.error = report.error();
  return answer;
}

Answer run_sync(Replica& replica, const Command& command) {
  auto report = replica.sync_once({seconds(command.timeout_s), command.retries});
  if (!report) return Answer::of(report.error());
  return Answer::of(*report);
}

}  // namespace

Error usage(std::string what) { return Error{SATCHEL_E_USAGE, std::move(what)}; }

std::chrono::milliseconds seconds(double count) {
  return std::chrono::milliseconds{static_cast<std::int64_t>(count * 1000)};
}

satchel::Config config_of(const Globals& globals) {
  satchel::Config config;
  config.path = globals.home;
  config.key_file = globals.key_file;
  config.install_file = globals.install_file;
  config.boot_id_file = globals.boot_id_file;
  config.connect = globals.connect;
  config.quota_bytes = globals.quota_bytes;
  config.lock_wait = seconds(globals.wait_s);
  if (globals.verbose) {
    config.log_level = SATCHEL_LOG_DEBUG;
    config.log = [](satchel_log_level, std::string_view line) {
      std::fwrite(line.data(), 1, line.size(), stderr);
      std::fputc('\n', stderr);
    };
  }
  return config;
}

std::optional<Assignment> parse_assignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  Assignment assignment;
  assignment.json = word[equals - 1] == ':';
  assignment.path = word.substr(0, equals - (assignment.json ? 1 : 0));
  assignment.text = word.substr(equals + 1);
  if (assignment.path.empty()) return std::nullopt;
  return assignment;
}

std::optional<Answer> run_read_verb(Replica& replica, const Globals& globals,
                                    const Command& command) {
  const std::string& verb = command.verb;
  auto read = replica.read(globals.purpose);
  if (!read) return Answer::of(read.error());
  if (verb == "get") {
    auto record = read->get(command.words[0], command.words[1]);
    if (!record) return Answer::of(record.error());
    return Answer::of(std::string{record->json()});
  }
  if (verb == "query") return run_query(*read, command);
  if (verb == "search")
    return list_of(read->search(command.words[0], word(command, 1), command.limit));
  if (verb == "conflicts") return list_of(read->conflicts(word(command, 0)));
  if (verb == "explain") return run_explain(*read, command);
  if (verb == "pending") return run_pending(*read, command);
  if (verb == "inbox") return run_inbox(replica, *read, command);
  if (verb == "dump") return list_of(read->dump(command.clocks));
  return std::nullopt;
}

Answer run_verb(Replica& replica, const Globals& globals, const Command& command) {
  const std::string& verb = command.verb;
  if (verb == "status") return document_of(replica.status());
  if (verb == "schema") return document_of(replica.schema());
  if (verb == "verify") return run_verify(replica);
  if (verb == "heal") return run_heal(replica, command);
  if (verb == "sync") return run_sync(replica, command);
  if (verb == "batch") return run_batch(replica, globals, command);
  if (verb == "narrow") {
    auto gone = replica.narrow(command.days);
    if (!gone) return Answer::of(gone.error());
    const std::string count = std::to_string(*gone);
    return Answer::of("{\"days\":" + std::to_string(command.days) + ",\"gone\":" + count + '}',
                      count + " records went");
  }
  if (verb == "rekey") {
    if (Status done = replica.rotate_keys(); !done) return Answer::of(done.error());
    return Answer::of("{\"rekeyed\":true}", "rekeyed");
  }
  if (auto answer = run_write_verb(replica, globals, command)) return std::move(*answer);
  if (auto answer = run_read_verb(replica, globals, command)) return std::move(*answer);
  return Answer::of(usage("no verb \"" + verb + '"'));
}

}  // namespace satchel::cli
