#include "schema/catalog/field_reader.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "annotations.capnp.h"
#include "schema/catalog/stage_reader.hpp"

namespace satchel::schema {
namespace {

// In the order of annotations.capnp.
constexpr std::array kRules{Rule::kLww,  Rule::kMulti,  Rule::kOnce,    Rule::kStage,
                            Rule::kDeny, Rule::kServer, Rule::kSet,     Rule::kAccessSet,
                            Rule::kLog,  Rule::kMap,    Rule::kCounter, Rule::kMax,
                            Rule::kMin,  Rule::kText,   Rule::kEscrow};
constexpr std::array kClasses{PrivacyClass::kPublic,          PrivacyClass::kCompany,
                              PrivacyClass::kBusinessContact, PrivacyClass::kPersonal,
                              PrivacyClass::kBehavioural,     PrivacyClass::kFinancial,
                              PrivacyClass::kSpecial,         PrivacyClass::kEmployee};
constexpr std::array kRetentions{Retention::kCrm, Retention::kLegal, Retention::kEvidence};
constexpr std::array kGone{WhenGone::kKeep, WhenGone::kClear, WhenGone::kDelete};

template <class Enum, std::size_t Size>
std::optional<Enum> at(const std::array<Enum, Size>& values, std::uint16_t number) {
  if (number >= Size) return std::nullopt;
  return values[number];
}

bool is_scalar(Kind kind) {
  return kind == Kind::kBool || kind == Kind::kInteger || kind == Kind::kFloat ||
         kind == Kind::kText;
}

bool holds_text(const Type& type) {
  switch (type.kind) {
    case Kind::kText: return true;
    case Kind::kList:
    case Kind::kMap: return holds_text(*type.element);
    case Kind::kStruct:
      return std::ranges::any_of(type.structure->members,
                                 [](const auto& m) { return holds_text(m.type); });
    default: return false;
  }
}

bool is_set_rule(Rule rule) { return rule == Rule::kSet || rule == Rule::kAccessSet; }

}  // namespace

std::optional<Rule> rule_of(std::uint16_t enumerant) { return at(kRules, enumerant); }
std::optional<PrivacyClass> privacy_of(std::uint16_t enumerant) { return at(kClasses, enumerant); }
std::optional<Retention> retention_of(std::uint16_t enumerant) {
  return at(kRetentions, enumerant);
}

GateNames gate_names_of(words::Gate::Reader gate) {
  return {std::string{view(gate.getField())}, std::string{view(gate.getStage())}};
}

// What was said about a field, before it is judged.
struct FieldReader::Words {
  std::set<std::uint64_t> said;
  std::optional<Rule> merge;
  std::optional<Rule> values;
  std::optional<PrivacyClass> privacy;
  std::optional<Retention> retention;
  std::optional<words::StageTable::Reader> stages;
  std::optional<words::Reference::Reader> reference;
  std::optional<capnp::List<words::Writer>::Reader> writers;
  std::optional<words::Gate::Reader> frozen_from;
  std::optional<words::Gate::Reader> retained_from;
  std::optional<words::Reopening::Reader> reopens;
  std::string unit;
  bool sound = true;

