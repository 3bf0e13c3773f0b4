// The sentence of an explanation. Private to sync/merge.
#pragma once

#include "sync/merge/explain.hpp"

namespace satchel::sync {

// Exactly one sentence, from its capital to its full stop.
std::string sentence_of(const schema::FieldDef& field, std::span<const Entry> entries,
                        const FieldReading& reading, const NameOfReplica& name);

// NameOfReplica with its fallback.
std::string person_of(const NameOfReplica& name, const ReplicaId& replica);

}  // namespace satchel::sync
