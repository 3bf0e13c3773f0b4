// How answers and errors look on a terminal, to scripts, and in a shell.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <satchel/satchel.hpp>

namespace satchel::cli {

// What a verb answers: one JSON document or a list of them.
struct Answer {
  std::optional<Error> error;
  std::string document;  // With an error too, where there is something to show.
  std::vector<std::string> rows;
  bool is_list = false;
  std::string plain;  // What `text` shows instead of the document.

  static Answer of(Error error) { return {std::move(error), {}, {}, false, {}}; }
  static Answer of(std::string document, std::string plain = {}) {
    return {std::nullopt, std::move(document), {}, false, std::move(plain)};
  }
  static Answer of(const List& list);
};

// Prints to stdout and stderr; gives the exit status.
int print_answer(const Answer& answer, bool json);
// {"type","title","code","detail"}
std::string problem_json(const Error& error);
int print_error(const Error& error, bool json);

// The one line of a shell: the document, {"rows":[...]}, or {"error":{...}}; both where
// rows could not be read.
std::string shell_line(const Answer& answer);
// Whole lines from several threads.
void print_line(std::string_view line);
// Something that was printed before did not reach stdout.
bool output_failed();

std::string quoted(std::string_view text);

}  // namespace satchel::cli
