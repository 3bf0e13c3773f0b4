#include "sdk/cli/output.hpp"

#include <cstdio>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace satchel::cli {
namespace {

// "name: value" lines of an object, for people.
std::string as_lines(const std::string& document) {
  boost::system::error_code error;
  const auto value = boost::json::parse(document, error);
  if (error || !value.is_object()) return document + '\n';
  std::string lines;
  for (const auto& [name, member] : value.get_object()) {
    if (name == "fields" && member.is_object()) {
      for (const auto& [field, held] : member.get_object()) {
        lines += "  " + std::string{field} + ": " + boost::json::serialize(held) + '\n';
      }
      continue;
    }
    const std::string shown = member.is_string() ? std::string{member.get_string().c_str()}
                                                 : boost::json::serialize(member);
    lines += std::string{name} + ": " + shown + '\n';
  }
  return lines;
}

void write_out(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string one_line(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)
    text.replace(at, 1, "; ");
  return text;
}

}  // namespace

Answer Answer::of(const List& list) {
  Answer answer;
  answer.is_list = true;
  answer.error = list.damage();
  for (std::size_t i = 0; i < list.size(); ++i) answer.rows.emplace_back(list[i]);
  return answer;
}

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string_view{text.data(), text.size()});
}

std::string problem_json(const Error& error) {
  boost::json::object problem;
  problem["type"] = "urn:satchel:problem:" + std::string{error.name()};
  problem["title"] = std::string{error.sentence()};
  problem["code"] = std::string{error.name()};
  if (!error.context().empty()) problem["detail"] = error.context();
  return boost::json::serialize(problem);
}

int print_error(const Error& error, bool json) {
  const std::string line =
      json ? problem_json(error)
           : one_line("error: " + std::string{error.name()} + ": " + error.message());
  std::fflush(stdout);
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fputc('\n', stderr);
  return error.exit_status();
}

int print_answer(const Answer& answer, bool json) {
  for (const std::string& row : answer.rows) write_out(row + '\n');
  if (!answer.is_list && !answer.document.empty()) {
    if (json)
      write_out(answer.document + '\n');
    else
      write_out(answer.plain.empty() ? as_lines(answer.document) : answer.plain + '\n');
  }
  if (answer.error) return print_error(*answer.error, json);
  if (output_failed()) return print_error(Error{SATCHEL_E_FILE_WRITE, "stdout"}, json);
  return 0;
}

std::string shell_line(const Answer& answer) {
  const std::string error = answer.error ? "\"error\":" + problem_json(*answer.error) : "";
  if (answer.error && !answer.is_list) return '{' + error + '}';
  if (!answer.is_list) return answer.document.empty() ? "{}" : answer.document;
  std::string line = '{' + error + (error.empty() ? "" : ",") + "\"rows\":[";
  for (const std::string& row : answer.rows) {
    line += row;
    line += ',';
  }
  if (line.back() == ',') line.pop_back();
  return line + "]}";
}

void print_line(std::string_view line) {
  static std::mutex mutex;
  const std::lock_guard hold{mutex};
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

bool output_failed() { return std::fflush(stdout) != 0 || std::ferror(stdout) != 0; }

}  // namespace satchel::cli
