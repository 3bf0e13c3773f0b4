// status and fsck.
#include <sys/statvfs.h>

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "server/admin/dump.hpp"
#include "sync/hub/missing.hpp"
#include "sync/hub/scope_check.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

Result<json::object> device_status(sync::Hub& hub, const sync::Device& device, Sequence seq) {
  json::object object{{"id", to_text(device.id)},
                      {"user", device.user},
                      {"name", device.name},
                      {"revoked", device.revoked},
                      {"last_seen_us", device.last_seen_us},
                      {"watermark", 0},
                      {"cursor", 0},
                      {"lag", seq}};
  auto replica = hub.find_replica(device.replica);
  if (!replica) return replica.error();
  if (!*replica) return object;
  const sync::ReplicaState& state = **replica;
  object["watermark"] = state.watermark;
  const bool current = state.progress.incarnation == hub.state().incarnation;
  object["cursor"] = current ? state.progress.seq : 0;
  object["lag"] = seq - (current ? std::min(state.progress.seq, seq) : 0);
  return object;
}

json::object disk_status(const sync::LmdbStore& store, const std::string& folder) {
  const auto usage = store.usage();
  json::object disk{{"bytes", usage.bytes}, {"bytes_max", usage.bytes_max}};
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) == 0) disk["free_bytes"] = info.f_bavail * info.f_frsize;
  return disk;
}

json::array device_ids(const std::vector<sync::DeviceId>& ids) {
  json::array list;
  for (const sync::DeviceId& id : ids) list.emplace_back(to_text(id));
  return list;
}

// By author, with the first records that he wrote; the author's replica is null for the server's
// own commits, which nobody can bring back.
json::array missing_status(sync::Hub& hub, const std::vector<sync::MissingState>& all) {
  constexpr std::size_t kRecordsShown = 100;
  json::array list;
  const auto catalog = hub.catalog();
  const sync::MissingState* last = nullptr;
  for (const sync::MissingState& each : all) {
    if (last == nullptr || last->state.dot.replica != each.state.dot.replica) {
      const auto replica = hub.find_replica(each.state.dot.replica);
      const bool known = replica && *replica;
      json::object author{{"replica", to_text(each.state.dot.replica)},
                          {"device", nullptr},
                          {"commits", 0},
                          {"registers", 0},
                          {"records", json::array{}}};
      if (known) author["device"] = to_text((*replica)->device);
      list.push_back(std::move(author));
      last = nullptr;
    }
    json::object& author = list.back().get_object();
    const bool same_commit = last != nullptr && last->state.dot == each.state.dot;
    author["commits"] = author["commits"].to_number<std::uint64_t>() + (same_commit ? 0 : 1);
    author["registers"] = author["registers"].to_number<std::uint64_t>() + each.state.registers;
    const schema::CollectionDef* const collection = catalog->find(each.state.collection);
    json::array& records = author["records"].get_array();
    if (records.size() < kRecordsShown) {
      json::object record{{"collection", nullptr}, {"id", to_text(each.state.record)}};
      if (collection != nullptr) record["collection"] = collection->name;
      record["commit"] = each.state.dot.commit;
      records.push_back(std::move(record));
    }
    last = &each;
  }
  return list;
}

json::object ledger_status(const LedgerFile& ledger) {
  return {
      {"entries", ledger.count()}, {"damaged", ledger.damaged()}, {"lost", ledger.after_loss()}};
}

json::array damaged_status(const sync::Hub& hub) {
  json::array list;
  const auto catalog = hub.catalog();
  for (const sync::DamagedRecord& each : hub.damaged()) {
    json::object object{{"collection", nullptr}, {"id", nullptr}};
    const schema::CollectionDef* collection = catalog->find(each.collection);
    if (collection != nullptr) object["collection"] = collection->name;
    if (each.collection != 0) object["id"] = to_text(each.id);
    list.push_back(std::move(object));
  }
  return list;
}

Status check_scopes_into(sync::Hub& hub, json::array& bad) {
  const auto scopes = sync::check_scopes(hub);
  if (!scopes && !sync::is_damage(scopes.error().code)) return scopes.error();
  if (!scopes) {
    bad.emplace_back("scopes cannot be looked over: " + scopes.error().context);
    return {};
  }
  for (const std::string& each : *scopes) bad.emplace_back(each);
  if (scopes->empty()) return {};
  if (const Status noted = sync::mend_scopes_at_next_open(hub); !noted)
    bad.emplace_back("scopes are not put right at the next start: " + noted.error().context);
  return {};
}

}  // namespace

Result<Bytes> status_json(Workspace& workspace) {
  sync::Hub& hub = workspace.hub();
  const sync::HubState state = hub.state();
  auto devices = hub.devices();
  if (!devices) return devices.error();
  json::array list;
  json::value oldest = nullptr;  // Of the devices still served, the one that is farthest behind.
  std::uint64_t lag_max = 0;
  for (const sync::Device& device : *devices) {
    auto each = device_status(hub, device, state.seq);
    if (!each) return each.error();
    const std::uint64_t lag = (*each)["lag"].to_number<std::uint64_t>();
    if (!device.revoked && (oldest.is_null() || lag > lag_max)) {
      lag_max = lag;
      oldest = json::object{{"device", to_text(device.id)}, {"lag", lag}};
    }
    list.push_back(std::move(*each));
  }
  sync::MissingStates missing_states{hub};
  std::vector<sync::DeviceId> nobody;
  auto awaited = state.recovering ? missing_states.awaited(workspace.replica_expiry_us()) : nobody;
  if (!awaited) return awaited.error();
  auto missing = missing_states.list();
  if (!missing) return missing.error();
  auto txn = hub.store().begin_read();
  if (!txn) return txn.error();
  auto records = (*txn)->count_records();
  if (!records) return records.error();
  const json::object status{{"workspace", to_text(state.workspace)},
                            {"incarnation", to_text(state.incarnation)},
                            {"replica", to_text(state.self)},
                            {"sequence", state.seq},
                            {"records", *records},
                            {"schema_hash", to_hex(hub.catalog()->hash())},
                            {"recovering", !awaited->empty()},
                            {"awaited", device_ids(*awaited)},
                            {"known_missing", missing_status(hub, *missing)},
                            {"backed_up_through", state.backed_up_through},
                            {"log_from", state.log_floor + 1},
                            {"devices", std::move(list)},
                            {"oldest_reader", std::move(oldest)},
                            {"disk", disk_status(workspace.store(), workspace.layout().data())},
                            {"ledger", ledger_status(workspace.ledger())},
                            {"damaged", damaged_status(hub)}};
  return json::serialize(status) + "\n";
}

Result<FsckReport> fsck(sync::Hub& hub) {
  auto report = hub.store().check();
  if (!report) return report.error();
  json::array bad;
  // By their own names: a record's number is of this store alone.
  for (const RecordNumber number : report->bad_records) {
    auto damaged = hub.look_at(number);
    if (!damaged) return damaged.error();
    if (*damaged) bad.emplace_back(hub.name_of(**damaged) + " cannot be read");
  }
  for (const std::string& each : report->bad) bad.emplace_back(each);
  SATCHEL_TRY(check_scopes_into(hub, bad));
  const bool whole = bad.empty();
  const json::object object{{"values", report->values}, {"bad", std::move(bad)}};
  return FsckReport{json::serialize(object) + "\n", whole};
}

}  // namespace satchel::server
