// Field definitions made by hand, for tests of readings. For tests only.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "schema/catalog/catalog.hpp"
#include "sync/merge/record.hpp"

namespace satchel::test {

inline schema::Type type_of(schema::Kind kind) {
  schema::Type type;
  type.kind = kind;
  return type;
}
inline std::shared_ptr<const schema::Type> shared_type(schema::Type type) {
  return std::make_shared<const schema::Type>(std::move(type));
}
inline schema::Type list_of(schema::Kind element) {
  schema::Type type = type_of(schema::Kind::kList);
  type.element = shared_type(type_of(element));
  return type;
}
inline schema::Type map_of(schema::Kind key, schema::Kind value) {
  schema::Type type = type_of(schema::Kind::kMap);
  type.key = shared_type(type_of(key));
  type.element = shared_type(type_of(value));
  return type;
}
inline schema::Type struct_of(std::string name,
                              std::vector<std::pair<std::string, schema::Kind>> members) {
  auto structure = std::make_shared<schema::StructType>();
  structure->name = std::move(name);
  for (auto& [member, kind] : members) {
    const auto ordinal = static_cast<std::uint16_t>(structure->members.size());
    structure->members.push_back({ordinal, std::move(member), type_of(kind)});
  }
  schema::Type type = type_of(schema::Kind::kStruct);
  type.structure = std::move(structure);
  return type;
}

inline schema::FieldDef field_of(schema::Rule rule, schema::Type type, std::string name = "field",
                                 FieldId id = 1) {
  schema::FieldDef field;
  field.id = id;
  field.name = std::move(name);
  field.rule = rule;
  field.type = std::move(type);
  return field;
}

// An opportunity's pipeline: open stages in order, won beats open, lost beats open and asks for a
// reason, won and lost do not beat each other.
inline std::shared_ptr<const schema::StageTable> pipeline_stages() {
  schema::StageTable table;
  table.stages = {"prospecting", "proposal", "won", "lost"};
  table.moves = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}};
  table.beats = {{1, 0}, {2, 0}, {2, 1}, {3, 0}, {3, 1}};
  table.needs_reason = {3};
  return std::make_shared<const schema::StageTable>(std::move(table));
}

// An order's status: cancelled beats draft and submitted.
inline std::shared_ptr<const schema::StageTable> order_stages() {
  schema::StageTable table;
  table.stages = {"draft", "submitted", "accepted", "cancelled"};
  table.moves = {{0, 1}, {0, 3}, {1, 2}, {1, 3}};
  table.beats = {{1, 0}, {2, 0}, {2, 1}, {3, 0}, {3, 1}};
  table.server_only = {2};
  return std::make_shared<const schema::StageTable>(std::move(table));
}

inline sync::Entry entry_of(sync::Register state, Bytes key = {}, FieldId field = 1) {
  sync::Entry entry;
  entry.field = field;
  entry.key = std::move(key);
  entry.state = std::move(state);
  return entry;
}

}  // namespace satchel::test
