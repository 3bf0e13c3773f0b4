// What hangs on stages: freezes, retention from a stage on, and logs that reopen a record.

#include <algorithm>
#include <map>

#include "schema/catalog/catalog_builder.hpp"

namespace satchel::schema {
namespace {

class GateCheck {
 public:
  GateCheck(std::vector<ReadCollection>& all, Complaints& complaints)
      : all_(all), complaints_(complaints) {
    for (ReadCollection& read : all_) by_id_.emplace(read.collection.id, &read.collection);
  }

  void check() {
    for (ReadCollection& read : all_) {
      for (std::size_t i = 0; i < read.collection.fields.size(); ++i) {
        FieldDef& field = read.collection.fields[i];
        const NamesOfField& names = read.names[i];
        const Site site{read.collection, field};
        if (names.frozen_from) freeze(site, field, *names.frozen_from);
        if (names.retained_from) retain(site, field, *names.retained_from);
        if (names.reopens) reopen(site, read.collection, field, names);
      }
    }
  }

 private:
  struct Site {
    const CollectionDef& collection;
    const FieldDef& field;
  };
  using SharedGate = std::shared_ptr<const StageGate>;

  void complain(const Site& site, const std::string& what) {
    complaints_.add({site.collection.id, site.collection.type_name, site.field.name}, what);
  }
  static std::string quoted(const std::string& text) {
    return is_name(text) ? "\"" + text + "\"" : std::string{"\"...\""};
  }

  void freeze(const Site& site, FieldDef& field, const GateNames& names) {
    if (field.rule == Rule::kStage) {
      return complain(site, "$frozenFrom is not for a stage field; its moves say what may follow");
    }
    if (field.server_only || rule_in_force(field.rule) == Rule::kServer) {
      return complain(site, "$frozenFrom on a field that only the server writes; take it out");
    }
    field.frozen_from = resolve(site, "$frozenFrom", names);
  }

  void retain(const Site& site, FieldDef& field, const GateNames& names) {
    if (field.retention == Retention::kCrm) {
      return complain(site, "$retentionFrom without a basis; say $retention(legal) or (evidence)");
    }
    field.retained_from = resolve(site, "$retentionFrom", names);
  }

  void reopen(const Site& site, CollectionDef& collection, FieldDef& log,
              const NamesOfField& names) {
    const std::string word = "$reopens";
    if (log.rule != Rule::kLog) return complain(site, word + " is for $merge(log)");
    const auto stage_field =
        std::ranges::find(collection.fields, names.reopens->path, &FieldDef::name);
    if (stage_field == collection.fields.end()) {
      return complain(site, word + " names " + quoted(names.reopens->path) +
                                ", which is no field of " + collection.type_name);
    }
    const SharedGate gate = resolve(site, word, *names.reopens);
    if (!gate) return;
    const StageTable& table = *stage_field->stages;
    const auto to = table.find(names.reopens_to);
    if (!to) return complain(site, word + " goes to a stage that the table does not have");
    if (std::ranges::binary_search(gate->reached, *to)) {
      return complain(
          site, word + " goes to " + names.reopens_to + ", which is not before " + gate->stage);
    }
    if (!table.may_move(*table.find(gate->stage), *to)) {
      return complain(site, word + " goes from " + gate->stage + " to " + names.reopens_to +
                                ", which no move of the table does; add the move");
    }
    if (std::ranges::find(table.needs_reason, *to) != table.needs_reason.end()) {
      return complain(site, word + " goes to a stage that asks for a reason; choose another");
    }
    if (stage_field->reopening) {
      return complain(site, word + ": another log reopens " + stage_field->name + " already");
    }
    stage_field->reopening =
        std::make_shared<const Reopening>(Reopening{*gate, log.id, log.name, *to});
    log.reopens = stage_field->id;
  }

  // The collection in which the path's last word is looked up; null, having complained.
  const CollectionDef* start(const Site& site, const std::string& word,
                             const std::string& reference, StageGate& gate) {
    if (reference.empty()) return &site.collection;
    const FieldDef* through = site.collection.find(reference);
    if (through == nullptr || !through->reference || is_map_rule(through->rule)) {
      complain(site, word + " passes through " + quoted(reference) +
                         ", which is no reference; give it a $ref");
      return nullptr;
    }
    const Rule rule = rule_in_force(through->rule);
    if (rule != Rule::kOnce && rule != Rule::kServer) {
      complain(site, word + " passes through " + through->name +
                         ", which may be written again; make it $merge(once) or $merge(server)");
      return nullptr;
    }
    gate.through = through->id;
    return by_id_.at(through->reference->to);
  }

  // Null, having complained.
  SharedGate resolve(const Site& site, const std::string& word, const GateNames& names) {
    StageGate gate;
    const std::size_t dot = names.path.find('.');
    const bool stepped = dot != std::string::npos;
    const CollectionDef* at =
        start(site, word, stepped ? names.path.substr(0, dot) : std::string{}, gate);
    if (at == nullptr) return nullptr;
    const std::string last = stepped ? names.path.substr(dot + 1) : names.path;
    if (last.find('.') != std::string::npos) {
      complain(site, word + " has more than one reference; shorten it");
      return nullptr;
    }
    const FieldDef* field = at->find(last);
    if (field == nullptr || field->rule != Rule::kStage) {
      complain(site,
               word + " names " + quoted(last) + ", which is no stage field of " + at->type_name);
      return nullptr;
    }
    if (!field->stages) return nullptr;  // Complained of already.
    const auto stage = field->stages->find(names.stage);
    if (!stage) {
      complain(site, word + " names the stage " + quoted(names.stage) + ", which " + field->name +
                         " does not have");
      return nullptr;
    }
    if (*stage == 0) {
      complain(site,
               word + " names " + names.stage + ", where every record starts; name a later stage");
      return nullptr;
    }
    gate.collection = at->id;
    gate.field = field->id;
    gate.path = names.path;
    gate.stage = names.stage;
    for (std::uint8_t i = 0; i < field->stages->stages.size(); ++i) {
      if (i == *stage || field->stages->wins(i, *stage)) gate.reached.push_back(i);
    }
    return std::make_shared<const StageGate>(std::move(gate));
  }

  std::vector<ReadCollection>& all_;
  Complaints& complaints_;
  std::map<CollectionId, const CollectionDef*> by_id_;
};

}  // namespace

void check_gates(std::vector<ReadCollection>& collections, Complaints& complaints) {
  GateCheck{collections, complaints}.check();
}

}  // namespace satchel::schema
