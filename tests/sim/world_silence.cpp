// Months pass: a device is silent for longer than it is waited for, and the server lets go of what
// nobody needs any more.
#include <algorithm>

#include "sync/hub/compaction.hpp"
#include "tests/sim/world.hpp"

namespace satchel::sim {
namespace {

constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000;
constexpr std::int64_t kAlmostSilent = 45 * kDay;
constexpr std::int64_t kSilence = 91 * kDay;
constexpr std::int64_t kReplicaExpiry = 90 * kDay;
constexpr std::int64_t kLoserRetention = 90 * kDay;

}  // namespace

// One device writes on and is not heard of, others may be away for a while of it.
void World::long_silence(SimDevice& device) {
  if (disaster_ != Disaster::kSilence || was_silence_ || device.gave_up) return;
  was_silence_ = true;
  log(device.name() + " falls silent");
  device_writes(device);
  device.drop();
  device.silent_until = queue_.now() + kSilence;
  for (const std::int64_t part : {kAlmostSilent, kSilence - kAlmostSilent}) {
    queue_.run_until(queue_.now() + part - 20'000'000);
    server().start();
    for (const auto& other : devices_) {
      other->drop();  // No line holds for months.
      if (gen_.chance(80)) other->connect(true);
    }
    queue_.run_until(queue_.now() + 20'000'000);
    if (failed()) return;
    if (gen_.chance(60)) compact();
  }
  log("months have passed");
}

bool World::is_waited_for(const SimDevice& device) const {
  return !device.gave_up && queue_.now() - device.greeted_us < kReplicaExpiry;
}

// What one who is still waited for has not sent is not there to be met by nothing.
void World::check_may_go(const RecordId& id) {
  if (model_.alive(id)) return fail("the server let go of a living record: " + place(id, 0));
  const RecordView now = model_.view(id, kNow);
  const auto life = now.find({kLifeField, Bytes{}});
  for (const auto& device : devices_) {
    const auto pending = device->edge().pending();
    // Of a copy from before nobody knows.
    if (!is_waited_for(*device) || device->was_restored || !pending) continue;
    for (const sync::PendingCommit& each : *pending) {
      const Variant* variant = find_variant(each);
      if (variant == nullptr || model_.is_judged(variant->commit.name)) continue;
      for (const ModelRecord& record : variant->commit.records) {
        if (record.id != id || record.creates || life == now.end()) continue;
        const Names known = model_.known(variant->commit.name, record, life->first);
        const bool knew = std::ranges::all_of(
            life->second, [&](const LiveValue& value) { return known.contains(value.name); });
        if (!knew)
          return fail("the server let go of " + place(id, 0) + " before it heard what " +
                      device->name() + " wrote to it in commit " +
                      std::to_string(variant->commit.name.number) + history(id, life->first));
      }
    }
  }
}

void World::compact() {
  if (!server().running() || disaster_ == Disaster::kServer) return;
  sync::Hub& hub = server().hub();
  sync::Compaction compaction{hub, {}};
  auto plan = compaction.plan();
  if (!plan || plan->empty()) return;
  const std::int64_t now_us = queue_.now();
  const Status done = server().in_transaction([&](sync::HubTxn& txn) -> Status {
    auto more = compaction.expire(txn, plan->expired);
    if (!more) return more.error();
    SATCHEL_TRY(compaction.drop_dead(txn, plan->dead, plan->stable));
    return compaction.settle(txn, plan->settled, plan->stable);
  });
  if (!done) {
    log("compaction: " + done.error().message());
    if (done.error().code == Errc::kStoreLatched) server().crash();
    return;
  }
  log("compacted through " + std::to_string(plan->stable) + ": " +
      std::to_string(plan->dead.size()) + " dead, " + std::to_string(plan->losers) + " losers, " +
      std::to_string(plan->expired.size()) + " expired");
  if (!plan->expired.empty()) REACHED("replica expired");
  std::size_t gone = 0;
  for (const RecordId& id : model_.records()) {
    auto held = hub.find_record(id);
    if (!held) return fail("the server cannot read a record: " + held.error().message());
    if (*held) continue;
    check_may_go(id);
    model_.dropped(id);
    REACHED("deleted record compacted");
    ++gone;
  }
  if (gone != plan->dead.size()) return fail("another number of records went than was planned");
  const auto before_ms = static_cast<std::uint64_t>((now_us - kLoserRetention) / 1000);
  const auto settled = model_.settled(plan->stable, before_ms, hub.state().seq);
  if (!settled.empty()) REACHED("losers settled");
  if (settled.size() != plan->settled.size())
    return fail("the server settled the losers of other records than those that are due");
  for (const RecordId& id : settled) {
    if (!failed()) check_hub_record(id);
  }
  if (!failed()) server().poke_all();
}

}  // namespace satchel::sim
