// /admin/v1/backups: begins a backup, and tells how it goes. /admin/v1/compaction.
#include "server/admin/compaction.hpp"
#include "server/app/backup_job.hpp"
#include "server/http/admin_guard.hpp"
#include "server/http/json.hpp"

namespace satchel::server {
namespace {

json::object progress_json(const BackupJob::Progress& progress) {
  constexpr const char* kStates[] = {"none", "running", "done", "failed"};
  json::object object{{"number", progress.number},
                      {"state", kStates[static_cast<std::size_t>(progress.state)]},
                      {"folder", progress.folder}};
  if (progress.state == BackupJob::State::kDone) {
    std::uint64_t bytes = 0;
    for (const BackupFile& file : progress.manifest.files) bytes += file.size;
    object["sequence"] = progress.manifest.sequence;
    object["incarnation"] = to_text(progress.manifest.incarnation);
    object["made_at"] = time_json(progress.manifest.made_us);
    object["files"] = progress.manifest.files.size();
    object["bytes"] = bytes;
  }
  if (progress.state == BackupJob::State::kFailed) {
    object["code"] = std::string(wire_name(progress.error.code));
    object["detail"] = progress.error.context;
  }
  return object;
}

Response post_backup(RouteContext& context, const Request& request, const PathParameters&) {
  auto body = parse_object(request.body);
  if (!body) return problem(request, body.error());
  auto folder = get_text(*body, "folder");
  if (!folder) return problem(request, folder.error());
  auto number = context.backups.start(*folder);
  if (!number) return problem(request, number.error());
  return json_response(202, json::object{{"number", *number}});
}

Response get_backup(RouteContext& context, const Request&, const PathParameters&) {
  return json_response(200, progress_json(context.backups.progress()));
}

Response post_compaction(RouteContext& context, const Request& request, const PathParameters&) {
  const bool dry_run = request.parameter("dry_run") == "true";
  auto report =
      compact(context.workspace.hub(), context.writer, compaction_rule(context.config), dry_run);
  if (!report) return problem(request, report.error());
  return json_response(200, compaction_json(*report, dry_run));
}

}  // namespace

void add_backup_routes(Router& router) {
  router.add("POST", "/admin/v1/backups", as_admin<post_backup>);
  router.add("GET", "/admin/v1/backups", as_admin<get_backup>);
  router.add("POST", "/admin/v1/compaction", as_admin<post_compaction>);
}

}  // namespace satchel::server
