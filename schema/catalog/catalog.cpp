#include "schema/catalog/catalog.hpp"

#include <algorithm>

namespace satchel::schema {

std::string_view name_of(Rule rule) {
  switch (rule) {
    case Rule::kLww: return "lww";
    case Rule::kMulti: return "multi";
    case Rule::kOnce: return "once";
    case Rule::kStage: return "stage";
    case Rule::kDeny: return "deny";
    case Rule::kServer: return "server";
    case Rule::kSet: return "set";
    case Rule::kAccessSet: return "accessSet";
    case Rule::kLog: return "log";
    case Rule::kMap: return "map";
    case Rule::kCounter: return "counter";
    case Rule::kMax: return "max";
    case Rule::kMin: return "min";
    case Rule::kText: return "text";
    case Rule::kEscrow: return "escrow";
  }
  return "unknown";
}

std::string_view name_of(Retention basis) {
  switch (basis) {
    case Retention::kCrm: return "crm";
    case Retention::kLegal: return "legal";
    case Retention::kEvidence: return "evidence";
  }
  return "unknown";
}

Rule rule_in_force(Rule rule) {
  if (rule == Rule::kText) return Rule::kMulti;
  if (rule == Rule::kEscrow) return Rule::kServer;
  return rule;
}

bool is_map_rule(Rule rule) {
  switch (rule) {
    case Rule::kSet:
    case Rule::kAccessSet:
    case Rule::kLog:
    case Rule::kMap:
    case Rule::kCounter:
    case Rule::kMax:
    case Rule::kMin: return true;
    default: return false;
  }
}

const StructMember* StructType::find(std::string_view member) const {
  const auto found = std::ranges::find(members, member, &StructMember::name);
  return found == members.end() ? nullptr : &*found;
}

std::optional<std::uint8_t> StageTable::find(std::string_view stage) const {
  const auto found = std::ranges::find(stages, stage);
  if (found == stages.end()) return std::nullopt;
  return static_cast<std::uint8_t>(found - stages.begin());
}

bool StageTable::wins(std::uint8_t a, std::uint8_t b) const {
  return std::ranges::find(beats, std::pair{a, b}) != beats.end();
}

bool StageTable::may_move(std::uint8_t from, std::uint8_t to) const {
  return from == to || std::ranges::find(moves, std::pair{from, to}) != moves.end();
}

bool StageGate::is_reached_by(std::string_view name, const StageTable& table) const {
  const auto index = table.find(name);
  return index && std::ranges::binary_search(reached, *index);
}

const Type& FieldDef::value_type() const {
  switch (rule) {
    case Rule::kSet:
    case Rule::kAccessSet:
    case Rule::kLog:
    case Rule::kMap: return *type.element;
    default: return type;
  }
}

const FieldDef* CollectionDef::find(FieldId field) const {
  const auto found = std::ranges::lower_bound(fields, field, {}, &FieldDef::id);
  return found == fields.end() || found->id != field ? nullptr : &*found;
}

const FieldDef* CollectionDef::find(std::string_view field) const {
  if (by_name.size() != fields.size()) {  // Still being put together.
    const auto found = std::ranges::find(fields, field, &FieldDef::name);
    return found == fields.end() ? nullptr : &*found;
  }
  const auto name_at = [this](std::uint16_t place) -> std::string_view {
    return fields[place].name;
  };
  const auto found = std::ranges::lower_bound(by_name, field, {}, name_at);
  return found == by_name.end() || name_at(*found) != field ? nullptr : &fields[*found];
}

const CollectionDef* Catalog::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(collections_, name, {}, &CollectionDef::name);
  return found == collections_.end() || found->name != name ? nullptr : &*found;
}

const CollectionDef* Catalog::find(CollectionId id) const {
  const auto found = std::ranges::find(collections_, id, &CollectionDef::id);
  return found == collections_.end() ? nullptr : &*found;
}

}  // namespace satchel::schema
