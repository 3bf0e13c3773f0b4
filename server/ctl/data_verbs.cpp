// dump, export, status, fsck, schema.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "schema/compiler/compile.hpp"
#include "schema/compiler/place_findings.hpp"
#include "server/admin/dump.hpp"
#include "server/ctl/verbs.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

const std::string kRoot = "/admin/v1";

}  // namespace

Status dump_canonical(CtlSession& session, const std::string& user, bool clocks) {
  DumpOptions options;
  options.user = user;
  options.clocks = clocks;
  auto lines = session.get_or(kRoot + "/dump?user=" + escape(user) + (clocks ? "&clocks=true" : ""),
                              [&](Workspace& workspace) { return dump(workspace.hub(), options); });
  if (!lines) return lines.error();
  return print_raw(*lines);
}

Status export_collection(CtlSession& session, const ExportVerb& verb) {
  const ExportOptions options{verb.format == "csv" ? ExportFormat::kCsv : ExportFormat::kNdjson,
                              verb.formula_guard};
  auto text = session.get_or(kRoot + "/export/" + escape(verb.collection) +
                                 "?format=" + escape(verb.format) +
                                 (verb.formula_guard ? "" : "&formula_guard=false"),
                             [&](Workspace& workspace) {
                               return export_records(workspace.hub(), verb.collection, options);
                             });
  if (!text) return text.error();
  return print_raw(*text);
}

Status show_status(CtlSession& session) {
  auto status = session.get_or(kRoot + "/status",
                               [](Workspace& workspace) { return status_json(workspace); });
  if (!status) return status.error();
  return print_body(session, *status);
}

Status check_store(CtlSession& session) {
  auto report = session.get_or(kRoot + "/fsck", [](Workspace& workspace) -> Result<Bytes> {
    auto checked = fsck(workspace.hub());
    if (!checked) return checked.error();
    return std::move(checked->json);
  });
  if (!report) return report.error();
  SATCHEL_TRY(print_body(session, *report));
  boost::system::error_code error;
  const json::value parsed = json::parse(*report, error);
  const auto* const object = parsed.if_object();
  const auto* const bad = object == nullptr ? nullptr : object->if_contains("bad");
  if (bad == nullptr || !bad->is_array()) return Error{Errc::kFrameMalformed, "no fsck report"};
  if (bad->get_array().empty()) return {};
  return Error{Errc::kStoreCorrupt, std::to_string(bad->get_array().size()) + " values"};
}

Status schema_show(CtlSession& session) {
  auto client = session.client();
  if (!client) return client.error();
  auto schema = (*client)->get(kRoot + "/schema");
  if (!schema) return schema.error();
  if (session.is_json()) return print_body(session, *schema);
  boost::system::error_code error;
  const json::value parsed = json::parse(*schema, error);
  if (error) return Error{Errc::kFrameMalformed, "the server's answer is not JSON"};
  json::array rows;
  for (const json::value& collection : parsed.as_object().at("collections").as_array()) {
    for (const json::value& field : collection.at("fields").as_array()) {
      rows.push_back(json::object{{"collection", collection.at("name")},
                                  {"field", field.at("name")},
                                  {"rule", field.at("rule")},
                                  {"class", field.at("class")},
                                  {"type", field.at("type")}});
    }
  }
  print_json(session, rows);
  return {};
}

namespace {

Status send_schema(CtlSession& session, const std::string& file, const std::string& path) {
  auto catalog = schema::compile_file(file);
  if (!catalog) return catalog.error();
  auto client = session.client();
  if (!client) return client.error();
  auto body = (*client)->post(kRoot + path, (*catalog)->serialized(), "application/octet-stream");
  if (!body) return schema::place_findings(body.error(), **catalog, file);
  return print_body(session, *body);
}

}  // namespace

Status schema_check(CtlSession& session, const std::string& file) {
  return send_schema(session, file, "/schema:check");
}

Status schema_apply(CtlSession& session, const std::string& file) {
  return send_schema(session, file, "/schema");
}

}  // namespace satchel::server
