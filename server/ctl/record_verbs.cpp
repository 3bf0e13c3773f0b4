// record get | history | put | delete | conflicts | explain | resolve | restore.
#include <iostream>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/ctl/verbs.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

const std::string kRoot = "/admin/v1";

std::string record_path(const RecordVerb& verb) {
  return kRoot + "/records/" + escape(verb.collection) + "/" + escape(verb.id);
}

std::string purpose_query(const CtlSession& session) {
  return "?purpose=" + escape(session.options().purpose);
}

// FIELD=VALUE or FIELD:=JSON.
Result<json::object> assignment_json(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error{Errc::kUsage, "FIELD=VALUE or FIELD:=JSON is needed"};
  }
  const bool is_json = word[equals - 1] == ':';
  const std::string path = word.substr(0, is_json ? equals - 1 : equals);
  if (path.empty()) return Error{Errc::kUsage, "a field's name is missing"};
  return json::object{{"path", path}, {is_json ? "json" : "text", word.substr(equals + 1)}};
}

// Lines of JSON: with -o json as they are, else each as a block of "name: value".
Status print_lines(const CtlSession& session, const Bytes& lines) {
  if (session.is_json()) return print_raw(lines);
  std::string_view rest = lines;
  bool first = true;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (!first) std::cout << '\n';
    first = false;
    SATCHEL_TRY(print_body(session, Bytes{rest.substr(0, end)}));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return {};
}

Status get_lines(CtlSession& session, const std::string& path) {
  auto client = session.client();
  if (!client) return client.error();
  auto lines = (*client)->get(path);
  if (!lines) return lines.error();
  return print_lines(session, *lines);
}

Status post(CtlSession& session, const std::string& path, const json::object& body) {
  auto client = session.client();
  if (!client) return client.error();
  auto answer = (*client)->post(path + purpose_query(session), json::serialize(body));
  if (!answer) return answer.error();
  return print_body(session, *answer);
}

}  // namespace

Status record_get(CtlSession& session, const RecordVerb& verb) {
  return get_lines(session, record_path(verb));
}

Status record_history(CtlSession& session, const RecordVerb& verb) {
  return get_lines(session, record_path(verb) + "/history");
}

Status record_put(CtlSession& session, const RecordVerb& verb) {
  json::object body{{"new", verb.may_create}};
  json::array fields;
  for (std::size_t i = 0; i < verb.words.size(); ++i) {
    if (i == 0 && verb.words[i].find('=') == std::string::npos) {
      body["id"] = verb.words[i];
      continue;
    }
    auto assignment = assignment_json(verb.words[i]);
    if (!assignment) return assignment.error();
    fields.push_back(std::move(*assignment));
  }
  body["fields"] = std::move(fields);
  auto client = session.client();
  if (!client) return client.error();
  auto answer =
      (*client)->post(kRoot + "/records/" + escape(verb.collection) + purpose_query(session),
                      json::serialize(body));
  if (!answer) return answer.error();
  if (session.is_json()) return print_body(session, *answer);
  boost::system::error_code error;
  const json::value parsed = json::parse(*answer, error);
  const auto* const object = parsed.if_object();
  const auto* const id = object == nullptr ? nullptr : object->if_contains("id");
  if (id == nullptr || !id->is_string()) return Error{Errc::kFrameMalformed, "no id was answered"};
  return print_raw(std::string(id->get_string().c_str()) + "\n");
}

Status record_delete(CtlSession& session, const RecordVerb& verb) {
  return post(session, record_path(verb) + ":delete", {});
}

Status record_conflicts(CtlSession& session, const RecordVerb& verb) {
  return get_lines(session, kRoot + "/conflicts?collection=" + escape(verb.collection));
}

Status record_explain(CtlSession& session, const RecordVerb& verb) {
  return get_lines(session, record_path(verb) + "/explain?field=" + escape(verb.field));
}

Status record_resolve(CtlSession& session, const RecordVerb& verb) {
  if (verb.words.size() != 1) return Error{Errc::kUsage, "exactly one FIELD=VALUE is needed"};
  auto assignment = assignment_json(verb.words.front());
  if (!assignment) return assignment.error();
  return post(session, record_path(verb) + ":resolve", *assignment);
}

Status record_restore(CtlSession& session, const RecordVerb& verb) {
  json::object body;
  if (!verb.field.empty()) {
    if (verb.dot.empty()) return Error{Errc::kUsage, "a field is restored with --dot DOT"};
    body["field"] = verb.field;
    body["dot"] = verb.dot;
  }
  return post(session, record_path(verb) + ":restore", body);
}

}  // namespace satchel::server
