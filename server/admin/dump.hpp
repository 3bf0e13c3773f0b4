// Whole-store reads: what dump, export, status and fsck answer, from a running server or from its
// folder.
#pragma once

#include <string>
#include <string_view>

#include "schema/model/result.hpp"
#include "server/app/workspace.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

struct DumpOptions {
  std::string user;  // What this user's devices should hold; empty: everything.
  bool clocks = false;
  std::string purpose{sync::kDefaultPurpose};
};
// Canonical lines (cli.md), sorted by collection and id; deleted records are not among them.
// kNotFound (no such user).
Result<Bytes> dump(sync::Hub& hub, const DumpOptions& options);

enum class ExportFormat { kNdjson, kCsv };
struct ExportOptions {
  ExportFormat format = ExportFormat::kNdjson;
  // Texts that a spreadsheet would run as a formula are led by an apostrophe (CSV alone).
  bool formula_guard = true;
};
// What a cell begins with that a spreadsheet runs.
inline constexpr std::string_view kFormulaStarts = "=+-@\t\r";
// One collection's records: canonical lines, or CSV with a header, struct members by dotted names,
// lists and maps as JSON. kCollectionUnknown.
Result<Bytes> export_records(sync::Hub& hub, const std::string& collection,
                             const ExportOptions& options);

// {"workspace","incarnation","replica","sequence","records","schema_hash","recovering",
//  "backed_up_through","devices":[{..,"watermark","cursor","lag"}],"oldest_reader","disk":{..},
//  "damaged":[{"collection","id"}]} as JSON text. `damaged`: records that cannot be read, and that
// devices do not get until they are repaired; null where the name cannot be read either. `ledger`:
// {"entries","damaged","lost"}. `recovering`: after a restore, while devices of `awaited` have not
// been here since. `known_missing`: what devices held and this store lost: [{"replica","device",
// "commits","registers","records":[{"collection","id","commit"}]}] by author, until he is back.
Result<Bytes> status_json(Workspace& workspace);

// {"values":N,"bad":[...]} as JSON text, and whether anything is bad.
struct FsckReport {
  Bytes json;
  bool whole = true;
};
Result<FsckReport> fsck(sync::Hub& hub);

}  // namespace satchel::server
