// Whether a schema may follow another without a migration.

#include <algorithm>
#include <string>
#include <vector>

#include "schema/catalog/catalog.hpp"

namespace satchel::schema {
namespace {

bool same_type(const Type& a, const Type& b);

// A struct may gain members; those that it had keep their place, name and type.
bool same_struct(const StructType& newer, const StructType& older) {
  return std::ranges::all_of(older.members, [&](const StructMember& member) {
    const auto kept = std::ranges::find(newer.members, member.ordinal, &StructMember::ordinal);
    return kept != newer.members.end() && kept->name == member.name &&
           same_type(kept->type, member.type);
  });
}

bool same_type(const Type& newer, const Type& older) {
  if (newer.kind != older.kind || newer.min != older.min || newer.max != older.max ||
      newer.time != older.time) {
    return false;
  }
  if (newer.structure && !same_struct(*newer.structure, *older.structure)) return false;
  if (newer.key && !same_type(*newer.key, *older.key)) return false;
  return !newer.element || same_type(*newer.element, *older.element);
}

class Successor {
 public:
  Successor(const Catalog& newer, const Catalog& older) : newer_(newer), older_(older) {}

  std::string findings() {
    for (const CollectionDef& before : older_.collections()) {
      const CollectionDef* after = newer_.find(before.id);
      if (after == nullptr) {
        refuse(before, "the collection was taken out");
      } else {
        compare(before, *after);
      }
    }
    return std::move(findings_);
  }

 private:
  void refuse(const CollectionDef& collection, const std::string& what) {
    line(collection.name + ": " + what);
  }
  void refuse(const CollectionDef& collection, const FieldDef& field, const std::string& what) {
    line(collection.name + "." + field.name + ": " + what);
  }
  void line(const std::string& text) { findings_ += (findings_.empty() ? "" : "\n") + text; }

  void compare(const CollectionDef& before, const CollectionDef& after) {
    if (after.name != before.name) refuse(before, "the collection was renamed to " + after.name);
    if (after.life != before.life) refuse(before, "the life rule changed");
    if (after.subjects != before.subjects || after.subject_if != before.subject_if) {
      refuse(before, "the data subjects changed");
    }
    // It may be said for the first time: a narrowed device then holds more than it needs to.
    if (before.history && (!after.history || after.history->field != before.history->field))
      refuse(before, "what makes its records history changed");
    for (const FieldDef& field : before.fields) {
      const FieldDef* kept = after.find(field.id);
      if (kept == nullptr) {
        refuse(before, field, "the field was taken out");
      } else {
        compare(before, field, *kept);
      }
    }
    for (const FieldDef& field : after.fields) {
      if (field.required && before.find(field.id) == nullptr) {
        refuse(before, field, "a new field cannot be required, since older records lack it");
      }
    }
  }

  void compare(const CollectionDef& in, const FieldDef& before, const FieldDef& after) {
    if (after.name != before.name) refuse(in, before, "the field was renamed to " + after.name);
    if (!same_type(after.type, before.type)) refuse(in, before, "the type changed");
    if (after.unit != before.unit) refuse(in, before, "the unit changed");
    if (after.rule != before.rule || (after.rule == Rule::kMap && after.values != before.values)) {
      refuse(in, before, "the merge rule changed");
    }
    if (after.privacy != before.privacy) refuse(in, before, "the privacy class changed");
    if (after.retention != before.retention) refuse(in, before, "the retention changed");
    compare_gates(in, before, after);
    if (after.required && !before.required) refuse(in, before, "the field became required");
    compare_reference(in, before, after);
    if (after.stages && before.stages) compare_stages(in, before, *before.stages, *after.stages);
  }

  void compare_reference(const CollectionDef& in, const FieldDef& before, const FieldDef& after) {
    const bool kept = before.reference.has_value() == after.reference.has_value();
    if (!kept || (after.reference && after.reference->to != before.reference->to)) {
      refuse(in, before, "the reference changed");
    }
  }

  // Whether all that `before` holds shut, `after` holds shut too. Stages that were added count for
  // nothing: no record stands there yet. Null holds nothing shut.
  bool holds_as_much(const StageGate* before, const StageGate* after) const {
    if (before == nullptr) return true;
    if (after == nullptr || after->path != before->path) return false;
    const auto names = [](const Catalog& catalog, const StageGate& gate) {
      const StageTable& table = *catalog.find(gate.collection)->find(gate.field)->stages;
      std::vector<std::string> stages;
      for (const std::uint8_t index : gate.reached) stages.push_back(table.stages[index]);
      return stages;
    };
    const std::vector<std::string> now = names(newer_, *after);
    return std::ranges::all_of(names(older_, *before), [&](const std::string& stage) {
      return std::ranges::find(now, stage) != now.end();
    });
  }

  // What is frozen or kept stays so: people rely on it for the records that there are. More may be
  // frozen or kept, from the moment that the schema is applied.
  void compare_gates(const CollectionDef& in, const FieldDef& before, const FieldDef& after) {
    if (!holds_as_much(before.frozen_from.get(), after.frozen_from.get())) {
      refuse(in, before, "the field is frozen later than it was, or no more");
    }
    const bool kept = before.retention != Retention::kCrm && after.retention == before.retention;
    const bool later = !before.retained_from
                           ? after.retained_from != nullptr
                           : after.retained_from && !holds_as_much(before.retained_from.get(),
                                                                   after.retained_from.get());
    if (kept && later) refuse(in, before, "the retention begins later than it did");
    const Reopening* was = before.reopening.get();
    const Reopening* is = after.reopening.get();
    if (was == nullptr) return;
    // What was reopened must not be closed by a change of schema.
    const bool same = is != nullptr && is->by == was->by && is->gate.stage == was->gate.stage &&
                      after.stages->stages[is->to] == before.stages->stages[was->to];
    if (!same) refuse(in, before, "what reopens it changed");
  }

  // Stages may be added anywhere; those that were there keep their order and which of two stands.
  void compare_stages(const CollectionDef& in, const FieldDef& field, const StageTable& before,
                      const StageTable& after) {
    std::vector<std::uint8_t> now;  // By the older table's index.
    for (const std::string& stage : before.stages) {
      const auto index = after.find(stage);
      if (!index) return refuse(in, field, "the stage " + stage + " was taken out");
      now.push_back(*index);
    }
    if (!std::ranges::is_sorted(now) || now.front() != 0) {
      refuse(in, field, "the order of the stages changed");
    }
    for (std::uint8_t a = 0; a < now.size(); ++a) {
      for (std::uint8_t b = 0; b < now.size(); ++b) {
        if (before.wins(a, b) == after.wins(now[a], now[b])) continue;
        refuse(in, field,
               "the precedence of " + before.stages[a] + " and " + before.stages[b] + " changed");
      }
    }
  }

  const Catalog& newer_;
  const Catalog& older_;
  std::string findings_;
};

}  // namespace

Status Catalog::accepts_successor_of(const Catalog& older) const {
  std::string findings = Successor{*this, older}.findings();
  if (findings.empty()) return {};
  return Error{Errc::kSchemaIncompatible, std::move(findings)};
}

}  // namespace satchel::schema
