#include "sync/commit/gate.hpp"

#include <algorithm>
#include <set>

#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using schema::StageGate;

// The stage of `field` by which the gate has been passed.
std::optional<std::string> passed_stage(const StageGate& gate, const FieldDef& field,
                                        const Record& record) {
  const auto entries = record.of_field(field.id);
  const FieldReading reading = read_field(field, entries);
  const auto reached = [&](ByteView value) -> std::optional<std::string> {
    auto stage = stage_of(field, value);
    if (!stage || !gate.is_reached_by(*stage, *field.stages)) return std::nullopt;
    return stage;
  };
  if (!reading.present) return std::nullopt;
  if (!reading.contested) return reached(reading.value);
  for (const Entry& entry : entries) {
    if (!entry.key.empty()) continue;
    for (const Sibling& sibling : entry.state.siblings) {
      if (auto stage = reached(sibling.value)) return stage;
    }
  }
  return std::nullopt;
}

std::optional<RecordId> id_in(ByteView encoded) {
  const auto value = decode_value(encoded);
  const auto* text = value ? value->as<std::string>() : nullptr;
  if (text == nullptr) return std::nullopt;
  const auto id = parse_record_id(*text);
  return id ? std::optional{*id} : std::nullopt;
}

// Which record the reference names: what was there first stands, as its rule says.
std::optional<RecordId> named_by(const FieldDef& reference, const Record* held,
                                 const RecordWrite& record) {
  if (held != nullptr) {
    const FieldReading reading = read_field(reference, held->of_field(reference.id));
    if (reading.present) return id_in(reading.value);
  }
  for (const RegisterWrite& write : record.writes) {
    if (write.field == reference.id) return id_in(write.value);
  }
  return std::nullopt;
}

bool has_value(const FieldDef& field, const Record& record) {
  const auto entries = record.of_field(field.id);
  return std::any_of(entries.begin(), entries.end(),
                     [](const Entry& entry) { return !entry.state.siblings.empty(); });
}

bool is_over(const CollectionDef& collection, const Record& record, std::int64_t now_us) {
  const FieldDef* until = collection.find("retainUntil");
  if (until == nullptr) return false;
  const FieldReading reading = read_field(*until, record.of_field(until->id));
  const auto value = reading.present ? decode_value(reading.value) : Result<Value>{Value{}};
  const auto* time_us = value ? value->as<std::int64_t>() : nullptr;
  return time_us != nullptr && *time_us <= now_us;
}

}  // namespace

Result<std::optional<PassedGate>> Gates::passed(const StageGate& gate,
                                                const CollectionDef& collection, const Record* held,
                                                const RecordWrite& record) const {
  std::optional<Record> other;
  const CollectionDef* staged = catalog_.find(gate.collection);
  if (gate.through) {
    const auto id = named_by(*collection.find(*gate.through), held, record);
    if (!id) return std::optional<PassedGate>{};
    auto found = before_(*staged, *id);
    if (!found) return found.error();
    if (!*found || (*found)->collection != gate.collection) return std::optional<PassedGate>{};
    other = std::move(**found);
    held = &*other;
  }
  if (held == nullptr) return std::optional<PassedGate>{};
  const auto stage = passed_stage(gate, *staged->find(gate.field), *held);
  if (!stage) return std::optional<PassedGate>{};
  return std::optional{PassedGate{gate.path, *stage, schema::Retention::kCrm}};
}

Result<std::optional<PassedGate>> Gates::frozen(const CollectionDef& collection,
                                                const FieldDef& field,
                                                const RecordWrite& record) const {
  if (!field.frozen_from) return std::optional<PassedGate>{};
  auto held = before_(collection, record.id);
  if (!held) return held.error();
  return passed(*field.frozen_from, collection, *held ? &**held : nullptr, record);
}

Result<std::optional<PassedGate>> Gates::left_out(const CollectionDef& collection,
                                                  const RecordWrite& record) const {
  const bool any = std::any_of(collection.fields.begin(), collection.fields.end(),
                               [](const FieldDef& field) { return field.frozen_from != nullptr; });
  if (!any) return std::optional<PassedGate>{};
  auto held = before_(collection, record.id);
  if (!held) return held.error();
  if (!*held || is_alive(**held, collection.life)) return std::optional<PassedGate>{};
  std::set<std::pair<std::string, std::string>> known;
  for (const FieldDef& field : collection.fields) {
    if (!field.frozen_from || !has_value(field, **held)) continue;
    if (!known.emplace(field.frozen_from->path, field.frozen_from->stage).second) continue;
    auto gate = passed(*field.frozen_from, collection, &**held, record);
    if (!gate || *gate) return gate;
  }
  return std::optional<PassedGate>{};
}

Result<std::optional<PassedGate>> Gates::retained(const CollectionDef& collection,
                                                  const RecordWrite& record, bool office,
                                                  std::int64_t now_us) const {
  const bool any =
      std::any_of(collection.fields.begin(), collection.fields.end(),
                  [](const FieldDef& field) { return field.retention != schema::Retention::kCrm; });
  if (!any) return std::optional<PassedGate>{};
  auto held = before_(collection, record.id);
  if (!held) return held.error();
  if (!*held || (office && is_over(collection, **held, now_us))) return std::optional<PassedGate>{};
  // Most fields of a collection share one gate.
  std::set<std::pair<std::string, std::string>> known;
  for (const FieldDef& field : collection.fields) {
    if (field.retention == schema::Retention::kCrm || !has_value(field, **held)) continue;
    if (!field.retained_from) return std::optional{PassedGate{{}, {}, field.retention}};
    if (!known.emplace(field.retained_from->path, field.retained_from->stage).second) continue;
    auto gate = passed(*field.retained_from, collection, &**held, record);
    if (!gate) return gate.error();
    if (!*gate) continue;
    (*gate)->basis = field.retention;
    return gate;
  }
  return std::optional<PassedGate>{};
}

Status Gates::tell(const CollectionDef& collection, const FieldDef& field, const Record& record,
                   Explanation& into) const {
  const RecordWrite nothing{collection.id, record.id, false, {}};
  auto retention = field.retention;
  if (field.retained_from) {
    auto gate = passed(*field.retained_from, collection, &record, nothing);
    if (!gate) return gate.error();
    if (!*gate) retention = schema::Retention::kCrm;
  }
  into.retention = name_of(retention);
  if (!field.frozen_from) return {};
  auto gate = passed(*field.frozen_from, collection, &record, nothing);
  if (!gate) return gate.error();
  if (*gate) into.frozen = (*gate)->path + " is \"" + (*gate)->stage + '"';
  return {};
}

Error frozen_error(const CollectionDef& collection, const FieldDef& field, const PassedGate& gate) {
  return Error{Errc::kFieldFrozen, collection.name + '.' + field.name + " is frozen since " +
                                       gate.path + " is \"" + gate.stage +
                                       "\"; ask the office to change it"};
}

Error left_out_error(const CollectionDef& collection, const PassedGate& gate) {
  return Error{Errc::kFieldFrozen, collection.name + " is frozen since " + gate.path + " is \"" +
                                       gate.stage + "\"; ask the office to restore it"};
}

Error retained_error(const CollectionDef& collection, const PassedGate& gate) {
  const std::string since =
      gate.path.empty() ? "" : " since " + gate.path + " is \"" + gate.stage + "\"";
  return Error{Errc::kRecordRetained,
               collection.name + " is kept (" + std::string{name_of(gate.basis)} + ")" + since +
                   "; the office may delete it once its retainUntil has passed"};
}

}  // namespace satchel::sync
