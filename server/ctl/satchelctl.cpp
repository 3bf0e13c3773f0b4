// satchelctl: the admin's command line.
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include "server/app/version.hpp"
#include "server/ctl/report.hpp"
#include "server/ctl/verbs.hpp"
#include "sync/policy/decide.hpp"

namespace {

using namespace satchel;
using namespace satchel::server;

using Action = std::function<Status(CtlSession&)>;

// Where verbs keep what was typed, and which of them was chosen.
struct Typed {
  CtlOptions options;
  Action action;
  UserVerb user;
  RecordVerb record;
  ImportVerb rows;
  BackupVerb backup;
  ExportVerb out;
  std::string name;
  std::string parent;
  std::string id;
  bool clocks = false;
  bool canonical = false;
};

// A verb below `parent` that runs `action`.
CLI::App* verb(CLI::App& parent, const char* name, const char* what, Typed& typed, Action action) {
  CLI::App* const app = parent.add_subcommand(name, what);
  app->fallthrough();
  app->callback([&typed, action = std::move(action)] { typed.action = action; });
  return app;
}

CLI::App* group(CLI::App& parent, const char* name, const char* what) {
  CLI::App* const app = parent.add_subcommand(name, what);
  app->require_subcommand(1);
  app->fallthrough();
  return app;
}

// Found below `user territory` and below `territory`.
void add_territory_set(CLI::App& parent, Typed& t) {
  CLI::App* const set = verb(parent, "set", "Give a user these territories", t,
                             [&t](CtlSession& s) { return territory_set(s, t.user); });
  set->add_option("USER", t.user.name)->required();
  set->add_option("TERRITORY", t.user.territories)->required();
}

void add_user_verbs(CLI::App& app, Typed& t) {
  CLI::App& users = *group(app, "user", "Users");
  CLI::App* const create = verb(users, "create", "Make a user", t,
                                [&t](CtlSession& s) { return user_create(s, t.user); });
  create->add_option("NAME", t.user.name)->required();
  create->add_option("--role", t.user.role, "rep, manager, dpo, auditor or admin")->required();
  create->add_option("--territory", t.user.territories, "May be given again")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb(users, "list", "All users", t, user_list);
  verb(users, "show", "One user", t, [&t](CtlSession& s) { return user_show(s, t.name); })
      ->add_option("NAME", t.name)
      ->required();
  verb(users, "disable", "End a user's access", t,
       [&t](CtlSession& s) { return user_disable(s, t.name); })
      ->add_option("NAME", t.name)
      ->required();
  CLI::App* const role =
      verb(users, "set-role", "Give a user another role", t,
           [&t](CtlSession& s) { return user_set_role(s, t.user.name, t.user.role); });
  role->add_option("NAME", t.user.name)->required();
  role->add_option("ROLE", t.user.role)->required();
  add_territory_set(*group(users, "territory", "A user's territories"), t);
}

void add_territory_verbs(CLI::App& app, Typed& t) {
  CLI::App& territories = *group(app, "territory", "Territories");
  CLI::App* const create = verb(territories, "create", "Make a territory", t, [&t](CtlSession& s) {
    return territory_create(s, t.name, t.parent);
  });
  create->add_option("NAME", t.name)->required();
  create->add_option("--parent", t.parent, "The territory it is part of");
  verb(territories, "list", "All territories", t, territory_list);
  add_territory_set(territories, t);
}

void add_device_verbs(CLI::App& app, Typed& t) {
  CLI::App& devices = *group(app, "device", "Devices");
  verb(devices, "enroll", "Make an enrolment code: single use, ten minutes", t,
       [&t](CtlSession& s) { return device_enroll(s, t.name); })
      ->add_option("--user", t.name, "Whose device it will be")
      ->required();
  verb(devices, "list", "All devices", t, device_list);
  verb(devices, "show", "One device", t, [&t](CtlSession& s) { return device_show(s, t.id); })
      ->add_option("ID", t.id)
      ->required();
  verb(devices, "wipe", "Revoke it, and destroy its data when it comes next", t,
       [&t](CtlSession& s) { return device_wipe(s, t.id); })
      ->add_option("ID", t.id)
      ->required();
  verb(devices, "revoke", "End a device's access", t,
       [&t](CtlSession& s) { return device_revoke(s, t.id); })
      ->add_option("ID", t.id)
      ->required();
}

void add_data_verbs(CLI::App& app, Typed& t) {
  CLI::App* const dump = verb(app, "dump", "Every record as canonical lines", t,
                              [&t](CtlSession& s) { return dump_canonical(s, t.name, t.clocks); });
  dump->add_flag("--canonical", t.canonical, "The form; the only one there is")->required();
  dump->add_option("--user", t.name, "What this user's devices should hold")
      ->check(
          [](const std::string& name) { return name.empty() ? "a user's name is needed" : ""; });
  dump->add_flag("--clocks", t.clocks, "With contexts, dots, stamps and siblings");
  CLI::App* const out = verb(app, "export", "One collection", t,
                             [&t](CtlSession& s) { return export_collection(s, t.out); });
  out->add_option("COLLECTION", t.out.collection)->required();
  out->add_option("--format", t.out.format)->check(CLI::IsMember({"ndjson", "csv"}));
  out->add_flag("!--no-formula-guard", t.out.formula_guard,
                "CSV cells as they are, though a spreadsheet may run them");
  verb(app, "status", "The server and its devices", t, show_status);
  verb(app, "fsck", "Read and authenticate the whole store", t, check_store);
}

void add_import_verb(CLI::App& app, Typed& t) {
  CLI::App* const in = verb(app, "import", "Rows of a file into a collection", t,
                            [&t](CtlSession& s) { return import_file(s, t.rows); });
  in->add_option("COLLECTION", t.rows.collection)->required();
  in->add_option("FILE", t.rows.file, "CSV or NDJSON; - is stdin")->required();
  in->add_option("--map", t.rows.map, "How columns become fields (TOML)");
  in->add_option("--key", t.rows.key, "What names a record: id, a field, or externalIds.NAME");
  in->add_option("--format", t.rows.format, "Of a file whose name does not say it")
      ->check(CLI::IsMember({"csv", "ndjson"}));
  in->add_option("--encoding", t.rows.encoding, "Else the byte order mark says it, else UTF-8")
      ->check(CLI::IsMember({"utf-8", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252"}));
  in->add_flag("--dry-run", t.rows.dry_run, "Write nothing");
  in->add_flag("!--no-formula-guard", t.rows.formula_guard,
               "Leave the apostrophe before =, +, - and @ where it is");
  in->add_flag("--progress", t.rows.progress, "Tell rows and rate on stderr, terminal or not");
}

void add_backup_verbs(CLI::App& app, Typed& t) {
  const auto keys = [&t](CLI::App* verb) {
    verb->add_option("--keys", t.backup.keys, "Where the keys are, if not in DIR/keys");
  };
  CLI::App& backups = *group(app, "backup", "Backups");
  verb(backups, "create", "Back the running server up into a folder of its machine", t,
       [&t](CtlSession& s) { return backup_create(s, t.backup); })
      ->add_option("DIR", t.backup.folder, "Missing, or empty")
      ->required();
  CLI::App* const check = verb(backups, "verify", "Read and authenticate all of a backup", t,
                               [&t](CtlSession& s) { return backup_verify(s, t.backup); });
  check->add_option("DIR", t.backup.folder)->required();
  keys(check);
  CLI::App* const back = verb(app, "restore", "Make a server's folder from a backup", t,
                              [&t](CtlSession& s) { return restore_backup(s, t.backup); });
  back->add_option("DIR", t.backup.folder, "The backup")->required();
  back->add_option("--into", t.backup.into, "The new folder: missing, or empty")->required();
  back->add_option("--ledger", t.backup.ledger, "The ledger, if not where it lay");
  keys(back);
}

void add_compact_verb(CLI::App& app, Typed& t) {
  verb(app, "compact", "Let go of what no device needs any more, now", t, [&t](CtlSession& s) {
    return compact_now(s, t.rows.dry_run);
  })->add_flag("--dry-run", t.rows.dry_run, "Only tell what would go");
}

void add_schema_verbs(CLI::App& app, Typed& t) {
  CLI::App& schemas = *group(app, "schema", "The schema");
  verb(schemas, "show", "Collections, fields, rules and classes", t, schema_show);
  verb(schemas, "check", "May this file follow the schema in force?", t,
       [&t](CtlSession& s) { return schema_check(s, t.name); })
      ->add_option("FILE", t.name)
      ->required();
  verb(schemas, "apply", "Put a schema in force", t,
       [&t](CtlSession& s) { return schema_apply(s, t.name); })
      ->add_option("FILE", t.name)
      ->required();
}

using RecordAction = Status (*)(CtlSession&, const RecordVerb&);

// A verb on one record.
CLI::App* record_verb(CLI::App& records, const char* name, const char* what, Typed& t,
                      RecordAction action) {
  CLI::App* const app =
      verb(records, name, what, t, [&t, action](CtlSession& s) { return action(s, t.record); });
  app->add_option("COLLECTION", t.record.collection)->required();
  app->add_option("ID", t.record.id)->required();
  return app;
}

void add_record_verbs(CLI::App& app, Typed& t) {
  CLI::App& records = *group(app, "record", "One record");
  record_verb(records, "get", "Its fields", t, record_get);
  record_verb(records, "history", "The writes it holds", t, record_history);
  record_verb(records, "delete", "Delete it", t, record_delete);
  record_verb(records, "explain", "Why a field shows what it shows", t, record_explain)
      ->add_option("FIELD", t.record.field);
  record_verb(records, "resolve", "Settle a conflict", t, record_resolve)
      ->add_option("ASSIGNMENT", t.record.words, "FIELD=VALUE or FIELD:=JSON")
      ->required();
  CLI::App* const restore =
      record_verb(records, "restore", "Bring it, or one of its values, back", t, record_restore);
  restore->add_option("FIELD", t.record.field);
  restore->add_option("--dot", t.record.dot, "Which value, as history and explain name it");
  CLI::App* const put = verb(records, "put", "Write fields; a new record without ID", t,
                             [&t](CtlSession& s) { return record_put(s, t.record); });
  put->add_option("COLLECTION", t.record.collection)->required();
  put->add_option("WORDS", t.record.words, "[ID] FIELD=VALUE...")->required();
  put->add_flag("--new", t.record.may_create, "Make a record of this ID where there is none");
  verb(records, "conflicts", "Fields that somebody should look at", t, [&t](CtlSession& s) {
    return record_conflicts(s, t.record);
  })->add_option("COLLECTION", t.record.collection);
}

void add_options(CLI::App& app, CtlOptions& options) {
  app.add_option("--data", options.data, "The server's folder");
  app.add_option("--server", options.server, "The admin listener's URL");
  app.add_option("--token-file", options.token_file);
  app.add_option("--ca", options.ca_file, "The authority's certificate");
  app.add_option("--workspace", options.workspace)->capture_default_str();
  app.add_option("--purpose", options.purpose)->capture_default_str();
  app.add_option("-o,--output", options.output, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
}

}  // namespace

int main(int argc, char** argv) {
  Typed typed;
  CLI::App app{"Satchel's admin"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  add_options(app, typed.options);
  add_user_verbs(app, typed);
  add_territory_verbs(app, typed);
  add_device_verbs(app, typed);
  add_data_verbs(app, typed);
  add_backup_verbs(app, typed);
  add_import_verb(app, typed);
  add_compact_verb(app, typed);
  add_schema_verbs(app, typed);
  add_record_verbs(app, typed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return end_with(app.exit(error), false);
    return report_error(Error{Errc::kUsage, error.what()}, typed.options.output == "json");
  }
  CtlSession session{typed.options};
  const bool known = sync::is_known_purpose(typed.options.purpose);
  const Status done =
      known ? typed.action(session) : Status{Error{Errc::kPolicyDenied, "unknown purpose"}};
  return done ? end_with(0, session.is_json()) : report_error(done.error(), session.is_json());
}
