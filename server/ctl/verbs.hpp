// The verbs of satchelctl, without their command line.
#pragma once

#include <string>
#include <vector>

#include "server/ctl/session.hpp"

namespace satchel::server {

// Users, territories, devices.
struct UserVerb {
  std::string name;
  std::string role;
  std::vector<std::string> territories;
};
Status user_create(CtlSession& session, const UserVerb& verb);
Status user_list(CtlSession& session);
Status user_show(CtlSession& session, const std::string& name);
Status user_disable(CtlSession& session, const std::string& name);
Status user_set_role(CtlSession& session, const std::string& name, const std::string& role);
Status territory_set(CtlSession& session, const UserVerb& verb);
Status territory_create(CtlSession& session, const std::string& name, const std::string& parent);
Status territory_list(CtlSession& session);
Status device_enroll(CtlSession& session, const std::string& user);
Status device_list(CtlSession& session);
Status device_show(CtlSession& session, const std::string& id);
Status device_revoke(CtlSession& session, const std::string& id);
Status device_wipe(CtlSession& session, const std::string& id);

// Whole-store reads; they work on the folder while the server is stopped.
Status dump_canonical(CtlSession& session, const std::string& user, bool clocks);
struct ExportVerb {
  std::string collection;
  std::string format = "ndjson";
  bool formula_guard = true;
};
Status export_collection(CtlSession& session, const ExportVerb& verb);
Status show_status(CtlSession& session);
// kStoreCorrupt where anything is bad, after the report.
Status check_store(CtlSession& session);

struct BackupVerb {
  std::string folder;
  std::string keys;    // Where the keys are kept apart from the folder.
  std::string into;    // restore: the new server's folder.
  std::string ledger;  // restore: the ledger's file, where it is not in its place.
};
// Ends when the backup was looked over. The folder is one of the server's machine.
Status backup_create(CtlSession& session, const BackupVerb& verb);
// These two need no server. kStoreCorrupt names every file that is not as it was, and what of it.
Status backup_verify(CtlSession& session, const BackupVerb& verb);
Status restore_backup(CtlSession& session, const BackupVerb& verb);

// What no device needs any more goes now; with `dry_run` only what would is told.
Status compact_now(CtlSession& session, bool dry_run);

Status schema_show(CtlSession& session);
// Compiles a schema file here and asks the server whether it may follow the one in force; or puts
// it in force.
Status schema_check(CtlSession& session, const std::string& file);
Status schema_apply(CtlSession& session, const std::string& file);

struct ImportVerb {
  std::string collection;
  std::string file;
  std::string map;
  std::string key;
  std::string format;    // "csv" or "ndjson"; empty: as the file's name ends.
  std::string encoding;  // Empty: by the byte order mark, UTF-8 without one.
  bool dry_run = false;
  bool formula_guard = true;  // Takes off what an export's guard puts on.
  bool progress = false;      // Also where stderr is no terminal.
};
// kInvalidArgument where rows were unusable, after the report; what could be used is there.
Status import_file(CtlSession& session, const ImportVerb& verb);

struct RecordVerb {
  std::string collection;
  std::string id;
  std::string field;
  std::string dot;
  std::vector<std::string> words;  // [ID] FIELD=VALUE...
  bool may_create = false;
};
Status record_get(CtlSession& session, const RecordVerb& verb);
Status record_history(CtlSession& session, const RecordVerb& verb);
Status record_put(CtlSession& session, const RecordVerb& verb);
Status record_delete(CtlSession& session, const RecordVerb& verb);
Status record_conflicts(CtlSession& session, const RecordVerb& verb);
Status record_explain(CtlSession& session, const RecordVerb& verb);
Status record_resolve(CtlSession& session, const RecordVerb& verb);
Status record_restore(CtlSession& session, const RecordVerb& verb);

}  // namespace satchel::server
