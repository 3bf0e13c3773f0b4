// What the ledger has to be told, and what it tells a store that was put back.
#include "sync/hub/ledger.hpp"

#include "sync/hub/hub.hpp"

namespace satchel::sync {
namespace {

constexpr std::string_view kLedgerPlaceKey = "hub.ledger";

// Nothing: it was no news.
std::optional<Device> revoked_by(const LedgerEntry& entry, const Device& device) {
  const bool wipe = (entry.flags & kLedgerWipe) != 0;
  if (device.revoked && (device.wipe || !wipe)) return std::nullopt;
  Device after = device;
  after.revoked = true;
  after.wipe = device.wipe || wipe;
  return after;
}

}  // namespace

// The ledger first: an entry whose commit fails says of somebody that he was to be shut out, which
// the next start makes true; a commit whose entry is not there would be undone by a restore.
Status HubTxn::tell_ledger() {
  if (ledger_due_.empty() || hub_.parts_.ledger == nullptr || replaying_) return {};
  SATCHEL_TRY(hub_.parts_.ledger->append(ledger_due_));
  ledger_due_.clear();
  return put_ledger_place();
}

Status HubTxn::put_ledger_place() {
  if (hub_.parts_.ledger == nullptr) return {};
  return txn_->put(Table::kMeta, kLedgerPlaceKey, hub_.parts_.ledger->place());
}

Result<Bytes> Hub::read_ledger_place(Store& store) {
  auto txn = store.begin_read();
  if (!txn) return txn.error();
  auto row = (*txn)->find(Table::kMeta, kLedgerPlaceKey);
  if (!row) return row.error();
  return row->value_or(Bytes{});
}

Result<std::size_t> Hub::replay(std::span<const LedgerEntry> entries) {
  std::size_t news = 0;
  auto txn = begin();
  if (!txn) return txn.error();
  (*txn)->replaying_ = true;
  for (const LedgerEntry& entry : entries) {
    if (entry.kind == LedgerKind::kRevocation) {
      const auto id = DeviceId::from_bytes(ByteView{entry.subject}.substr(0, 16));
      if (!id) continue;
      auto device = (*txn)->find_device(*id);
      if (!device) return device.error();
      // One that was enrolled after the backup is unknown here, and so is shut out already.
      const auto after = *device ? revoked_by(entry, **device) : std::nullopt;
      if (!after) continue;
      SATCHEL_TRY((*txn)->put_device(*after));
      ++news;
    } else if (entry.kind == LedgerKind::kUserDisabled) {
      auto row = (*txn)->txn_->find(Table::kUsers, entry.subject);
      if (!row) return row.error();
      if (!*row) continue;
      auto user = decode_user(**row);
      if (!user) return user.error();
      if (!user->active) continue;
      user->active = false;
      SATCHEL_TRY((*txn)->put_user(*user));
      ++news;
    }
  }
  auto place = (*txn)->txn_->find(Table::kMeta, kLedgerPlaceKey);
  if (!place) return place.error();
  const bool known = parts_.ledger == nullptr || (*place && **place == parts_.ledger->place());
  if (news == 0 && known) return news;
  SATCHEL_TRY((*txn)->put_ledger_place());
  SATCHEL_TRY((*txn)->commit());
  return news;
}

Result<std::vector<LedgerEntry>> Hub::ledger_of_store() {
  std::vector<LedgerEntry> entries;
  const std::int64_t now_us = clock().wall_us();
  auto all = devices();
  if (!all) return all.error();
  for (const Device& device : *all) {
    if (!device.revoked) continue;
    const std::uint8_t flags = device.wipe ? kLedgerWipe : 0;
    entries.push_back({LedgerKind::kRevocation, flags, now_us, Bytes{device.id.bytes()}});
  }
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  Status decoded;
  SATCHEL_TRY((*txn)->scan(Table::kUsers, {}, [&](ByteView key, ByteView value) {
    const auto user = decode_user(value);
    if (!user) decoded = user.error();
    if (user && !user->active)
      entries.push_back({LedgerKind::kUserDisabled, 0, now_us, Bytes{key}});
    return static_cast<bool>(decoded);
  }));
  SATCHEL_TRY(decoded);
  return entries;
}

}  // namespace satchel::sync
