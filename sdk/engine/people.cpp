#include "sdk/engine/people.hpp"

#include <algorithm>

namespace satchel::sdk {

sync::NameOfReplica names_of_people(sync::Edge& edge) {
  return [&edge](const ReplicaId& id) -> std::string {
    const sync::EdgeState& state = edge.state();
    const bool was_mine =
        std::any_of(state.former.begin(), state.former.end(),
                    [&](const sync::Numbering& each) { return each.replica == id; });
    if (id == state.replica || was_mine) return "you";
    // Names are a help: where they cannot be read, ids are shown.
    const auto user = edge.author_of(id);
    if (!user || !*user) return "another device (" + to_text(id).substr(0, 8) + ")";
    if ((*user)->empty()) return "the server";
    return **user == edge.identity().user ? "you on another device" : **user;
  };
}

}  // namespace satchel::sdk
