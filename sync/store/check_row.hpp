// What every engine asks of a row of the small tables before it writes.
#pragma once

#include "schema/model/limits.hpp"
#include "sync/store/store.hpp"

namespace satchel::sync {

// kInvalidArgument: an empty key; kLimitExceeded: limits::kStoreKeyBytesMax, kRecordBytesMax.
// A table that is not the caller's to write is a bug of ours.
inline Status check_row(Table table, ByteView key, std::size_t value_size) {
  SATCHEL_ASSERT(table > Table::kReplicas && static_cast<std::size_t>(table) < kTableCount);
  if (key.empty()) return Error{Errc::kInvalidArgument, "an empty key"};
  if (key.size() > limits::kStoreKeyBytesMax) {
    return Error{Errc::kLimitExceeded, "bytes of a store key"};
  }
  if (value_size > limits::kRecordBytesMax) return Error{Errc::kLimitExceeded, "bytes of a row"};
  return {};
}

}  // namespace satchel::sync
