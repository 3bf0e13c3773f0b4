// Compaction as an admin asks for it, and as the server does it by itself.
#pragma once

#include "server/app/config.hpp"
#include "server/app/writer.hpp"
#include "sync/hub/compaction.hpp"

namespace satchel::server {

sync::CompactionRule compaction_rule(const Config& config);

struct CompactionReport {
  Sequence stable = 0;           // Everybody who is expected back has seen it up to here.
  std::uint64_t tombstones = 0;  // Deleted records that are gone for good now.
  std::uint64_t losers = 0;      // Values that had lost to a concurrent write long ago.
  std::uint64_t replicas = 0;    // That were silent for too long.
  std::uint64_t unreadable = 0;  // Records that were passed over.
};
// With `dry_run` what it would let go of. In small steps, so that nobody waits long behind one;
// `stopped`, where given, is asked between them.
Result<CompactionReport> compact(sync::Hub& hub, Writer& writer, const sync::CompactionRule& rule,
                                 bool dry_run, const std::function<bool()>& stopped = {});
Bytes compaction_json(const CompactionReport& report, bool dry_run);

}  // namespace satchel::server
