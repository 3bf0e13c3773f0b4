#include "sdk/engine/people.hpp"

#include <memory>
#include <optional>
#include <unordered_map>

#include "sync/merge/reading.hpp"

namespace satchel::sdk {
namespace {

using People = std::unordered_map<ReplicaId, std::string>;

// Who made the record, if it tells: its maker's replica and what to call him.
void note_maker(const schema::CollectionDef& collection, const sync::Record& record,
                const std::string& reader, People& people) {
  const auto text_of = [&](const char* name) -> std::optional<std::pair<ReplicaId, std::string>> {
    const schema::FieldDef* field = collection.find(name);
    const sync::Entry* entry = field == nullptr ? nullptr : record.find(field->id, {});
    if (entry == nullptr || entry->state.siblings.size() != 1) return std::nullopt;
    const sync::Sibling& made = entry->state.siblings.front();
    const auto value = decode_value(made.value);
    const auto* text = value ? value->as<std::string>() : nullptr;
    if (text == nullptr) return std::nullopt;
    return std::pair{made.dot.replica, *text};
  };
  const auto who = text_of("createdBy");
  if (!who || people.contains(who->first)) return;
  const auto where = text_of("createdOn");
  if (where && where->second == "server") {
    people.emplace(who->first, "the server");
  } else {
    people.emplace(who->first, who->second == reader ? "you on another device" : who->second);
  }
}

}  // namespace

sync::NameOfReplica names_of_people(sync::Edge& edge, std::string_view purpose) {
  const auto people = std::make_shared<People>();
  const auto asked = std::make_shared<bool>(false);
  people->emplace(edge.state().replica, "you");
  for (const sync::Numbering& each : edge.state().former) people->emplace(each.replica, "you");
  return [&edge, purpose = std::string{purpose}, people, asked](const ReplicaId& id) {
    if (!people->contains(id) && !*asked) {
      *asked = true;
      // Names are a help: where the pass fails, ids are shown.
      static_cast<void>(edge.visit(0, purpose, [&](const sync::Record& record) {
        const schema::CollectionDef* collection = edge.catalog().find(record.collection);
        if (collection != nullptr) {
          note_maker(*collection, record, edge.identity().user, *people);
        }
        return true;
      }));
    }
    const auto found = people->find(id);
    if (found != people->end()) return found->second;
    return "another device (" + to_text(id).substr(0, 8) + ")";
  };
}

}  // namespace satchel::sdk
