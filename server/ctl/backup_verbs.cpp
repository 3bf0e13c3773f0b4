// backup, restore and compact.
#include <chrono>
#include <filesystem>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/app/log.hpp"
#include "server/app/restore.hpp"
#include "server/ctl/report.hpp"
#include "server/ctl/verbs.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

const std::string kPath = "/admin/v1/backups";
constexpr std::chrono::milliseconds kAskEvery{100};

std::string absolute(const std::string& path) {
  std::error_code ignored;
  return fs::absolute(path, ignored).lexically_normal().string();
}

Result<json::object> parse(const Bytes& body) {
  boost::system::error_code bad;
  json::value value = json::parse(body, bad);
  if (bad || !value.is_object())
    return Error{Errc::kFrameMalformed, "the server's answer is not JSON"};
  return std::move(value.get_object());
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

json::array findings(const BackupCheck& check) {
  json::array list;
  for (const BackupFinding& each : check.bad)
    list.push_back(json::object{{"file", each.file}, {"what", each.what}});
  return list;
}

}  // namespace

Status backup_create(CtlSession& session, const BackupVerb& verb) {
  auto client = session.client();
  if (!client) return client.error();
  const json::object asked{{"folder", absolute(verb.folder)}};
  auto begun = (*client)->post(kPath, json::serialize(asked));
  if (!begun) return begun.error();
  auto number = parse(*begun);
  if (!number) return number.error();
  for (;;) {
    auto body = (*client)->get(kPath);
    if (!body) return body.error();
    auto progress = parse(*body);
    if (!progress) return progress.error();
    if (progress->at("number") != number->at("number"))
      return Error{Errc::kConnectionCut, "the server has begun another backup since"};
    const std::string state = text_of(*progress, "state");
    if (state == "failed") {
      return Error{errc_from_wire_name(text_of(*progress, "code")).value_or(Errc::kHttpRefused),
                   text_of(*progress, "detail")};
    }
    if (state == "done") {
      print_json(session, *progress);
      return {};
    }
    std::this_thread::sleep_for(kAskEvery);
  }
}

Status backup_verify(CtlSession& session, const BackupVerb& verb) {
  auto check = verify_backup({verb.folder, verb.keys});
  if (!check) return check.error();
  print_json(session, json::object{{"sequence", check->manifest.sequence},
                                   {"incarnation", to_text(check->manifest.incarnation)},
                                   {"files", check->manifest.files.size()},
                                   {"bytes", check->bytes},
                                   {"values", check->values},
                                   {"bad", findings(*check)}});
  if (check->bad.empty()) return {};
  std::string all;
  for (const BackupFinding& each : check->bad)
    all += (all.empty() ? "" : "\n") + each.file + ": " + each.what;
  return Error{Errc::kStoreCorrupt, all};
}

Status restore_backup(CtlSession& session, const BackupVerb& verb) {
  open_log(LogLevel::kError);  // Where the ledger is lost or damaged, that is said on stderr.
  RestoreRequest request;
  request.from = {verb.folder, verb.keys};
  request.into = verb.into;
  request.ledger = verb.ledger;
  request.old_data = session.options().data;
  auto report = restore(request);
  if (!report) return report.error();
  json::object ledger{{"from", nullptr},
                      {"entries", report->ledger_entries},
                      {"damaged", report->ledger_damaged},
                      {"lost", report->ledger_lost}};
  if (!report->ledger_from.empty()) ledger["from"] = report->ledger_from;
  print_json(session, json::object{{"into", absolute(verb.into)},
                                   {"sequence", report->manifest.sequence},
                                   {"incarnation", to_text(report->incarnation)},
                                   {"ledger", std::move(ledger)}});
  return {};
}

Status compact_now(CtlSession& session, bool dry_run) {
  auto client = session.client();
  if (!client) return client.error();
  const std::string path = "/admin/v1/compaction";
  auto report = (*client)->post(path + (dry_run ? "?dry_run=true" : ""), {});
  if (!report) return report.error();
  return print_body(session, *report);
}

}  // namespace satchel::server
