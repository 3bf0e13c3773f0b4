#include "sdk/engine/verify.hpp"

#include <set>

#include "schema/model/varint.hpp"
#include "sdk/engine/render.hpp"

namespace satchel::sdk {
namespace {

std::string report_json(std::uint64_t values, const std::vector<std::string>& bad,
                        const std::set<std::uint64_t>& lost, std::string_view key) {
  std::string out = "{\"bad\":[";
  for (const std::string& each : bad) out += (out.back() == '[' ? "" : ",") + text_json(each);
  out += "],\"key\":" + text_json(key) + ",\"lost_outbox\":[";
  for (const std::uint64_t each : lost)
    out += (out.back() == '[' ? "" : ",") + std::to_string(each);
  return out + "],\"values\":" + std::to_string(values) + '}';
}

// What the server has not answered must lie in the outbox.
Status note_missing(sync::Edge& edge, std::set<std::uint64_t>& lost) {
  auto pending = edge.pending();
  if (!pending) return pending.error();
  std::set<std::uint64_t> there;
  for (const sync::PendingCommit& each : *pending) there.insert(each.place);
  for (const sync::Numbering& each : edge.numberings()) {
    for (std::uint64_t place = each.before + each.watermark + 1; place <= each.last_place();
         ++place) {
      if (!there.contains(place)) lost.insert(place);
    }
  }
  return {};
}

bool is_damage(Errc code) {
  return code == Errc::kStoreCorrupt || code == Errc::kSealBroken || code == Errc::kRecordMalformed;
}

}  // namespace

Result<VerifyReport> verify_store(sync::Store& store, sync::Edge* edge) {
  auto report = store.check();
  if (!report) return report.error();
  std::set<std::uint64_t> lost;
  for (const Bytes& key : report->bad_outbox) lost.insert(ByteReader{key}.u64_big());
  if (edge != nullptr) {
    if (Status found = note_missing(*edge, lost); !found) {
      report->bad.push_back("outbox: " + found.error().context);
    }
  }
  VerifyReport verified;
  verified.json = report_json(report->values, report->bad, lost, "ok");
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
    if (is_damage(why.code)) return VerifyReport{report_json(0, {why.context}, {}, "ok"), why};
    return why;
  }
  auto edge = sync::Edge::open((*core)->parts());
  return verify_store(*(*core)->store, edge ? edge->get() : nullptr);
}

}  // namespace satchel::sdk
