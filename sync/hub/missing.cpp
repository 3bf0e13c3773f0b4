#include "sync/hub/missing.hpp"

#include "sync/hub/rows.hpp"

namespace satchel::sync {
namespace {

// A row for each: key = this, replica id, commit (u64 big-endian), record id; value = format u8 1,
// collection u64 LE, registers, device id, time u64 LE.
constexpr std::string_view kMissingKey = "hub.missing.";
constexpr char kFormat = 1;

Bytes key_of(const KnownState& state) {
  Bytes key{kMissingKey};
  key += state.dot.replica.bytes();
  append_u64_big(key, state.dot.commit);
  key += state.record.bytes();
  return key;
}

Bytes encode(const MissingState& missing) {
  Bytes row{kFormat};
  append_u64(row, missing.state.collection);
  append_varint(row, missing.state.registers);
  row += missing.told_by.bytes();
  append_u64(row, static_cast<std::uint64_t>(missing.told_us));
  return row;
}

Result<MissingState> decode(ByteView key, ByteView value) {
  ByteReader name{key.substr(kMissingKey.size())};
  ByteReader in{value};
  const bool of_format = in.u8() == static_cast<std::uint8_t>(kFormat);
  const auto replica = ReplicaId::from_bytes(name.take(16));
  MissingState missing;
  missing.state.dot.commit = name.u64_big();
  const auto record = RecordId::from_bytes(name.take(16));
  missing.state.collection = in.u64();
  missing.state.registers = in.varint();
  const auto device = DeviceId::from_bytes(in.take(16));
  missing.told_us = static_cast<std::int64_t>(in.u64());
  if (!of_format || !replica || !record || !device || !in.finished())
    return Error{Errc::kStoreCorrupt, "a row of missing states does not follow its format"};
  missing.state.dot.replica = *replica;
  missing.state.record = *record;
  missing.told_by = *device;
  return missing;
}

Result<std::vector<MissingState>> read_all(ReadTxn& txn) {
  std::vector<MissingState> all;
  Status decoded;
  SATCHEL_TRY(txn.scan(Table::kMeta, kMissingKey, [&](ByteView key, ByteView value) {
    if (!key.starts_with(kMissingKey)) return false;
    auto missing = decode(key, value);
    if (missing) all.push_back(*missing);
    if (!missing) decoded = missing.error();
    return missing.has_value();
  }));
  SATCHEL_TRY(decoded);
  return all;
}

}  // namespace

// Its author has offered again what he had, whatever became of it; or the record has it.
Result<bool> MissingStates::is_back(ReadTxn& txn, const KnownState& state) {
  auto row = txn.find(Table::kWatermarks, state.dot.replica.bytes());
  if (!row) return row.error();
  if (*row) {
    auto replica = decode_replica_state(**row);
    if (!replica) return replica.error();
    if (replica->watermark >= state.dot.commit) return true;
  }
  auto numbers = txn.find_numbers(std::span{&state.record, 1});
  if (!numbers) return numbers.error();
  auto record = open_by_number(txn, hub_.parts_.store.numbers(), state.record, numbers->front());
  if (!record) return is_damage(record.error().code) ? false : Result<bool>{record.error()};
  return *record && clock_of(**record).covers(state.dot);
}

Status MissingStates::note(HubTxn& txn, const DeviceId& device,
                           std::span<const KnownState> states) {
  if (states.empty()) return {};
  std::size_t count = 0;
  SATCHEL_TRY(txn.txn_->scan_keys(Table::kMeta, kMissingKey, [&](ByteView key) {
    count += key.starts_with(kMissingKey) ? 1 : 0;
    return key.starts_with(kMissingKey);
  }));
  for (const KnownState& state : states) {
    if (count >= kMax) return {};
    auto back = is_back(*txn.txn_, state);
    if (!back) return back.error();
    if (*back) continue;
    const Bytes key = key_of(state);
    auto held = txn.txn_->find(Table::kMeta, key);
    if (!held) return held.error();
    if (*held) continue;
    const MissingState missing{state, device, hub_.parts_.clock.wall_us()};
    SATCHEL_TRY(txn.txn_->put(Table::kMeta, key, encode(missing)));
    ++count;
  }
  return {};
}

Result<std::vector<MissingState>> MissingStates::list() {
  auto txn = hub_.parts_.store.begin_read();
  if (!txn) return txn.error();
  auto all = read_all(**txn);
  if (!all) return all.error();
  std::vector<MissingState> missing;
  for (const MissingState& each : *all) {
    auto back = is_back(**txn, each.state);
    if (!back) return back.error();
    if (!*back) missing.push_back(each);
  }
  return missing;
}

Status MissingStates::sweep(HubTxn& txn, std::int64_t keep_us) {
  auto all = read_all(*txn.txn_);
  if (!all) return all.error();
  const std::int64_t since_us = hub_.parts_.clock.wall_us() - keep_us;
  for (const MissingState& each : *all) {
    auto back = is_back(*txn.txn_, each.state);
    if (!back) return back.error();
    if (*back || each.told_us < since_us)
      SATCHEL_TRY(txn.txn_->erase(Table::kMeta, key_of(each.state)));
  }
  return {};
}

Result<std::vector<DeviceId>> MissingStates::awaited(std::int64_t replica_expiry_us) {
  std::vector<DeviceId> awaited;
  const HubState now = hub_.state();
  auto devices = hub_.devices();
  if (!devices) return devices.error();
  for (const Device& device : *devices) {
    if (device.revoked || device.replica.is_zero()) continue;
    auto replica = hub_.find_replica(device.replica);
    if (!replica) return replica.error();
    if (!*replica) continue;
    const bool expired = (*replica)->is_silent(hub_.parts_.clock.wall_us(), replica_expiry_us);
    const bool here =
        (*replica)->progress.incarnation == now.incarnation && (*replica)->progress.below == 0;
    if (!expired && !here) awaited.push_back(device.id);
  }
  return awaited;
}

}  // namespace satchel::sync
