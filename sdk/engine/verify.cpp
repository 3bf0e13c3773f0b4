#include "sdk/engine/verify.hpp"

#include <set>

#include "schema/model/varint.hpp"
#include "sdk/engine/render.hpp"

namespace satchel::sdk {
namespace {

std::string report_json(std::uint64_t values, const std::vector<std::string>& bad,
                        const std::set<std::uint64_t>& lost, std::string_view key,
                        std::string_view damaged = "[]") {
  std::string out = "{\"bad\":[";
  for (const std::string& each : bad) out += (out.back() == '[' ? "" : ",") + text_json(each);
  out += "],\"damaged_outbox\":" + std::string{damaged} + ",\"key\":" + text_json(key);
  out += ",\"lost_outbox\":[";
  for (const std::uint64_t each : lost)
    out += (out.back() == '[' ? "" : ",") + std::to_string(each);
  return out + "],\"values\":" + std::to_string(values) + '}';
}

// What the edge knows of, and what the look at every row has found besides.
Result<std::vector<sync::DamagedCommit>> find_damaged(sync::Edge& edge,
                                                      const std::vector<Bytes>& bad_rows) {
  std::vector<sync::DamagedCommit> damaged = edge.damaged();
  std::set<std::uint64_t> seen;
  for (const sync::DamagedCommit& each : damaged) seen.insert(each.place);
  for (const Bytes& key : bad_rows) {
    const std::uint64_t place = ByteReader{key}.u64_big();
    if (!seen.insert(place).second) continue;
    auto more = edge.damage_at(place);
    if (!more) return more.error();
    if (*more) damaged.push_back(std::move(**more));
  }
  return damaged;
}

// Unanswered commits of which nothing can be sent, and those that were lost before.
Status note_lost(sync::Edge& edge, std::set<std::uint64_t>& lost) {
  std::set<std::uint64_t> there;
  for (const sync::DamagedCommit& each : edge.damaged()) {
    const bool goes = each.state == sync::DamagedCommit::State::kSealedCopy;
    if (!goes) lost.insert(each.place);
    if (goes) there.insert(each.place);
  }
  auto pending = edge.pending();
  if (!pending) return pending.error();
  for (const sync::PendingCommit& each : *pending) there.insert(each.place);
  for (const sync::Numbering& each : edge.numberings()) {
    for (std::uint64_t place = each.before + each.watermark + 1; place <= each.last_place();
         ++place) {
      if (!there.contains(place)) lost.insert(place);
    }
  }
  return {};
}

}  // namespace

Result<VerifyReport> verify_store(sync::Store& store, sync::Edge* edge) {
  auto report = store.check();
  if (!report) return report.error();
  std::set<std::uint64_t> lost;
  std::string damaged = "[]";
  if (edge == nullptr) {
    for (const Bytes& key : report->bad_outbox) lost.insert(ByteReader{key}.u64_big());
  } else {
    auto commits = find_damaged(*edge, report->bad_outbox);
    if (!commits) return commits.error();
    damaged = damaged_json(edge->catalog(), *commits);
    if (Status found = note_lost(*edge, lost); !found) {
      report->bad.push_back("outbox: " + found.error().context);
    }
  }
  VerifyReport verified;
  verified.json = report_json(report->values, report->bad, lost, "ok", damaged);
  if (!report->bad.empty() || !lost.empty()) {
    verified.sound = Error{Errc::kStoreCorrupt, "see the report"};
  }
  return verified;
}

Result<VerifyReport> verify_home(const Config& config) {
  auto core = Core::open_store_alone(config);
  if (!core) {
    const Error& why = core.error();
    const bool wrong = why.code == Errc::kKeyWrong;
    if (wrong || why.code == Errc::kKeyLost) {
      return VerifyReport{report_json(0, {}, {}, wrong ? "wrong" : "lost"), why};
    }
    if (sync::is_damage(why.code))
      return VerifyReport{report_json(0, {why.context}, {}, "ok"), why};
    return why;
  }
  auto edge = sync::Edge::open((*core)->parts());
  auto verified = verify_store(*(*core)->store, edge ? edge->get() : nullptr);
  if (!verified || !verified->sound) return verified;
  // The store being whole: the rest of what every other verb needs.
  verified->sound = (*core)->find_signer();
  if (verified->sound) verified->sound = (*core)->check_signer();
  if (verified->sound) verified->sound = (*core)->find_lost_schema();
  if (verified->sound) verified->sound = (*core)->readable();
  return verified;
}

}  // namespace satchel::sdk
