// The JSON shapes that the SDK hands out (cli.md, satchel.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog/catalog.hpp"
#include "sync/edge/edge.hpp"
#include "sync/merge/explain.hpp"

namespace satchel::sdk {

// {"collection","conflicts":[],"fields":{},"id","withheld":[]}; names sorted.
std::string record_json(const schema::CollectionDef& collection, const sync::Record& record);
// {"collection","fields":{},"id","seq"} with the shown values of `fields`, null where absent or
// withheld. `record` null: gone.
std::string change_json(const schema::CollectionDef& collection, const RecordId& id,
                        const sync::Record* record, const std::vector<FieldId>& fields,
                        Sequence seq);
// Whether a person should look at some field of the record, and one row for each such field:
// {"collection","field","id","rule","shown","siblings":[{"dot","replica","stamp","value"}]}.
bool has_conflict(const schema::CollectionDef& collection, const sync::Record& record);
void append_conflicts(const schema::CollectionDef& collection, const sync::Record& record,
                      const sync::NameOfReplica& name, std::vector<std::string>& rows);

std::string pending_json(const schema::Catalog& catalog, const sync::PendingCommit& commit,
                         bool with_values);
// [{"commit","records":[{"collection","id"}],"state"}]: what of the outbox cannot be read.
std::string records_json(const schema::Catalog& catalog,
                         const std::vector<std::pair<CollectionId, RecordId>>& records);
std::string damaged_json(const schema::Catalog& catalog,
                         const std::vector<sync::DamagedCommit>& damaged);
std::string inbox_json(const schema::Catalog& catalog, const sync::InboxItem& item,
                       bool with_values);

// {"hash","collections":[...]}
std::string schema_json(const schema::Catalog& catalog);

// "2026-11-21T21:36:00.123456Z", or null for 0.
std::string time_json(std::int64_t time_us);
std::string text_json(std::string_view text);

}  // namespace satchel::sdk
