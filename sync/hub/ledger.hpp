// What no restore may undo: kept outside backups, told to the store anew before it serves
// (privacy.md; sync.md, Restores and clones).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::sync {

// Numbers are part of the ledger's format.
enum class LedgerKind : std::uint8_t {
  kRevocation = 1,  // Of a device: its id. Flag kLedgerWipe: its data is to be destroyed too.
  kErasure = 2,     // Reserved, as the next four.
  kWithdrawal = 3,
  kObjection = 4,
  kRestriction = 5,
  kAuditHead = 6,
  kUserDisabled = 7,  // Key of the user's row: a keyed hash of his name.
  kEntriesLost = 8,   // Entries before this one are gone: by how many, as u64 LE, 0 if unknown.
};
inline constexpr std::uint8_t kLedgerWipe = 1;

struct LedgerEntry {
  LedgerKind kind = LedgerKind::kRevocation;
  std::uint8_t flags = 0;
  std::int64_t at_us = 0;
  Bytes subject;  // At most kLedgerSubjectBytes.
  friend bool operator==(const LedgerEntry&, const LedgerEntry&) = default;
};
inline constexpr std::size_t kLedgerSubjectBytes = 32;

// The port to where it is kept. append() is called by one thread at a time.
class Ledger {
 public:
  virtual ~Ledger() = default;
  // Durable when it returns; after an error none of them is there. kFileWrite.
  virtual Status append(std::span<const LedgerEntry> entries) = 0;
  // Which ledger this is, and how many entries it has: so that a store notices a shorter one.
  [[nodiscard]] virtual Bytes place() const = 0;
};

}  // namespace satchel::sync
