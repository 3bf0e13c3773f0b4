// The rows that a store holds of one record, to be damaged and put back by hand. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "sync/store/store.hpp"

namespace satchel::test {

inline sync::StoredRecord stored_record(sync::Store& store, const RecordId& id) {
  auto txn = store.begin_read();
  const auto number = (*txn)->find_numbers(std::span{&id, 1})->front();
  std::vector<sync::StoredRecord> found;
  EXPECT_TRUE((*txn)->find_many(std::span{&number, 1}, found));
  SATCHEL_ASSERT(found.size() == 1);
  return found.front();
}

inline void put_stored(sync::Store& store, sync::StoredRecord record) {
  auto txn = store.begin_write();
  EXPECT_TRUE(txn && (*txn)->put_many(std::span{&record, 1}) && (*txn)->commit());
}

// Garbage in the place of what it says, and of its name where the header is to go too. Gives what
// was there.
inline sync::StoredRecord spoil_record(sync::Store& store, const RecordId& id,
                                       bool header_too = false) {
  sync::StoredRecord whole = stored_record(store, id);
  sync::StoredRecord bad = whole;
  for (sync::Segment& segment : bad.segments) segment.bytes = "\1garbage";
  if (header_too) bad.header = "\1garbage";
  put_stored(store, bad);
  return whole;
}

}  // namespace satchel::test
