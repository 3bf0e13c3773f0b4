// Records as canonical JSON: what `dump`, `get` and the tests that compare replicas see.
#pragma once

#include <string>
#include <vector>

#include "schema/catalog/catalog.hpp"
#include "sync/merge/record.hpp"

namespace satchel::sync {

struct CanonicalOptions {
  bool clocks = false;  // Adds contexts, dots, stamps, siblings and withheld marks.
};

// {"collection","fields","id"}, RFC 8785 with 64-bit integers as plain digits, without a line end.
// Fields by name; sets sorted by element, maps objects by the text of their keys, logs lists in key
// order; absent fields and fields that the schema does not know are left out. Whether the record
// lives is for the caller to ask (life.hpp).
//
// With clocks there are also "clocks" and "life": by field (an unknown one as "@" and its number),
// and for map fields by key, {"context":{replica:commit},"siblings":[{"dot","stamp","value"}]} or
// {"withheld":true}; a value of an unknown field and of life stands as "@" and hexadecimal digits.
std::string canonical_record(const schema::CollectionDef& collection, const Record& record,
                             CanonicalOptions options = {});

// The "fields" object alone.
std::string canonical_fields(const schema::CollectionDef& collection, const Record& record);

// Names of the fields of which a part is withheld, and of those that a person should look at;
// sorted as names.
std::vector<std::string> withheld_fields(const schema::CollectionDef& collection,
                                         const Record& record);
std::vector<std::string> conflicting_fields(const schema::CollectionDef& collection,
                                            const Record& record);

}  // namespace satchel::sync
