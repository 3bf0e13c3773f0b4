#include <charconv>
#include <fstream>
#include <iostream>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "sdk/cli/member_names.hpp"
#include "sdk/cli/verbs.hpp"

namespace satchel::cli {
namespace {

namespace json = boost::json;

Result<std::int64_t> parse_increment(const std::string& text) {
  std::int64_t number = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return Error{SATCHEL_E_TYPE_MISMATCH, "a counter takes a whole number"};
  }
  return number;
}

Status assign(Write& write, const Ref& ref, const Assignment& to) {
  return to.json ? write.set(ref, to.path, to.text) : write.set_text(ref, to.path, to.text);
}

Answer committed(Result<std::uint64_t> commit, const Ref& ref, std::string plain) {
  if (!commit) return Answer::of(commit.error());
  return Answer::of("{\"collection\":" + quoted(ref.collection) + ",\"commit\":" +
                        std::to_string(*commit) + ",\"id\":" + quoted(ref.id) + '}',
                    plain.empty() ? "commit " + std::to_string(*commit) : std::move(plain));
}

// put COLLECTION [ID] FIELD=VALUE...
Answer run_put(Replica& replica, const Globals& globals, const Command& command) {
  Ref ref{command.words[0], {}};
  std::size_t next = 1;
  if (command.words.size() > 1 && !parse_assignment(command.words[1]))
    ref.id = command.words[next++];
  if (next == 2 && ref.id.empty()) return Answer::of(usage("an ID must not be empty"));
  if (command.fresh && ref.id.empty()) return Answer::of(usage("--new needs an ID"));
  std::vector<Assignment> assignments;
  for (; next < command.words.size(); ++next) {
    auto assignment = parse_assignment(command.words[next]);
    if (!assignment) return Answer::of(usage("FIELD=VALUE or FIELD:=JSON is expected"));
    assignments.push_back(std::move(*assignment));
  }
  const bool made = ref.id.empty();
  auto commit = replica.write(globals.purpose, [&](Write& write) -> Status {
    if (made) {
      auto created = write.create(ref.collection);
      if (!created) return created.error();
      ref = *created;
    } else if (command.fresh) {
      if (Status done = write.create(ref); !done) return done;
    }
    for (const Assignment& each : assignments) {
      if (Status done = assign(write, ref, each); !done) return done;
    }
    return {};
  });
  return committed(std::move(commit), ref, made || command.fresh ? ref.id : std::string{});
}

Status apply_word(Write& write, const Command& command, const Ref& ref, const Assignment& to) {
  if (command.verb == "add") {
    auto number = parse_increment(to.text);
    if (!number) return number.error();
    return write.add(ref, to.path, *number);
  }
  if (command.verb == "set-add") {
    return to.json ? write.set_add(ref, to.path, to.text)
                   : write.set_add_text(ref, to.path, to.text);
  }
  if (command.verb == "set-remove") {
    return to.json ? write.set_remove(ref, to.path, to.text)
                   : write.set_remove_text(ref, to.path, to.text);
  }
  if (command.verb == "resolve") {
    return to.json ? write.resolve(ref, to.path, to.text)
                   : write.resolve_text(ref, to.path, to.text);
  }
  // A log's entry: JSON, or a bare text.
  return write.log_append(ref, to.path, to.json ? to.text : quoted(to.text));
}

// COLLECTION ID FIELD=VALUE...
Answer run_field_verb(Replica& replica, const Globals& globals, const Command& command) {
  const Ref ref{command.words[0], command.words[1]};
  auto commit = replica.write(globals.purpose, [&](Write& write) -> Status {
    for (std::size_t i = 2; i < command.words.size(); ++i) {
      const auto assignment = parse_assignment(command.words[i]);
      if (!assignment) return usage("FIELD=VALUE is expected");
      if (Status done = apply_word(write, command, ref, *assignment); !done) return done;
    }
    return {};
  });
  return committed(std::move(commit), ref, {});
}

Answer run_restore(Replica& replica, const Globals& globals, const Command& command) {
  const Ref ref{command.words[0], command.words[1]};
  const bool whole = command.words.size() == 2;
  if (whole != command.dot.empty())
    return Answer::of(usage("restore COLLECTION ID [FIELD --dot DOT]"));
  return committed(replica.write(globals.purpose,
                                 [&](Write& write) {
                                   return whole ? write.restore(ref)
                                                : write.restore_value(ref, command.words[2],
                                                                      command.dot);
                                 }),
                   ref, {});
}

// ---- batch --------------------------------------------------------------------------------------

std::string text_of(const json::object& line, const char* name) {
  const auto* value = line.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{std::string_view{value->get_string()}}
                                                : std::string{};
}

Status apply_field(Write& write, const std::string& op, const Ref& ref, const std::string& field,
                   const json::value& value) {
  if (op == "add") {
    if (!value.is_int64())
      return Error{SATCHEL_E_TYPE_MISMATCH, field + ": a counter takes a whole number"};
    return write.add(ref, field, value.get_int64());
  }
  const auto each = [&](const json::value& element) {
    const std::string text = json::serialize(element);
    return op == "set-add" ? write.set_add(ref, field, text) : write.set_remove(ref, field, text);
  };
  if (op == "log-append") return write.log_append(ref, field, json::serialize(value));
  if (!value.is_array()) return each(value);
  for (const auto& element : value.get_array()) {
    if (Status done = each(element); !done) return done;
  }
  return {};
}

class Batch {
 public:
  Batch(Replica& replica, const Globals& globals, const Command& command)
      : replica_(replica), globals_(globals), commit_every_(command.commit_every) {}

