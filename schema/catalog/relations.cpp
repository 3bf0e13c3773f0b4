// What collections say about each other.

#include <algorithm>
#include <map>
#include <set>

#include "schema/catalog/catalog_builder.hpp"

namespace satchel::schema {
namespace {

constexpr std::size_t kScopeStepsMax = 3;

// "account.territory" as its words; an empty word where two dots meet.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    words.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

class RelationCheck {
 public:
  RelationCheck(std::vector<ReadCollection>& all, Complaints& complaints)
      : all_(all), complaints_(complaints) {
    for (ReadCollection& read : all_) by_id_.emplace(read.collection.id, &read.collection);
  }

  void check() {
    for (ReadCollection& read : all_) name(read.collection);
    for (ReadCollection& read : all_) resolve_references(read);
    for (ReadCollection& read : all_) {
      for (const std::string& path : read.collection.scopes) resolve_scope(read.collection, path);
      check_subjects(read.collection);
      check_agenda(read.collection);
    }
    for (ReadCollection& read : all_) resolve_history(read.collection);
  }

 private:
  static Place place_of(const CollectionDef& collection, std::string_view member = {}) {
    return {collection.id, collection.type_name, member};
  }

  void name(const CollectionDef& collection) {
    const auto [found, fresh] = by_name_.emplace(collection.name, &collection);
    if (fresh || collection.name.empty()) return;
    complaints_.add(place_of(collection), "the collection " + quoted(collection.name) +
                                              " is declared by " + found->second->type_name +
                                              " too; give it another name");
  }

  void resolve_references(ReadCollection& read) {
    CollectionDef& collection = read.collection;
    for (std::size_t i = 0; i < collection.fields.size(); ++i) {
      FieldDef& field = collection.fields[i];
      if (!field.reference) continue;
      const auto target = by_name_.find(read.names[i].refers_to);
      if (target == by_name_.end()) {
        complaints_.add(
            place_of(collection, field.name),
            "$ref names no collection: " + quoted(read.names[i].refers_to) + "; correct it");
        field.reference.reset();
        continue;
      }
      field.reference->to = target->second->id;
      field.reference->acyclic = target->second->id == collection.id;
    }
  }

  // Fields and collections that the path touches are marked as it goes: where it is refused, so is
  // the schema.
  void resolve_scope(CollectionDef& collection, const std::string& path) {
    if (path == "all") {
      collection.everybodys = true;
      return;
    }
    const auto words = split(path);
    const std::string scope = "the scope " + quoted(path) + " ";
    if (words.size() > kScopeStepsMax + 1) {
      return complaints_.add(place_of(collection),
                             scope + "has more than three references; shorten it");
    }
    CollectionDef* at = &collection;
    std::set<CollectionId> passed{at->id};
    ScopePath resolved;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const auto found = std::ranges::find(at->fields, words[i], &FieldDef::name);
      FieldDef* field = found == at->fields.end() ? nullptr : &*found;
      if (field == nullptr) {
        return complaints_.add(place_of(collection), scope + "names a field that " + at->type_name +
                                                         " does not have; correct it");
      }
      field->scoping = true;
      if (i + 1 == words.size()) {
        check_scope_end(collection, *field, scope);
        resolved.end = {at->id, field->id};
        resolved.kind = field->name;
        collection.scope_paths.push_back(std::move(resolved));
        return;
      }
      if (!field->reference || is_map_rule(field->rule)) {
        return complaints_.add(place_of(collection), scope + "passes through " + field->name +
                                                         ", which is no reference; give it a $ref");
      }
      field->scope_step = true;
      resolved.steps.push_back({at->id, field->id});
      at = by_id_.at(field->reference->to);
      at->passed_by_scopes = true;
      if (!passed.insert(at->id).second) {
        return complaints_.add(place_of(collection), scope + "comes back to " + at->type_name +
                                                         "; a scope must not run in a circle");
      }
    }
  }

  void check_scope_end(const CollectionDef& collection, const FieldDef& field,
                       const std::string& scope) {
    const bool set = field.rule == Rule::kSet || field.rule == Rule::kAccessSet;
    const bool is_text =
        field.type.kind == Kind::kText ||
        (field.type.kind == Kind::kList && field.type.element->kind == Kind::kText);
    if (is_text && (set || !is_map_rule(field.rule))) return;
    complaints_.add(place_of(collection),
                    scope + "ends in a field that is neither Text nor a set of Text");
  }

