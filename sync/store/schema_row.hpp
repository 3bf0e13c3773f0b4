// The rows of Table::kSchemas: hash -> compiled nodes. A row proves itself: its bytes hash to its
// key.
#pragma once

#include "schema/catalog/catalog.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

// Of kMeta, which holds the hash of the schema in force: a device's, a server's.
inline constexpr std::string_view kEdgeSchemaKey = "edge.schema";
inline constexpr std::string_view kHubSchemaKey = "hub.schema";

// kStoreCorrupt where the row does not open, is gone, or is not the schema of that hash.
inline Result<std::shared_ptr<const schema::Catalog>> find_schema(ReadTxn& txn, ByteView hash) {
  auto nodes = txn.find(Table::kSchemas, hash);
  if (!nodes) return nodes.error();
  const std::string name = "the stored schema " + to_hex(hash.substr(0, 4));
  if (!*nodes) return Error{Errc::kStoreCorrupt, name + " is gone"};
  auto catalog = schema::Catalog::load(**nodes);
  if (!catalog || (*catalog)->hash() != hash) return Error{Errc::kStoreCorrupt, name};
  return catalog;
}

// Drops the rows of all schemas but this: nothing reads them, and one that rots would be an alarm.
inline Status drop_other_schemas(WriteTxn& txn, ByteView hash) {
  std::vector<Bytes> others;
  SATCHEL_TRY(txn.scan_keys(Table::kSchemas, {}, [&](ByteView key) {
    if (key != hash) others.emplace_back(key);
    return true;
  }));
  for (const Bytes& key : others) SATCHEL_TRY(txn.erase(Table::kSchemas, key));
  return {};
}

// Writes the row, and that this is the schema in force: `key` is the row of kMeta that says so.
inline Status put_schema_row(WriteTxn& txn, std::string_view key, const schema::Catalog& catalog) {
  SATCHEL_TRY(txn.put(Table::kSchemas, catalog.hash(), catalog.serialized()));
  return txn.put(Table::kMeta, key, catalog.hash());
}

// Hash of the schema in force where its row does not open. Nothing where it does, and before any is
// in force. `key` as for put_schema_row.
inline Result<std::optional<Bytes>> damaged_schema(Store& store, std::string_view key) {
  auto txn = store.begin_read();
  if (!txn) return txn.error();
  auto hash = (*txn)->find(Table::kMeta, key);
  if (!hash || !*hash) return hash;
  const auto stored = find_schema(**txn, **hash);
  if (stored) return std::optional<Bytes>{};
  if (!is_damage(stored.error().code)) return stored.error();
  return hash;
}

}  // namespace satchel::sync
