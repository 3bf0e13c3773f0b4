// The rows of Table::kSchemas: hash -> compiled nodes. A row proves itself: its bytes hash to its
// key.
#pragma once

#include "schema/catalog/catalog.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

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

}  // namespace satchel::sync