  Status take(const std::string& line) {
    ++line_;
    if (line.empty()) return {};
    boost::system::error_code error;
    const auto value = json::parse(line, error);
    if (error || !value.is_object()) return located(usage("a JSON object is expected"));
    if (names_a_member_twice(line)) return located(usage("a member stands there twice"));
    if (!write_) {
      auto begun = replica_.begin_write(globals_.purpose);
      if (!begun) return begun.error();
      write_.emplace(std::move(*begun));
    }
    if (Status done = apply(value.get_object()); !done) return located(done.error());
    ++taken_;
    if (commit_every_ != 0 && taken_ % commit_every_ == 0) return finish();
    return {};
  }
  Status finish() {
    if (!write_) return {};
    auto number = write_->commit();
    write_.reset();
    if (!number) return located(number.error());
    if (*number != 0) ++commits_;
    return {};
  }
  [[nodiscard]] Answer answer() const {
    std::string ids = "[";
    for (const std::string& id : ids_) ids += (ids.size() > 1 ? "," : "") + quoted(id);
    return Answer::of(
        "{\"commits\":" + std::to_string(commits_) + ",\"ids\":" + ids +
            "],\"lines\":" + std::to_string(taken_) + '}',
        std::to_string(taken_) + " lines in " + std::to_string(commits_) + " commits");
  }

 private:
  [[nodiscard]] Error located(const Error& error) const {
    return Error{error.code(), "line " + std::to_string(line_) + ": " + error.context()};
  }

  Status apply(const json::object& line) {
    const std::string op = text_of(line, "op");
    if (op != "put" && op != "add" && op != "set-add" && op != "set-remove" && op != "log-append" &&
        op != "delete") {
      return usage("\"op\" is put, add, set-add, set-remove, log-append or delete");
    }
    for (const auto& [name, value] : line) {
      if (name != "op" && name != "collection" && name != "id" && name != "new" &&
          name != "fields") {
        return usage("unknown member " + quoted(std::string_view{name.data(), name.size()}) +
                     ": a line has op, collection, id, new and fields");
      }
    }
    Ref ref{text_of(line, "collection"), text_of(line, "id")};
    if (line.contains("id") && ref.id.empty()) return usage("\"id\" must be a text, and not empty");
    const auto* fresh = line.if_contains("new");
    if (fresh != nullptr && !fresh->is_bool()) return usage("\"new\" must be true or false");
    const bool makes = fresh != nullptr && fresh->get_bool();
    if (op == "put" && ref.id.empty()) {
      auto created = write_->create(ref.collection);
      if (!created) return created.error();
      ref = *created;
      ids_.push_back(ref.id);
    } else if (op == "put" && makes) {
      if (Status done = write_->create(ref); !done) return done;
    }
    if (op == "delete") return write_->erase(ref);
    const auto* fields = line.if_contains("fields");
    if (fields == nullptr || !fields->is_object()) {
      if (op == "put" && fields == nullptr) return {};
      return usage("\"fields\" must be an object");
    }
    if (op == "put") return write_->put(ref, json::serialize(*fields));
    for (const auto& [field, value] : fields->get_object()) {
      if (Status done = apply_field(*write_, op, ref, std::string{field}, value); !done)
        return done;
    }
    return {};
  }

  Replica& replica_;
  const Globals& globals_;
  std::uint32_t commit_every_;
  std::optional<Write> write_;
  std::vector<std::string> ids_;
  std::uint64_t line_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace

Answer run_batch(Replica& replica, const Globals& globals, const Command& command) {
  std::ifstream file;
  const bool from_stdin = command.words[0] == "-";
  if (!from_stdin) {
    file.open(command.words[0]);
    if (!file) return Answer::of(Error{SATCHEL_E_FILE_READ, command.words[0]});
  }
  std::istream& in = from_stdin ? std::cin : file;
  Batch batch{replica, globals, command};
  for (std::string line; std::getline(in, line);) {
    if (Status done = batch.take(line); !done) return Answer::of(done.error());
  }
  if (in.bad()) return Answer::of(Error{SATCHEL_E_FILE_READ, command.words[0]});
  if (Status done = batch.finish(); !done) return Answer::of(done.error());
  return batch.answer();
}

std::optional<Answer> run_write_verb(Replica& replica, const Globals& globals,
                                     const Command& command) {
  const std::string& verb = command.verb;
  if (verb == "put") return run_put(replica, globals, command);
  if (verb == "restore") return run_restore(replica, globals, command);
  if (verb == "delete") {
    const Ref ref{command.words[0], command.words[1]};
    return committed(replica.write(globals.purpose, [&](Write& write) { return write.erase(ref); }),
                     ref, {});
  }
  if (verb == "add" || verb == "set-add" || verb == "set-remove" || verb == "log-append" ||
      verb == "resolve") {
    return run_field_verb(replica, globals, command);
  }
  return std::nullopt;
}

}  // namespace satchel::cli
