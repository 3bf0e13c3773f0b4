// import: opens the file, asks the server what it knows, and lets the rows run.
#include <filesystem>
#include <fstream>
#include <iostream>

#include <unistd.h>

#include "crypto/entropy.hpp"
#include "server/ctl/row_collector.hpp"
#include "server/ctl/verbs.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

Result<bool> is_csv(const ImportVerb& verb) {
  if (!verb.format.empty()) return verb.format == "csv";
  if (verb.file.ends_with(".csv")) return true;
  if (verb.file.ends_with(".ndjson") || verb.file.ends_with(".jsonl")) return false;
  return Error{Errc::kUsage, "a file ends with .csv or .ndjson, or --format says what it is"};
}

Status check_file(const std::string& path) {
  std::error_code failed;
  if (fs::is_directory(path, failed)) return Error{Errc::kFileRead, path + ": is a folder"};
  if (!fs::exists(path, failed)) return Error{Errc::kFileRead, path};
  return {};
}

Result<std::string> path_of(const CtlSession& session, const ImportVerb& verb) {
  crypto::SystemEntropy entropy;
  auto run = crypto::random_id<ReplicaId>(entropy);
  if (!run) return run.error();
  return "/admin/v1/import/" + escape(verb.collection) + "?run=" + to_text(*run) +
         "&purpose=" + escape(session.options().purpose) + (verb.dry_run ? "&dry_run=true" : "");
}

ImportProgress::Options progress_options(const CtlSession& session, const ImportVerb& verb) {
  ImportProgress::Options options;
  options.shown = verb.progress || ::isatty(STDERR_FILENO) == 1;
  options.as_json = session.is_json();
  std::error_code failed;
  if (fs::is_regular_file(verb.file, failed)) options.file_bytes = fs::file_size(verb.file, failed);
  if (failed) options.file_bytes = 0;
  return options;
}

// Complaints about the file begin with its name.
Error named(const std::string& file, Error error) {
  const bool of_a_line = !error.context.empty() && error.context.front() >= '0' &&
                         error.context.front() <= '9' &&
                         error.context.find(": ") != std::string::npos;
  const bool of_the_file = error.code == Errc::kInvalidArgument ||
                           error.code == Errc::kLimitExceeded || error.code == Errc::kFieldUnknown;
  if (of_a_line && of_the_file) error.context = file + ":" + error.context;
  if (error.code == Errc::kFileRead) error.context = file + ": " + error.context;
  return error;
}

Status import_stream(CtlSession& session, AdminClient& client, const ImportVerb& verb,
                     std::istream& in) {
  const auto csv = is_csv(verb);
  if (!csv) return csv.error();
  std::optional<Mapping> mapping;
  if (!verb.map.empty()) {
    auto read = Mapping::read(verb.map);
    if (!read) return read.error();
    mapping = std::move(*read);
  }
  auto fields = CollectionFields::get(client, verb.collection);
  if (!fields) return fields.error();
  const std::string asked = !verb.key.empty() ? verb.key : mapping ? mapping->key() : "";
  if (mapping && !*csv) SATCHEL_TRY(mapping->check(*fields, nullptr));
  auto path = path_of(session, verb);
  if (!path) return path.error();
  const Encoding encoding = encoding_of(verb.encoding).value_or(Encoding::kByMark);
  TextSource source{in, encoding};
  const std::string name = verb.file == "-" ? "stdin" : verb.file;
  ImportLog log{session.is_json(), verb.dry_run, name};
  ImportProgress progress{progress_options(session, verb)};
  RowCollector rows{{client, log, progress, source, std::move(*path)}, key_of(asked, *fields)};
  Status read = *csv ? import_csv(source, rows, *fields, std::move(mapping), verb.formula_guard)
                     : import_ndjson(source, rows, mapping);
  // What was read is sent even if reading ended early: its rows stand before the trouble.
  const Status sent = rows.finish();
  if (read && !sent) read = sent;
  if (read || log.is_open()) log.close();
  if (!read) return named(name, read.error());
  progress.finish(rows.rows_read(), source.read_bytes());
  if (log.complaints() == 0) return {};
  return Error{Errc::kInvalidArgument, std::to_string(log.complaints()) + " complaints about rows"};
}

}  // namespace

Status import_file(CtlSession& session, const ImportVerb& verb) {
  if (const auto known = is_csv(verb); !known) return known.error();
  if (!verb.map.empty()) SATCHEL_TRY(check_file(verb.map));
  std::ifstream file;
  if (verb.file != "-") {
    SATCHEL_TRY(check_file(verb.file));
    file.open(verb.file, std::ios::binary);
    if (!file) return Error{Errc::kFileRead, verb.file};
  } else {
    std::ios::sync_with_stdio(false);
  }
  auto client = session.client();
  if (!client) return client.error();
  return import_stream(session, **client, verb, verb.file == "-" ? std::cin : file);
}

}  // namespace satchel::server