  void check_subjects(const CollectionDef& collection) {
    for (const std::string& subject : collection.subjects) {
      if (subject == "self") continue;
      const FieldDef* field = collection.find(subject);
      if (field == nullptr || !field->reference) {
        complaints_.add(place_of(collection), "$subject names " + quoted(subject) +
                                                  ", which is no reference; give the field a $ref");
      }
    }
    if (collection.subject_if.empty()) return;
    const FieldDef* field = collection.find(collection.subject_if);
    if (field == nullptr || field->rule != Rule::kDeny) {
      complaints_.add(place_of(collection), "$subjectIf names " + quoted(collection.subject_if) +
                                                ", which is no field of the rule deny");
    }
  }

  void check_agenda(const CollectionDef& collection) {
    if (!collection.agenda) return;
    const FieldDef* at = collection.find(collection.agenda->at);
    if (at == nullptr || !at->type.time || is_map_rule(at->rule)) {
      complaints_.add(place_of(collection), "$agenda's at names " + quoted(collection.agenda->at) +
                                                ", which is no time; give an Int64 $unit(\"us\")");
    }
    const FieldDef* owner = collection.find("owner");
    if (owner == nullptr || owner->type.kind != Kind::kText || is_map_rule(owner->rule)) {
      complaints_.add(place_of(collection),
                      "$agenda is for records with an owner; make the field owner a Text");
    }
    std::set<std::string_view> known;
    for (const std::string& name : collection.agenda->with) {
      if (!known.insert(name).second) {
        complaints_.add(place_of(collection),
                        "$agenda's with names " + quoted(name) + " twice; take one out");
      }
      const FieldDef* field = collection.find(name);
      if (field == nullptr || !field->reference || is_map_rule(field->rule)) {
        complaints_.add(place_of(collection), "$agenda's with names " + quoted(name) +
                                                  ", which is no reference; give the field a $ref");
      }
    }
  }

  // The time by which the collection's records are history, if the schema names one.
  static const FieldDef* own_time(const CollectionDef& collection) {
    if (!collection.history) return nullptr;
    const FieldDef* field = collection.find(collection.history->field);
    return field != nullptr && field->type.time && !is_map_rule(field->rule) ? field : nullptr;
  }

  void resolve_history(CollectionDef& collection) {
    if (!collection.history) return;
    History& history = *collection.history;
    if (const FieldDef* at = own_time(collection)) {
      history.collection = collection.id;
      history.at = at->id;
      return;
    }
    const std::string what = "$history names " + quoted(history.field) + ", ";
    const FieldDef* field = collection.find(history.field);
    if (field == nullptr || !field->reference || is_map_rule(field->rule)) {
      return complaints_.add(place_of(collection),
                             what +
                                 "which is neither a time nor a reference; give an Int64 "
                                 "$unit(\"us\") or a field with a $ref");
    }
    if (!field->scope_step) {
      return complaints_.add(place_of(collection),
                             what + "which no scope passes through; name it in $scopes");
    }
    CollectionDef* target = by_id_.at(field->reference->to);
    const FieldDef* at = own_time(*target);
    if (at == nullptr) {
      return complaints_.add(place_of(collection), what + "but " + target->type_name +
                                                       " has no time of its own; give it a "
                                                       "$history that names one");
    }
    history.through = field->id;
    history.collection = target->id;
    history.at = at->id;
    target->dates_others = true;
  }

  // Names come from the schema; what is no name is not repeated.
  static std::string quoted(std::string_view text) {
    const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable || text.size() > 200) return "\"...\"";
    return "\"" + std::string{text} + "\"";
  }

  std::vector<ReadCollection>& all_;
  Complaints& complaints_;
  std::map<CollectionId, CollectionDef*> by_id_;
  std::map<std::string, const CollectionDef*, std::less<>> by_name_;
};

}  // namespace

void check_relations(std::vector<ReadCollection>& collections, Complaints& complaints) {
  RelationCheck{collections, complaints}.check();
}

}  // namespace satchel::schema
