// Reading one record: get, history, explain, conflicts.
#include <algorithm>
#include <map>

#include "schema/catalog/json.hpp"
#include "server/admin/records.hpp"
#include "sync/commit/gate.hpp"
#include "sync/merge/dot_text.hpp"
#include "sync/merge/explain.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/shown_json.hpp"
#include "sync/record/canonical.hpp"

namespace satchel::server {
namespace {

using schema::CollectionDef;
using schema::FieldDef;

struct Found {
  std::shared_ptr<const schema::Catalog> catalog;
  const CollectionDef* collection = nullptr;
  sync::Record record;
};

Result<Found> find(sync::Hub& hub, const RecordName& name, bool dead_too) {
  Found found{hub.catalog(), nullptr, {}};
  found.collection = found.catalog->find(name.collection);
  if (found.collection == nullptr) return Error{Errc::kCollectionUnknown, name.collection};
  auto record = hub.find_record(name.id);
  if (!record) return record.error();
  if (!*record || (*record)->collection != found.collection->id) {
    return Error{Errc::kRecordUnknown, name.collection + "/" + to_text(name.id)};
  }
  found.record = std::move(**record);
  if (!dead_too && !sync::is_alive(found.record, found.collection->life)) {
    return Error{Errc::kRecordDeleted, name.collection + "/" + to_text(name.id)};
  }
  return found;
}

// "ann's Tablet" where the replica is an enrolled device; "the server" for a hub's own.
sync::NameOfReplica replica_names(sync::Hub& hub) {
  auto names = std::make_shared<std::map<ReplicaId, std::string>>();
  // By every id that a device has ever written under: one that was copied takes another.
  std::map<sync::DeviceId, std::string> devices;
  if (auto found = hub.devices()) {
    for (const sync::Device& device : *found) {
      devices[device.id] = device.user + "'s " + (device.name.empty() ? "device" : device.name);
    }
  }
  if (auto replicas = hub.replicas()) {
    for (const auto& [id, state] : *replicas) {
      if (const auto device = devices.find(state.device); device != devices.end())
        (*names)[id] = device->second;
    }
  }
  (*names)[hub.state().self] = "the server";
  return [names](const ReplicaId& id) {
    const auto found = names->find(id);
    return found == names->end() ? std::string{} : found->second;
  };
}

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (const std::string& text : texts) {
    if (out.back() != '[') out += ',';
    schema::append_json_string(out, text);
  }
  out += ']';
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"" + std::string(name) + "\":";
  schema::append_json_string(out, text);
}

// Whether the sibling is one of those that make what is shown.
bool is_shown(const sync::FieldReading& reading, const Bytes& key, const sync::Dot& dot) {
  return std::any_of(
      reading.winners.begin(), reading.winners.end(),
      [&](const sync::SiblingName& name) { return name.key == key && name.dot == dot; });
}

struct HistoryLine {
  Sequence seq = 0;
  std::uint64_t stamp = 0;
  std::string text;
};

HistoryLine history_line(const FieldDef& field, const sync::FieldReading& reading,
                         const sync::Entry& entry, const sync::Sibling& sibling,
                         const sync::NameOfReplica& name) {
  std::string line = "{\"at\":";
  schema::append_json_string(line, sync::utc_text(sibling.stamp));
  append_member(line, "dot", sync::to_text(sibling.dot));
  append_member(line, "field", field.name);
  append_member(line, "key", sync::key_text(field, entry.key));
  append_member(line, "replica", name(sibling.dot.replica));
  line += ",\"seq\":" + std::to_string(entry.seq);
  line += is_shown(reading, entry.key, sibling.dot) ? ",\"shown\":true" : ",\"shown\":false";
  line += ",\"value\":";
  sync::append_encoded_json(line, field.value_type(), sibling.value);
  return {entry.seq, sibling.stamp.bits, line + "}\n"};
}

void append_conflict(std::string& out, const CollectionDef& collection, const sync::Record& record,
                     const FieldDef& field, const sync::NameOfReplica& name) {
  const sync::Explanation why =
      sync::explain_field(collection, record.id, field, record.of_field(field.id), name);
  out += "{\"collection\":";
  schema::append_json_string(out, collection.name);
  append_member(out, "field", field.name);
  append_member(out, "id", to_text(record.id));
  append_member(out, "rule", why.rule);
  out += ",\"shown\":" + why.shown + ",\"siblings\":[";
  for (const sync::ConcurrentValue& each : why.concurrent) {
    if (out.back() != '[') out += ',';
    out += "{\"dot\":";
    schema::append_json_string(out, sync::to_text(each.dot));
    append_member(out, "replica", each.replica);
    append_member(out, "stamp", sync::to_text(each.stamp));
    out += ",\"value\":" + each.value + "}";
  }
  out += "]}\n";
}

}  // namespace

