// What a device that greets has to be told, by what it holds and what it may hold now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schema/wire/frames.hpp"
#include "sync/hub/directory.hpp"

namespace satchel::sync {

enum class Telling : std::uint8_t {
  kGoOn,     // From its place.
  kPass,     // A pass over the scopes that were granted or taken away, then from its place.
  kRestart,  // Everything anew.
};
struct TellingPlan {
  Telling telling = Telling::kGoOn;
  // Of a pass that is begun or under way: the scopes that are new to it. Nothing: all are.
  std::optional<std::vector<std::string>> joined;
  std::vector<std::string> former;  // It may hold records of these, and must let go of them.
};

struct Greeted {
  const wire::HelloBody& hello;
  wire::Cursor cursor;  // Where it stands.
  std::uint64_t epoch = 0;
  Sequence seq = 0;   // Of the hub, now.
  bool anew = false;  // Its place says nothing here: of another life, none, or out of reach.
};
// Decides, and notes in `replica` what is granted from now on. `granted` is sorted.
TellingPlan plan_telling(const Greeted& greeted, const std::vector<std::string>& granted,
                         ReplicaState& replica);

}  // namespace satchel::sync
