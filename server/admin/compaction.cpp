#include "server/admin/compaction.hpp"

#include <algorithm>
#include <span>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace satchel::server {
namespace {

using sync::Compaction;

// Gives `step` the parts of `all`, each in a transaction of its own.
template <class Item, class Step>
Status in_steps(const std::vector<Item>& all, const std::function<bool()>& stopped, Step step) {
  const std::span<const Item> items{all};
  for (std::size_t at = 0; at < items.size(); at += Compaction::kAtOnce) {
    if (stopped && stopped()) return {};
    SATCHEL_TRY(step(items.subspan(at, std::min(Compaction::kAtOnce, items.size() - at))));
  }
  return {};
}

}  // namespace

sync::CompactionRule compaction_rule(const Config& config) {
  const auto us = [](std::chrono::seconds age) { return std::chrono::microseconds{age}.count(); };
  return {us(config.replica_expiry), us(config.loser_retention)};
}

Result<CompactionReport> compact(sync::Hub& hub, Writer& writer, const sync::CompactionRule& rule,
                                 bool dry_run, const std::function<bool()>& stopped) {
  Compaction compaction{hub, rule};
  auto plan = compaction.plan();
  if (!plan) return plan.error();
  const CompactionReport report{plan->stable, plan->dead.size(), plan->losers, plan->expired.size(),
                                plan->unreadable};
  if (dry_run) return report;
  const auto expire = [&](std::span<const ReplicaId> part) -> Status {
    bool more = true;
    const auto step = [&](sync::HubTxn& txn) -> Status {
      auto left = compaction.expire(txn, part);
      if (!left) return left.error();
      more = *left;
      return {};
    };
    while (more) SATCHEL_TRY(writer.run(step));
    return {};
  };
  const auto drop = [&](std::span<const RecordNumber> part) {
    return writer.run(
        [&](sync::HubTxn& txn) { return compaction.drop_dead(txn, part, plan->stable); });
  };
  const auto settle = [&](std::span<const RecordNumber> part) {
    return writer.run(
        [&](sync::HubTxn& txn) { return compaction.settle(txn, part, plan->stable); });
  };
  SATCHEL_TRY(in_steps(plan->expired, stopped, expire));
  SATCHEL_TRY(in_steps(plan->dead, stopped, drop));
  SATCHEL_TRY(in_steps(plan->settled, stopped, settle));
  return report;
}

Bytes compaction_json(const CompactionReport& report, bool dry_run) {
  return boost::json::serialize(boost::json::object{{"dry_run", dry_run},
                                                    {"stable", report.stable},
                                                    {"tombstones", report.tombstones},
                                                    {"losers", report.losers},
                                                    {"replicas", report.replicas},
                                                    {"unreadable", report.unreadable}}) +
         "\n";
}

}  // namespace satchel::server
