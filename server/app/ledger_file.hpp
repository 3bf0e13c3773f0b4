// The ledger (sync/hub/ledger.hpp) as a file of its own, which no backup holds.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "crypto/entropy.hpp"
#include "crypto/hash.hpp"
#include "schema/model/ids.hpp"
#include "sync/hub/ledger.hpp"

namespace satchel::server {

// Blocks of 96 bytes, numbers little-endian; the first is the head. Blocks are only ever added, and
// each proves itself, so that a damaged one takes no other with it.
//
//   offset  head                                entry
//        0  "SATCHLDG"                          index u64, from 1
//        8  format u16 = 1                      time u64, microseconds
//       10  zeros                               (of the time)
//       16  ledger id 16                        kind u8, flags u8, length of the subject u8, zeros
//       32  workspace id 16                     subject 32, zeros behind
//       48  flags u8: 1 begun after a loss      (of the subject)
//       64  HMAC-SHA256 of what is above        HMAC-SHA256 of ledger id and what is above
//
// The key is HMAC(receipt key, "satchel ledger v1"): that of server.keys, which a backup of the
// keys brings back. A block that was cut while it was written is no damage: it was never vouched
// for, and goes.
class LedgerFile final : public sync::Ledger {
 public:
  // What was met on opening.
  struct Condition {
    std::size_t damaged = 0;  // Entries that do not prove themselves.
    bool after_loss = false;  // It began where an earlier ledger was gone, or an entry says so.
  };
  struct Contents {
    std::vector<sync::LedgerEntry> entries;  // Those that prove themselves, in order.
    Condition condition;
    std::uint64_t count = 0;  // With those that do not.
    Bytes id;
  };

  // kNotFound: there is none; kKeyWrong: it is of another server or workspace, or its head is
  // damaged; kFileRead. Changes nothing.
  static Result<Contents> read(const std::string& path, ByteView receipt_key,
                               const WorkspaceId& workspace);
  // Makes one. kAlreadyExists, kFileWrite, kEntropy.
  static Status make(const std::string& path, ByteView receipt_key, const WorkspaceId& workspace,
                     bool after_loss, crypto::Entropy& entropy);
  // As read(), to be added to.
  static Result<std::unique_ptr<LedgerFile>> open(const std::string& path, ByteView receipt_key,
                                                  const WorkspaceId& workspace);
  ~LedgerFile() override;
  LedgerFile(const LedgerFile&) = delete;
  LedgerFile& operator=(const LedgerFile&) = delete;

  Status append(std::span<const sync::LedgerEntry> entries) override;
  // Ledger id (16) and count (u64 LE).
  [[nodiscard]] Bytes place() const override;

  // As it was when it was opened.
  [[nodiscard]] const std::vector<sync::LedgerEntry>& entries() const { return contents_.entries; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Thread-safe, as the next.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::size_t damaged() const { return contents_.condition.damaged; }
  [[nodiscard]] bool after_loss() const { return after_loss_; }

 private:
  LedgerFile(std::string path, int descriptor, crypto::HmacKey key, Contents contents);

  std::string path_;
  int descriptor_;
  crypto::HmacKey key_;
  Contents contents_;
  std::atomic<std::uint64_t> count_;
  std::atomic<bool> after_loss_;
};

// How many entries of the ledger that `place` names are gone, seen from what it has now; of another
// ledger: 0. `place` as Ledger::place().
std::uint64_t entries_gone(ByteView place, const sync::Ledger& ledger);

}  // namespace satchel::server