  [[nodiscard]] bool has(std::uint64_t id) const { return said.contains(id); }
};

std::optional<ReadField> FieldReader::read(capnp::schema::Field::Reader field, const Place& place,
                                           const FieldDefaults& defaults) {
  if (!field.isSlot() || !field.getOrdinal().isExplicit()) {
    complaints_.add(place, "a group cannot merge; make it a struct");
    return std::nullopt;
  }
  if (!is_name(place.member)) {
    complaints_.add(place, "a field's name is letters and digits");
    return std::nullopt;
  }
  if (field.getSlot().getHadExplicitDefault()) {
    complaints_.add(place, "a field that nobody wrote is absent; take the default value out");
  }
  const Words words = read_words(field, place);
  auto type = types_.read_field(field.getSlot().getType(), place);
  if (!words.sound || !type) return std::nullopt;

  ReadField result;
  FieldDef& into = result.field;
  into.id = field.getOrdinal().getExplicit();
  into.name = place.member;
  into.type = std::move(*type);
  into.rule = *words.merge;
  into.values = words.values.value_or(Rule::kLww);
  into.privacy = words.privacy.value_or(defaults.privacy);
  into.retention = words.retention.value_or(defaults.retention);
  into.indexed = words.has(word::kIndex);
  into.searchable = words.has(word::kSearch);
  into.required = words.has(word::kRequired);
  into.unit = words.unit;
  if (words.stages) into.stages = read_stage_table(*words.stages, place, complaints_);
  if (words.has(word::kStages) && into.rule != Rule::kStage) {
    complaints_.add(place, "$stages is for $merge(stage)");
  }
  if (!words.has(word::kStages) && into.rule == Rule::kStage) {
    complaints_.add(place, "$merge(stage) without $stages; give it a StageTable constant");
  }
  read_reference(words, place, result);
  read_writers(words, place, into);
  read_gates(words, defaults, result);
  check_rule(into, words.has(word::kValues), place);
  check_marks(into, place);
  return result;
}

FieldReader::Words FieldReader::read_words(capnp::schema::Field::Reader field, const Place& place) {
  Words words;
  for (const auto annotation : field.getAnnotations()) {
    const std::uint64_t id = annotation.getId();
    if (id < word::kMerge || id > word::kReopens) continue;  // Not ours.
    if (!words.said.insert(id).second) {
      complaints_.add(place, id == word::kMerge ? "two $merge; a field has one rule"
                                                : "the same annotation twice; take one out");
      words.sound = false;
      continue;
    }
    read_word(annotation, place, words);
  }
  if (!words.has(word::kMerge)) {
    complaints_.add(place, "no $merge; say how concurrent values are read, such as $merge(lww)");
    words.sound = false;
  }
  return words;
}

void FieldReader::read_word(capnp::schema::Annotation::Reader annotation, const Place& place,
                            Words& words) {
  const auto value = annotation.getValue();
  switch (annotation.getId()) {
    case word::kMerge:
    case word::kValues:
    case word::kPrivacy:
    case word::kRetention:
      if (value.isEnum()) return read_enumerated(annotation.getId(), value.getEnum(), place, words);
      break;
    case word::kStages:
      if (value.isStruct())
        return void(words.stages = value.getStruct().getAs<words::StageTable>());
      break;
    case word::kReference:
      if (value.isStruct())
        return void(words.reference = value.getStruct().getAs<words::Reference>());
      break;
    case word::kWriters:
      if (value.isList())
        return void(words.writers = value.getList().getAs<capnp::List<words::Writer>>());
      break;
    case word::kFrozenFrom:
      if (value.isStruct()) return void(words.frozen_from = value.getStruct().getAs<words::Gate>());
      break;
    case word::kRetentionFrom:
      if (value.isStruct())
        return void(words.retained_from = value.getStruct().getAs<words::Gate>());
      break;
    case word::kReopens:
      if (value.isStruct())
        return void(words.reopens = value.getStruct().getAs<words::Reopening>());
      break;
    case word::kUnit:
      if (value.isText()) return void(words.unit = view(value.getText()));
      break;
    default:
      if (value.isVoid()) return;
  }
  complaints_.add(place,
                  "an annotation holds a value of another type than annotations.capnp declares");
  words.sound = false;
}

void FieldReader::read_enumerated(std::uint64_t id, std::uint16_t number, const Place& place,
                                  Words& words) {
  bool known = true;
  if (id == word::kMerge) known = (words.merge = rule_of(number)).has_value();
  if (id == word::kValues) known = (words.values = rule_of(number)).has_value();
  if (id == word::kPrivacy) known = (words.privacy = privacy_of(number)).has_value();
  if (id == word::kRetention) known = (words.retention = retention_of(number)).has_value();
  if (known) return;
  complaints_.add(place,
                  "a rule, class or retention that this version does not know; update Satchel");
  words.sound = false;
}

void FieldReader::read_reference(const Words& words, const Place& place, ReadField& into) {
  if (!words.reference) return;
  const auto gone = at(kGone, static_cast<std::uint16_t>(words.reference->getGone()));
  const Type& type = into.field.type;
  const bool is_id =
      type.kind == Kind::kText || (is_set_rule(into.field.rule) && type.kind == Kind::kList &&
                                   type.element->kind == Kind::kText);
  if (!gone || !is_id) {
    return complaints_.add(place, "a $ref is for a Text field, which holds the record's id");
  }
  into.field.reference = Reference{0, *gone, false};
  into.names.refers_to = view(words.reference->getTo());
}

void FieldReader::read_gates(const Words& words, const FieldDefaults& defaults, ReadField& into) {
  if (words.frozen_from) into.names.frozen_from = gate_names_of(*words.frozen_from);
  if (words.retained_from) {
    into.names.retained_from = gate_names_of(*words.retained_from);
  } else if (!words.retention) {
    into.names.retained_from = defaults.retained_from;
  }
  if (!words.reopens) return;
  into.names.reopens = GateNames{std::string{view(words.reopens->getField())},
                                 std::string{view(words.reopens->getStage())}};
  into.names.reopens_to = view(words.reopens->getTo());
}

void FieldReader::read_writers(const Words& words, const Place& place, FieldDef& into) {
  if (!words.writers) return;
  bool device = false;
  for (const auto writer : *words.writers) device = device || writer == words::Writer::DEVICE;
  if (words.writers->size() == 0 || words.writers->size() > 3) {
    return complaints_.add(place, "$writers names one to three of device, server, dpo");
  }
  if (device) return;
  (into.rule == Rule::kDeny ? into.cleared_by_office : into.server_only) = true;
}

void FieldReader::check_rule(const FieldDef& field, bool has_values, const Place& place) {
  const auto need = [&](bool holds, const char* what) {
    if (!holds) complaints_.add(place, what);
  };
  const Kind kind = field.type.kind;
  need(has_values == (field.rule == Rule::kMap),
       "$merge(map) comes with $values, and $values only with it");
  need((kind == Kind::kMap) == (field.rule == Rule::kMap),
       "$merge(map) is for a Map, and a Map for $merge(map)");
  switch (field.rule) {
    case Rule::kSet:
    case Rule::kAccessSet:
      need(kind == Kind::kList, "a set is a List; make it List(...)");
      need(kind != Kind::kList || field.type.element->kind != Kind::kFloat,
           "a set's elements are compared, which floats are not fit for; use an integer or Text");
      break;
    case Rule::kLog: need(kind == Kind::kList, "a log is a List; make it List(...)"); break;
    case Rule::kCounter:
      need(kind == Kind::kInteger && field.type.min < 0, "a counter is an Int64");
      break;
    case Rule::kEscrow: need(kind == Kind::kInteger, "an escrow is an integer; use Int64"); break;
    case Rule::kMax:
    case Rule::kMin: need(kind == Kind::kInteger, "max and min compare integers; use Int64"); break;
    case Rule::kDeny:
      need(kind == Kind::kBool, "deny is for Bool, where true is the stricter");
      break;
    case Rule::kText: need(kind == Kind::kText, "the rule text is for Text"); break;
    case Rule::kStage: check_stage(field, place); break;
    case Rule::kMap: {
      if (kind != Kind::kMap) break;
      const Kind value = field.type.element->kind;
      const bool extreme = field.values == Rule::kMax || field.values == Rule::kMin;
      need(!is_map_rule(field.values) || extreme,
           "a map's entries are registers; use lww, multi, once, "
           "server, deny, max or min");
      need(field.values != Rule::kStage, "a map's entries have no stages; use lww");
      need(field.values != Rule::kText && field.values != Rule::kEscrow,
           "a map's entries take lww or multi");
      need(!extreme || value == Kind::kInteger,
           "max and min compare integers; use Map(Text, Integer)");
      need(field.values != Rule::kDeny || value == Kind::kBool,
           "deny is for Bool; use Map(Text, Flag)");
      break;
    }
    default: break;
  }
}

void FieldReader::check_stage(const FieldDef& field, const Place& place) {
  const Type& type = field.type;
  if (field.stages == nullptr) return;  // Complained of already.
  if (type.kind == Kind::kText) {
    if (field.stages->needs_reason.empty()) return;
    return complaints_.add(
        place, "a stage that needs a reason is a struct whose third member is the reason");
  }
  const bool is_struct = type.kind == Kind::kStruct;
  const auto is_text = [&](std::size_t index) {
    return type.structure->members.size() > index &&
           type.structure->members[index].type.kind == Kind::kText;
  };
  if (!is_struct || !is_text(0)) {
    return complaints_.add(place, "a stage is Text, or a struct whose first member is Text");
  }
  if (!field.stages->needs_reason.empty() && !is_text(2)) {
    complaints_.add(place,
                    "a stage that needs a reason has it in the struct's third member, as Text");
  }
}

void FieldReader::check_marks(FieldDef& field, const Place& place) {
  const Type& value = field.type.kind == Kind::kList ? *field.type.element : field.type;
  if (field.indexed && !is_scalar(value.kind) && field.rule != Rule::kStage) {
    complaints_.add(place, "$index is for Bool, numbers, Text, lists of them, and stages");
  }
  if (field.searchable && !holds_text(field.type)) complaints_.add(place, "$search is for text");
  if (field.unit == "us" && !TypeReader::mark_as_time(field.type)) {
    complaints_.add(place, "$unit(\"us\") is for Int64");
  }
  if (field.required && is_map_rule(field.rule)) {
    complaints_.add(place, "$required is for a field with one value, not for entries");
  }
}

}  // namespace satchel::schema
