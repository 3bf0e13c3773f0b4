// What routes work on.
#pragma once

#include <atomic>
#include <string>

#include "server/admin/importer.hpp"
#include "server/app/notifier.hpp"
#include "server/app/workspace.hpp"
#include "server/app/writer.hpp"

namespace satchel::server {

class BackupJob;

// Shared by all routes; each part is thread-safe. Outlives every request.
struct RouteContext {
  Workspace& workspace;
  Writer& writer;
  Notifier& notifier;
  Importer& importer;
  BackupJob& backups;
  const Config& config;
  Bytes admin_token_hash;  // SHA-256: the token itself is compared by hash, in constant time.
  Bytes ca_pin;            // 32 bytes, for enrolment codes.
  std::atomic<bool> ready{false};  // False while starting and draining.
};

}  // namespace satchel::server
