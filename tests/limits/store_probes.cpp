#include "schema/model/limits.hpp"
#include "tests/contract/store_engines.hpp"
#include "tests/limits/probe.hpp"

namespace satchel::test {
namespace {

// Every engine keeps the same limits.
Status in_every_engine(const std::function<Status(sync::WriteTxn&)>& work) {
  for (const sync::contract::EngineKind& kind : sync::contract::all_engines()) {
    const auto engine = kind.make();
    auto store = engine->open();
    if (!store) return store.error();
    auto txn = (*store)->begin_write();
    if (!txn) return txn.error();
    SATCHEL_TRY(work(**txn));
    SATCHEL_TRY((*txn)->commit());
  }
  return {};
}

Status row_key(std::size_t size) {
  return in_every_engine(
      [&](sync::WriteTxn& txn) { return txn.put(sync::Table::kMeta, Bytes(size, 'k'), "v"); });
}
Status row_value(std::size_t size) {
  return in_every_engine(
      [&](sync::WriteTxn& txn) { return txn.put(sync::Table::kMeta, "k", Bytes(size, 'v')); });
}

// Of a sealed record: what lies on the disk is measured, padding and tags and all. Padded to 32
// bytes, so that the sizes that there are end below the limit and go on above it.
Status sealed_record(std::size_t size) {
  sync::contract::LmdbEngine engine;
  auto store = engine.open();
  if (!store) return store.error();
  auto txn = (*store)->begin_write();
  if (!txn) return txn.error();
  auto number = (*txn)->number_for(sync::contract::record_id(1));
  if (!number) return number.error();
  // Two segments and a header: 3 seals of 28 bytes, contents of whole 32 bytes. The header has 64,
  // the first segment 32, the second the rest.
  const bool fits = size <= limits::kRecordBytesMax;
  const std::size_t rest = (limits::kRecordBytesMax - 3 * 28 - 64 - 32) / 32 * 32 + (fits ? 0 : 32);
  std::vector<sync::StoredRecord> records;
  records.push_back(sync::contract::record(*number, "h", "c", Bytes(rest - 8, 'p')));
  SATCHEL_TRY((*txn)->put_many(records));
  return (*txn)->commit();
}

}  // namespace

LimitProbes store_probes() {
  return {
      {"kStoreKeyBytesMax", "store", row_key, Errc::kLimitExceeded, "bytes of a store key"},
      {"kRecordBytesMax", "store row", row_value, Errc::kLimitExceeded, "bytes of a row"},
      {"kRecordBytesMax", "sealed record", sealed_record, Errc::kLimitExceeded,
       "bytes of a record"},
  };
}

}  // namespace satchel::test
