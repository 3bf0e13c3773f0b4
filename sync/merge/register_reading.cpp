#include <algorithm>

#include "sync/merge/compare.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::sync {
namespace {

using schema::FieldDef;
using schema::Rule;
using schema::StageTable;

bool absent(const Sibling& sibling) { return is_null_bytes(sibling.value); }

RegisterReading showing(const Sibling* shown) {
  return {.shown = shown, .present = shown != nullptr && !absent(*shown)};
}

RegisterReading read_latest(const Register& state) {
  const auto latest =
      std::max_element(state.siblings.begin(), state.siblings.end(),
                       [](const Sibling& a, const Sibling& b) { return later(b, a); });
  return showing(latest == state.siblings.end() ? nullptr : &*latest);
}

RegisterReading read_multi(const Register& state) {
  RegisterReading reading = read_latest(state);
  // Two who wrote the same concurrently do not need a third to decide between them.
  reading.flagged = std::any_of(state.siblings.begin(), state.siblings.end(),
                                [&](const Sibling& s) { return s.value != reading.shown->value; });
  return reading;
}

RegisterReading read_earliest(const Register& state) {
  const auto earliest =
      std::max_element(state.siblings.begin(), state.siblings.end(),
                       [](const Sibling& a, const Sibling& b) { return later(a, b); });
  return showing(earliest == state.siblings.end() ? nullptr : &*earliest);
}

// `order_wanted` greater: the greatest value; less: the least. Absent ones only where there is
// nothing else.
RegisterReading read_extreme(const Register& state, std::strong_ordering order_wanted) {
  const Sibling* extreme = nullptr;
  for (const Sibling& sibling : state.siblings) {
    if (extreme == nullptr) {
      extreme = &sibling;
      continue;
    }
    if (absent(sibling) != absent(*extreme)) {
      if (absent(*extreme)) extreme = &sibling;
      continue;
    }
    const std::strong_ordering order = compare_encoded(sibling.value, extreme->value);
    if (order == order_wanted || (order == 0 && later(sibling, *extreme))) extreme = &sibling;
  }
  return showing(extreme);
}

// Present beats absent (set), or absent beats present (accessSet); among equals the highest stamp.
RegisterReading read_membership(const Register& state, bool absent_wins) {
  const Sibling* shown = nullptr;
  for (const Sibling& sibling : state.siblings) {
    const bool better = shown == nullptr || (absent(sibling) != absent(*shown)
                                                 ? absent(sibling) == absent_wins
                                                 : later(sibling, *shown));
    if (better) shown = &sibling;
  }
  return showing(shown);
}

struct StagedSibling {
  const Sibling* sibling = nullptr;
  std::string stage;                 // Empty: cleared, or a value without a stage.
  // None: a stage of a newer schema; nothing beats it, it beats nothing.
  std::optional<std::uint8_t> index;
};
using StagedSiblings = boost::container::small_vector<StagedSibling, 2>;

bool beaten(const StagedSibling& candidate, const StagedSiblings& all, const StageTable& table) {
  return std::any_of(all.begin(), all.end(), [&](const StagedSibling& other) {
    if (candidate.stage.empty()) return !other.stage.empty();
    return candidate.index && other.index && table.wins(*other.index, *candidate.index);
  });
}

RegisterReading read_stage(const FieldDef& field, const Register& state) {
  if (!field.stages) return read_latest(state);
  StagedSiblings all;
  for (const Sibling& sibling : state.siblings) {
    StagedSibling staged{&sibling, stage_of(field, sibling.value).value_or(""), std::nullopt};
    staged.index = field.stages->find(staged.stage);
    all.push_back(std::move(staged));
  }
  const StagedSibling* shown = nullptr;
  bool contested = false;
  for (const StagedSibling& candidate : all) {
    if (beaten(candidate, all, *field.stages)) continue;
    if (shown != nullptr && candidate.stage != shown->stage) contested = true;
    if (shown == nullptr || later(*candidate.sibling, *shown->sibling)) shown = &candidate;
  }
  if (shown == nullptr) return {};
  RegisterReading reading = showing(shown->sibling);
  reading.contested = contested;
  // A stage that asks for a reason closes something: whoever went on working meanwhile is told.
  const auto& closing = field.stages->needs_reason;
  const bool closed = shown->index && std::find(closing.begin(), closing.end(), *shown->index) !=
                                          closing.end();
  reading.flagged = contested || (closed && std::any_of(all.begin(), all.end(), [&](const auto& s) {
                      return s.stage != shown->stage;
                    }));
  return reading;
}

}  // namespace

bool later(const Sibling& a, const Sibling& b) {
  return a.stamp != b.stamp ? a.stamp > b.stamp : a.dot > b.dot;
}

std::optional<std::string> stage_of(const FieldDef& field, ByteView value) {
  const Result<Value> decoded = decode_value(value);
  if (!decoded) return std::nullopt;
  if (const auto* text = decoded->as<std::string>()) return *text;
  const auto* members = decoded->as<StructMembers>();
  if (members == nullptr) return std::nullopt;
  const auto& structure = field.value_type().structure;
  const std::uint16_t first =
      structure && !structure->members.empty() ? structure->members[0].ordinal : std::uint16_t{0};
  for (const auto& [ordinal, member] : *members) {
    if (ordinal != first) continue;
    if (const auto* text = member.as<std::string>()) return *text;
  }
  return std::nullopt;
}

Rule register_rule(const FieldDef& field) {
  const Rule rule = schema::rule_in_force(field.rule);
  return rule == Rule::kMap ? schema::rule_in_force(field.values) : rule;
}

RegisterReading read_register(Rule rule, const FieldDef& field, const Register& state) {
  if (state.siblings.empty()) return {};
  switch (schema::rule_in_force(rule)) {
    case Rule::kMulti: return read_multi(state);
    case Rule::kOnce:
    case Rule::kLog: return read_earliest(state);
    case Rule::kStage: return read_stage(field, state);
    case Rule::kDeny:
    case Rule::kMax: return read_extreme(state, std::strong_ordering::greater);
    case Rule::kMin: return read_extreme(state, std::strong_ordering::less);
    case Rule::kSet: return read_membership(state, false);
    case Rule::kAccessSet: return read_membership(state, true);
    default: return read_latest(state);
  }
}

}  // namespace satchel::sync
