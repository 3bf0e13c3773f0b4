#include "sync/session/reach.hpp"

#include <algorithm>
#include <iterator>

#include "sync/hub/scopes.hpp"

namespace satchel::sync {
namespace {

using Scopes = std::vector<std::string>;

Scopes names_of(const std::vector<wire::ScopeState>& states) {
  Scopes names;
  for (const wire::ScopeState& state : states) names.push_back(state.name);
  std::sort(names.begin(), names.end());
  return names;
}

bool has_everything(const Scopes& scopes) {
  return std::binary_search(scopes.begin(), scopes.end(), "*");
}

// What the replica holds and holds all of, before this greeting changes anything.
void note_done(const Greeted& greeted, const Scopes& claimed, ReplicaState& replica) {
  const bool known = !replica.granted.empty();
  const bool done = greeted.cursor.below == 0 && !greeted.hello.bootstrapping &&
                    (!known || claimed == replica.granted);
  if (!done) return;
  if (!known) replica.granted = replica.held = claimed;  // Of a store that did not note it yet.
  replica.whole = replica.granted;
  if (greeted.cursor.seq >= replica.held_seq) replica.held = replica.granted;
}

}  // namespace

TellingPlan plan_telling(const Greeted& greeted, const Scopes& granted, ReplicaState& replica) {
  TellingPlan plan;
  const Scopes claimed = names_of(greeted.hello.scopes);
  const bool remembered = !replica.granted.empty() || claimed == granted;
  const bool same_epoch =
      std::all_of(greeted.hello.scopes.begin(), greeted.hello.scopes.end(),
                  [&](const wire::ScopeState& scope) { return scope.epoch == greeted.epoch; });
  bool anew = greeted.anew || !same_epoch || !remembered;
  if (!anew) note_done(greeted, claimed, replica);
  const bool changed = replica.granted != granted;
  // One that names what it was never granted here is told no ids of it.
  anew = anew || !without(claimed, replica.held).empty();
  const bool under_way = !anew && !changed && !replica.pass_due && greeted.cursor.below != 0;
  if (!anew && !under_way && (changed || claimed != granted || greeted.cursor.below != 0)) {
    anew =
        greeted.hello.bootstrapping || (has_everything(replica.held) && !has_everything(granted));
    plan.telling = Telling::kPass;
  }
  if (changed) replica.held_seq = greeted.seq;
  replica.granted = granted;
  replica.whole = anew ? Scopes{} : without(replica.whole, without(replica.whole, granted));
  if (!anew && plan.telling == Telling::kPass) anew = replica.whole.empty();
  replica.pass_due = !anew && plan.telling == Telling::kPass;
  if (anew) {
    plan.telling = Telling::kRestart;
    replica.whole.clear();
    replica.held = granted;
    return plan;
  }
  Scopes held;
  std::set_union(replica.held.begin(), replica.held.end(), granted.begin(), granted.end(),
                 std::back_inserter(held));
  replica.held = std::move(held);
  if (!replica.whole.empty()) plan.joined = without(granted, replica.whole);
  if (!has_everything(granted)) plan.former = without(replica.held, granted);
  return plan;
}

}  // namespace satchel::sync
