// /admin/v1/records and /admin/v1/conflicts.
#include "server/admin/records.hpp"
#include "server/http/admin_guard.hpp"
#include "server/http/json.hpp"
#include "sync/merge/dot_text.hpp"

namespace satchel::server {
namespace {

Result<RecordName> record_name(const PathParameters& path) {
  auto id = parse_record_id(path.get("id"));
  if (!id) return id.error();
  return RecordName{path.get("collection"), *id};
}

std::string purpose_of(const Request& request) {
  const std::string_view purpose = request.parameter("purpose");
  return std::string(purpose.empty() ? sync::kDefaultPurpose : purpose);
}

// {"path","text"} or {"path","json"}, the latter JSON in a string, so that its numbers stay exact.
Result<Assignment> assignment_of(const json::value& value) {
  if (!value.is_object()) return Error{Errc::kInvalidArgument, "/fields: objects are needed"};
  const json::object& object = value.get_object();
  auto path = get_text(object, "path");
  if (!path) return path.error();
  auto as_json = find_text(object, "json");
  if (!as_json) return as_json.error();
  if (*as_json) return Assignment{std::move(*path), std::move(**as_json), true};
  auto text = get_text(object, "text");
  if (!text) return text.error();
  return Assignment{std::move(*path), std::move(*text), false};
}

Result<std::vector<Assignment>> assignments_of(const json::object& body) {
  std::vector<Assignment> all;
  const json::value* const fields = body.if_contains("fields");
  if (fields == nullptr) return all;
  if (!fields->is_array()) return Error{Errc::kInvalidArgument, "/fields: a list is needed"};
  for (const json::value& each : fields->get_array()) {
    auto assignment = assignment_of(each);
    if (!assignment) return assignment.error();
    all.push_back(std::move(*assignment));
  }
  return all;
}

Response get_record(RouteContext& context, const Request& request, const PathParameters& path) {
  auto name = record_name(path);
  if (!name) return problem(request, name.error());
  auto record = record_json(context.workspace.hub(), *name);
  return record ? json_response(200, std::move(*record)) : problem(request, record.error());
}

Response get_history(RouteContext& context, const Request& request, const PathParameters& path) {
  auto name = record_name(path);
  if (!name) return problem(request, name.error());
  auto lines = history_lines(context.workspace.hub(), *name);
  return lines ? ndjson_response(std::move(*lines)) : problem(request, lines.error());
}

Response get_explain(RouteContext& context, const Request& request, const PathParameters& path) {
  auto name = record_name(path);
  if (!name) return problem(request, name.error());
  auto lines =
      explain_lines(context.workspace.hub(), *name, std::string(request.parameter("field")));
  return lines ? ndjson_response(std::move(*lines)) : problem(request, lines.error());
}

Response get_conflicts(RouteContext& context, const Request& request, const PathParameters&) {
  auto lines =
      conflict_lines(context.workspace.hub(), std::string(request.parameter("collection")));
  return lines ? ndjson_response(std::move(*lines)) : problem(request, lines.error());
}

Result<PutRequest> put_request(const Request& request, const PathParameters& path) {
  auto body = parse_object(request.body);
  if (!body) return body.error();
  PutRequest put;
  put.collection = path.get("collection");
  put.purpose = purpose_of(request);
  auto id = find_text(*body, "id");
  if (!id) return id.error();
  if (*id) {
    auto parsed = parse_record_id(**id);
    if (!parsed) return parsed.error();
    put.id = *parsed;
  }
  const json::value* const may_create = body->if_contains("new");
  put.may_create = may_create != nullptr && may_create->is_bool() && may_create->get_bool();
  auto fields = assignments_of(*body);
  if (!fields) return fields.error();
  put.fields = std::move(*fields);
  return put;
}

Response post_put(RouteContext& context, const Request& request, const PathParameters& path) {
  auto put = put_request(request, path);
  if (!put) return problem(request, put.error());
  auto id = put_record(context.workspace.hub(), context.writer, *put);
  if (!id) return problem(request, id.error());
  return json_response(200, json::object{{"collection", put->collection}, {"id", to_text(*id)}});
}

Response done(const Request& request, const RecordName& name, const Status& status) {
  if (!status) return problem(request, status.error());
  return json_response(200,
                       json::object{{"collection", name.collection}, {"id", to_text(name.id)}});
}

Response post_delete(RouteContext& context, const Request& request, const PathParameters& path) {
  auto name = record_name(path);
  if (!name) return problem(request, name.error());
  return done(request, *name,
              delete_record(context.writer, context.workspace.hub(), *name, purpose_of(request)));
}

Response post_restore(RouteContext& context, const Request& request, const PathParameters& path) {
  auto name = record_name(path);
  if (!name) return problem(request, name.error());
  auto body = parse_object(request.body);
  if (!body) return problem(request, body.error());
  auto field = find_text(*body, "field");
  if (!field) return problem(request, field.error());
  sync::Hub& hub = context.workspace.hub();
  if (!*field) {
    return done(request, *name, restore_record(context.writer, hub, *name, purpose_of(request)));
  }
  auto dot_text = get_text(*body, "dot");
  if (!dot_text) return problem(request, dot_text.error());
  auto dot = sync::parse_dot(*dot_text);
  if (!dot) return problem(request, dot.error());
  return done(request, *name,
              restore_value(context.writer, hub, *name, **field, *dot, purpose_of(request)));
}

Response post_resolve(RouteContext& context, const Request& request, const PathParameters& path) {
  auto name = record_name(path);
  if (!name) return problem(request, name.error());
  auto body = parse_object(request.body);
  if (!body) return problem(request, body.error());
  auto choice = assignment_of(*body);
  if (!choice) return problem(request, choice.error());
  return done(
      request, *name,
      resolve_field(context.writer, context.workspace.hub(), *name, *choice, purpose_of(request)));
}

}  // namespace

void add_record_routes(Router& router) {
  router.add("GET", "/admin/v1/conflicts", as_admin<get_conflicts>);
  router.add("POST", "/admin/v1/records/{collection}", as_admin<post_put>);
  router.add("GET", "/admin/v1/records/{collection}/{id}", as_admin<get_record>);
  router.add("GET", "/admin/v1/records/{collection}/{id}/history", as_admin<get_history>);
  router.add("GET", "/admin/v1/records/{collection}/{id}/explain", as_admin<get_explain>);
  router.add("POST", "/admin/v1/records/{collection}/{id}:delete", as_admin<post_delete>);
  router.add("POST", "/admin/v1/records/{collection}/{id}:restore", as_admin<post_restore>);
  router.add("POST", "/admin/v1/records/{collection}/{id}:resolve", as_admin<post_resolve>);
}

}  // namespace satchel::server
