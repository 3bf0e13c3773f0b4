// What a field shows: every merge rule is a pure reading of the siblings (docs/MERGE_RULES.md has
// the table).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "schema/catalog/catalog.hpp"
#include "sync/merge/record.hpp"

namespace satchel::sync {

// One sibling of a field: a plain field's has an empty key.
struct SiblingName {
  Bytes key;
  Dot dot;
  friend bool operator==(const SiblingName&, const SiblingName&) = default;
  friend auto operator<=>(const SiblingName&, const SiblingName&) = default;
};

// One shown entry of a set, accessSet, log or map.
struct ShownItem {
  Bytes key;    // Of a set or accessSet: the encoded element.
  Bytes value;  // Encoded; never null.
  Dot winner;
  bool flagged = false;
  bool contested = false;
  friend bool operator==(const ShownItem&, const ShownItem&) = default;
};

// Depends on the siblings alone: not on how they came, nor on sequences. Value type;
// thread-compatible. Invariant: each sibling of the field is in exactly one of winners and losers.
struct FieldReading {
  bool present = false;    // A cleared value reads as absent.
  bool withheld = false;   // Policy keeps (a part of) the field from this replica.
  bool flagged = false;    // A person should look at the losers.
  bool contested = false;  // Of stage: no concurrent stage beats all others.
  bool reopened = false;   // Of stage: see read_reopened.
  Bytes value;             // Of plain fields, counter, max and min: encoded; empty while absent.
  std::vector<ShownItem> items;  // Of set, accessSet, log and map: sorted by key as bytes.
  boost::container::small_vector<SiblingName, 1> winners;  // Those that make what is shown; sorted.
  std::vector<SiblingName> losers;                         // The other siblings; sorted.
};

// `entries`: all entries of the field, as Record::of_field gives them.
FieldReading read_field(const schema::FieldDef& field, std::span<const Entry> entries);

// The reading of one register.
struct RegisterReading {
  const Sibling* shown = nullptr;  // Into the register; null where there is no sibling.
  bool present = false;
  bool flagged = false;
  bool contested = false;
};
// `rule` as it stands in the register: of a map field the rule of its values, see register_rule.
RegisterReading read_register(schema::Rule rule, const schema::FieldDef& field,
                              const Register& state);
// The rule by which each single register of the field is read.
schema::Rule register_rule(const schema::FieldDef& field);

// The stage that a value of the field names: its text, or the first member of its struct.
std::optional<std::string> stage_of(const schema::FieldDef& field, ByteView value);

// A stage field that a log reopens ($reopens) has a second register under this key: `true` by
// whoever adds an entry, null by whoever moves to the stage that entries take back, each over what
// he was shown. So an entry that the move's author had not seen leaves a `true` that stands.
inline constexpr ByteView kReopenKey{"reopened"};

// The stage shown is not one that was written: an entry that its author had not seen took the
// record back. `by` is the latest such entry's sibling, into `entries`; null where nothing did.
// `moved` is the sibling that was taken back.
struct ReopenedReading {
  const Sibling* by = nullptr;
  const Sibling* moved = nullptr;
};
ReopenedReading read_reopened(const schema::FieldDef& field, std::span<const Entry> entries);

// Whether `a` reads before `b` where the highest stamp is shown: by stamp, then replica, then
// commit.
bool later(const Sibling& a, const Sibling& b);

}  // namespace satchel::sync
