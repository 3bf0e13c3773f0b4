// What a store asked of LMDB and of the seals, in order, so that a benchmark can do the same
// without the store.
#pragma once

#include <cstdint>
#include <vector>

#include "schema/model/bytes.hpp"

namespace satchel::sync {

// Off unless a store is opened with one. Thread-bound: for runs in which one thread uses the store.
struct StoreTrace {
  enum class Kind : std::uint8_t {
    kBeginRead,
    kEndRead,
    kBeginWrite,
    kCommit,
    kGet,     // key
    kPut,     // key, size of the value
    kAppend,  // as kPut, past the last key of the table
    kErase,   // key
    kSeal,    // size of the padded plaintext
    kOpen,    // size of the padded plaintext
  };
  struct Operation {
    Kind kind = Kind::kBeginRead;
    std::uint8_t table = 0;
    std::uint16_t key_size = 0;
    std::uint32_t size = 0;
    std::uint64_t key_at = 0;  // Into `keys`.
  };
  std::vector<Operation> operations;
  Bytes keys;

  void note(Kind kind) { operations.push_back({.kind = kind}); }
  void note_size(Kind kind, std::size_t size) {
    operations.push_back({.kind = kind, .size = static_cast<std::uint32_t>(size)});
  }
  void note_row(Kind kind, std::uint8_t table, ByteView key, std::size_t size = 0) {
    operations.push_back({.kind = kind,
                          .table = table,
                          .key_size = static_cast<std::uint16_t>(key.size()),
                          .size = static_cast<std::uint32_t>(size),
                          .key_at = keys.size()});
    keys += key;
  }
  [[nodiscard]] ByteView key_of(const Operation& operation) const {
    return ByteView{keys}.substr(operation.key_at, operation.key_size);
  }
};

}  // namespace satchel::sync
