// Why a field shows what it shows: inputs, clocks, rule, winner, losers, and one sentence.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sync/merge/reading.hpp"

namespace satchel::sync {

// Who wrote, for people ("Ann's phone"); an empty answer gives "replica 00112233".
using NameOfReplica = std::function<std::string(const ReplicaId&)>;

// One sibling of the field.
struct ConcurrentValue {
  Dot dot;
  Stamp stamp;
  std::string replica;  // By NameOfReplica.
  std::string key;      // Of a map field's register: key_text. Else empty.
  std::string value;    // Canonical JSON; of a set or accessSet true, or null for a removal.
};

struct Explanation {
  std::string field;
  std::string shown;  // Canonical JSON.
  std::string rule;   // As the schema names it.
  std::vector<ConcurrentValue> concurrent;
  std::vector<Dot> losers;
  std::string sentence;
  std::string restore;  // How to bring the latest loser back; empty where nothing lost.
  // By the record's stage, where the caller asked (sync/commit/gate.hpp): the basis on which the
  // field is kept, and since when no device writes it. Empty: not asked, not frozen.
  std::string retention;
  std::string frozen;
};

// Costs nothing to keep: everything is in the siblings. `entries`: all entries of the field in the
// record `id`.
Explanation explain_field(const schema::CollectionDef& collection, const RecordId& id,
                          const schema::FieldDef& field, std::span<const Entry> entries,
                          const NameOfReplica& name);

// {"concurrent":[{"dot","key","replica","stamp","value"}],"field","losers":[dot],"restore","rule",
// "sentence","shown"} as canonical JSON; "key" of map fields only, "restore" null where nothing
// lost; "retention" and "frozen" where they are said.
std::string to_json(const Explanation& explanation);

}  // namespace satchel::sync
