// A new server's folder from a backup: another life of the same store.
#pragma once

#include <string>

#include "server/app/backup.hpp"

namespace satchel::server {

struct RestoreRequest {
  BackupPlaces from;
  std::string into;      // Missing, or an empty folder.
  std::string ledger;    // The ledger's file; empty: where `old_data` or the manifest say it lay.
  std::string old_data;  // The folder of the server that was; may be empty.
};
struct RestoreReport {
  Manifest manifest;
  IncarnationId incarnation;
  // Where it was found; empty: it was not, and what was revoked since the backup is not any more.
  std::string ledger_from;
  std::uint64_t ledger_entries = 0;
  std::size_t ledger_damaged = 0;
  bool ledger_lost = false;  // Now, or at some time before.
};
// Looks over the backup first, and leaves nothing half made: the folder appears as a whole.
// kAlreadyExists: `into` is not empty; kStoreCorrupt: the backup is not sound; kNotFound: the
// backup, or a ledger that was named; kKeyWrong: that ledger is another server's.
Result<RestoreReport> restore(const RestoreRequest& request);

}  // namespace satchel::server
