// Whether a record lives: the reading of its life register, and of what was written past a delete.
#pragma once

#include <vector>

#include "schema/catalog/catalog.hpp"
#include "sync/merge/record.hpp"

namespace satchel::sync {

// What the author of a delete was shown of one privacy class: the join of its registers' contexts.
struct ObservedClass {
  PrivacyClass privacy = PrivacyClass::kCompany;
  Context observed;
  friend bool operator==(const ObservedClass&, const ObservedClass&) = default;
};

// One value of the life register. Value type. Invariants: `observed` sorted by class, no class
// twice, no empty context; empty while alive.
//
// Byte form, an encoded value (schema/model/value.hpp): alive is `true`; dead is a list of structs
//   {0: class (integer),
//    1: data, count x (replica id (16), commit (u64 big-endian)), sorted by replica}
// with ids in full, because a value travels as it stands between stores that number replicas
// differently.
struct Life {
  bool dead = false;
  std::vector<ObservedClass> observed;
  [[nodiscard]] bool has_observed(PrivacyClass privacy, const Dot& dot) const;
  friend bool operator==(const Life&, const Life&) = default;
};

Bytes encode_life(const Life& life);
// kRecordMalformed for anything that encode_life would not have written.
Result<Life> decode_life(ByteView bytes);

// What a creation or a restore writes to the life register.
Bytes alive_life();
// What the delete of a record writes, as it is shown to its author: withheld registers are not
// observed.
Bytes make_dead(const Record& shown);

// The life register read together with the rest of the record:
//   editWins    lives if the life register holds no delete, or an `alive` beside it (a restore that
//               the delete had not observed counts as an edit), or if any register holds a sibling
//               that no delete has observed
//   deleteWins  dead while the life register holds a delete, whatever stands beside it
// A restore replaces the deletes it has observed; deletes concurrent with each other count
// together. A life value that does not decode reads as alive: nothing is hidden because of bytes
// that nobody understands.
struct LifeReading {
  bool alive = true;
  bool edited_after_death = false;  // There are writes that no delete has observed: to be surfaced.
  std::vector<Dot> deletes;         // The deletes that stand, sorted.
  std::vector<Dot> unobserved;      // The dots of those writes, sorted, distinct.
};
LifeReading read_life(const Record& record, schema::LifeRule rule);

// The same without the lists.
bool is_alive(const Record& record, schema::LifeRule rule);

}  // namespace satchel::sync
