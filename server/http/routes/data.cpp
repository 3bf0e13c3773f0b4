// /admin/v1: whole-store reads, the schema, imports.
#include "server/admin/dump.hpp"
#include "server/admin/importer.hpp"
#include "server/admin/schema.hpp"
#include "server/app/log.hpp"
#include "server/http/admin_guard.hpp"
#include "server/http/json.hpp"

namespace satchel::server {
namespace {

Response get_dump(RouteContext& context, const Request& request, const PathParameters&) {
  DumpOptions options;
  options.user = request.parameter("user");
  options.clocks = request.parameter("clocks") == "true";
  auto lines = dump(context.workspace.hub(), options);
  return lines ? ndjson_response(std::move(*lines)) : problem(request, lines.error());
}

Response get_export(RouteContext& context, const Request& request, const PathParameters& path) {
  const std::string_view asked = request.parameter("format");
  const bool csv = asked == "csv";
  if (!csv && !asked.empty() && asked != "ndjson") {
    return problem(request, Error{Errc::kInvalidArgument, "format: ndjson or csv"});
  }
  const ExportOptions options{csv ? ExportFormat::kCsv : ExportFormat::kNdjson,
                              request.parameter("formula_guard") != "false"};
  auto text = export_records(context.workspace.hub(), path.get("collection"), options);
  if (!text) return problem(request, text.error());
  Response response = ndjson_response(std::move(*text));
  if (csv) response.content_type = "text/csv; charset=utf-8";
  return response;
}

Response get_status(RouteContext& context, const Request& request, const PathParameters&) {
  auto status = status_json(context.workspace);
  return status ? json_response(200, std::move(*status)) : problem(request, status.error());
}

Response get_fsck(RouteContext& context, const Request& request, const PathParameters&) {
  auto report = fsck(context.workspace.hub());
  return report ? json_response(200, std::move(report->json)) : problem(request, report.error());
}

Response get_schema(RouteContext& context, const Request&, const PathParameters&) {
  return json_response(200, schema_json(*context.workspace.hub().catalog()));
}

Response post_schema(RouteContext& context, const Request& request, const PathParameters&) {
  auto catalog = apply_schema(context.workspace.hub(), context.writer, request.body);
  if (!catalog) return problem(request, catalog.error());
  log(LogLevel::kInfo, "schema_applied", {{"hash", to_hex((*catalog)->hash())}});
  // Live devices fetch the new schema when they begin anew.
  context.notifier.cut({}, {}, Error{Errc::kBackpressure, "the schema has changed: connect again"});
  return json_response(200, json::object{{"hash", to_hex((*catalog)->hash())}});
}

Response post_schema_check(RouteContext& context, const Request& request, const PathParameters&) {
  const Status checked = check_schema(context.workspace.hub(), request.body);
  if (!checked) return problem(request, checked.error());
  return json_response(200, json::object{{"compatible", true}});
}

Response post_import(RouteContext& context, const Request& request, const PathParameters& path) {
  ImportBatch batch;
  batch.collection = path.get("collection");
  batch.key = request.parameter("key");
  batch.run = request.parameter("run");
  batch.dry_run = request.parameter("dry_run") == "true";
  const std::string_view purpose = request.parameter("purpose");
  batch.purpose = std::string(purpose.empty() ? sync::kDefaultPurpose : purpose);
  auto rows = parse_import_rows(request.body);
  if (!rows) return problem(request, rows.error());
  batch.rows = std::move(*rows);
  auto report = context.importer.run(batch);
  if (!report) return problem(request, report.error());
  return json_response(200, import_report_json(*report));
}

}  // namespace

void add_data_routes(Router& router) {
  router.add("GET", "/admin/v1/dump", as_admin<get_dump>);
  router.add("GET", "/admin/v1/export/{collection}", as_admin<get_export>);
  router.add("GET", "/admin/v1/status", as_admin<get_status>);
  router.add("GET", "/admin/v1/fsck", as_admin<get_fsck>);
  router.add("GET", "/admin/v1/schema", as_admin<get_schema>);
  router.add("POST", "/admin/v1/schema", as_admin<post_schema>);
  router.add("POST", "/admin/v1/schema:check", as_admin<post_schema_check>);
  router.add("POST", "/admin/v1/import/{collection}", as_admin<post_import>);
}

}  // namespace satchel::server