Result<Bytes> record_json(sync::Hub& hub, const RecordName& name) {
  auto found = find(hub, name, false);
  if (!found) return found.error();
  std::string out = "{\"collection\":";
  schema::append_json_string(out, name.collection);
  out += ",\"conflicts\":";
  append_texts(out, sync::conflicting_fields(*found->collection, found->record));
  out += ",\"fields\":" + sync::canonical_fields(*found->collection, found->record);
  append_member(out, "id", to_text(name.id));
  out += ",\"withheld\":";
  append_texts(out, sync::withheld_fields(*found->collection, found->record));
  return out + "}\n";
}

Result<Bytes> history_lines(sync::Hub& hub, const RecordName& name) {
  auto found = find(hub, name, true);
  if (!found) return found.error();
  const auto names = replica_names(hub);
  std::vector<HistoryLine> lines;
  for (const FieldDef& field : found->collection->fields) {
    const auto entries = found->record.of_field(field.id);
    const auto reading = sync::read_field(field, entries);
    for (const sync::Entry& entry : entries) {
      for (const sync::Sibling& sibling : entry.state.siblings) {
        lines.push_back(history_line(field, reading, entry, sibling, names));
      }
    }
  }
  std::stable_sort(lines.begin(), lines.end(), [](const HistoryLine& a, const HistoryLine& b) {
    return std::tie(a.seq, a.stamp) < std::tie(b.seq, b.stamp);
  });
  Bytes out;
  for (const HistoryLine& line : lines) out += line.text;
  return out;
}

Result<Bytes> explain_lines(sync::Hub& hub, const RecordName& name, const std::string& field_name) {
  auto found = find(hub, name, false);
  if (!found) return found.error();
  const auto names = replica_names(hub);
  if (!field_name.empty() && found->collection->find(field_name) == nullptr) {
    return Error{Errc::kFieldUnknown, name.collection + "." + field_name};
  }
  const auto catalog = hub.catalog();
  const sync::Gates gates{*catalog, [&](const CollectionDef&, const RecordId& other) {
                            return hub.find_record(other);
                          }};
  Bytes out;
  for (const FieldDef& field : found->collection->fields) {
    const auto entries = found->record.of_field(field.id);
    const bool asked = field_name.empty() ? !entries.empty() : field.name == field_name;
    if (!asked) continue;
    auto why = sync::explain_field(*found->collection, name.id, field, entries, names);
    SATCHEL_TRY(gates.tell(*found->collection, field, found->record, why));
    out += sync::to_json(why) + "\n";
  }
  return out;
}

Result<Bytes> conflict_lines(sync::Hub& hub, const std::string& collection_name) {
  const auto catalog = hub.catalog();
  if (!collection_name.empty() && catalog->find(collection_name) == nullptr) {
    return Error{Errc::kCollectionUnknown, collection_name};
  }
  const auto names = replica_names(hub);
  Bytes out;
  SATCHEL_TRY(hub.visit_records(nullptr, [&](const sync::Record& record) {
    const CollectionDef* const collection = catalog->find(record.collection);
    const bool asked = collection_name.empty() || collection->name == collection_name;
    if (!asked || !sync::is_alive(record, collection->life)) return true;
    for (const std::string& field : sync::conflicting_fields(*collection, record)) {
      append_conflict(out, *collection, record, *collection->find(field), names);
    }
    return true;
  }));
  return out;
}

}  // namespace satchel::server
