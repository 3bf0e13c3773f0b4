// Two indexes of the hub's: which records are in a scope, and which records name another. Keys are
// keyed hashes: names of users and ids of records are not readable in them.
#pragma once

#include <bitset>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sync/store/store.hpp"

namespace satchel::sync {

// A scope's members, as rows of Table::kScopeMembers.
//
//   key    first 16 bytes of HMAC-SHA256(receipt key, "satchel scope v1 " and the scope)
//          | record number / 128 (u64 big-endian)
//   value  format (u8 = 1) | 128 bits, the least of the first octet for the lowest number
//
// It says who may be in the scope: a row that does not open counts as full, and whoever reads the
// index looks at the records' own scopes.
inline constexpr RecordNumber kMembersOfRow = 128;
using MemberBits = std::bitset<kMembersOfRow>;  // The lowest number first.
// The key's part that is the scope's.
Bytes scope_mark(ByteView key, const std::string& scope);
inline constexpr std::size_t kScopeMarkBytes = 16;
Bytes members_row(ByteView key, const std::string& scope, RecordNumber number);
// Empty where there is no such row; nothing where it does not open.
Result<std::optional<MemberBits>> members_of_row(ReadTxn& txn, ByteView row_key);

class MemberChanges {
 public:
  void enter(const std::string& scope, RecordNumber number) { note(scope, number, true); }
  void leave(const std::string& scope, RecordNumber number) { note(scope, number, false); }
  // Each row once, however many of its records have changed.
  Status write(WriteTxn& txn, ByteView key);
  // Noted since the last write.
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  void note(const std::string& scope, RecordNumber number, bool in);
  // By scope and block: whether each record that changed is in.
  std::map<std::pair<std::string, RecordNumber>, std::map<RecordNumber, bool>> changes_;
  std::size_t count_ = 0;
};
// Numbers below `below` of the records that are in one of the scopes, falling, at most `count`.
Result<std::vector<RecordNumber>> members_below(ReadTxn& txn, ByteView key,
                                                std::span<const std::string> scopes,
                                                RecordNumber below, std::size_t count);

// Which records name `id` in a field that a scope path passes through, as rows of
// Table::kReferences. The record named may be unknown yet.
//
//   key    first 16 bytes of HMAC-SHA256(receipt key, "satchel reference v1 " and the id)
//          | number of the record that names it (u64 big-endian) | field (u16 big-endian)
//   value  format (u8 = 1)
Bytes reference_row(ByteView key, const RecordId& id, RecordNumber from, FieldId field);
struct ReferenceFrom {
  RecordNumber number = 0;
  FieldId field = 0;
};
ReferenceFrom reference_from(ByteView row_key);
Status put_reference(WriteTxn& txn, ByteView key, const RecordId& id, RecordNumber from,
                     FieldId field);
Status erase_reference(WriteTxn& txn, ByteView key, const RecordId& id, RecordNumber from,
                       FieldId field);
// Each once, rising, at most `most`.
Result<std::vector<RecordNumber>> referring_to(ReadTxn& txn, ByteView key, const RecordId& id,
                                               std::size_t most);

}  // namespace satchel::sync
