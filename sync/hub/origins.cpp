// Commits that copies of a device numbered anew, each by itself: known again by what they were when
// they were first written (docs/adr/0013-a-renumbered-commit-names-its-origin.md).
#include <algorithm>

#include "sync/hub/rows.hpp"
#include "sync/merge/life.hpp"

namespace satchel::sync {
namespace {

constexpr char kFormat = 1;

// Of a commit that came with an origin: key = this, device, origin's replica, number, and the first
// bytes of its hash. The device stands first, so that whoever lies about an origin finds his own
// commits only.
constexpr std::string_view kOriginKey = "hub.origin.";
// Numbers in a row under which nothing took effect: key = this, device, replica, first number;
// where each was taken instead.
constexpr std::string_view kAliasKey = "hub.alias.";

wire::CommitOrigin origin_of(const wire::CommitHeader& header) {
  if (header.origin) return *header.origin;
  return {header.replica, header.number, header.content_hash};
}

Bytes origin_key(const DeviceId& device, const wire::CommitOrigin& origin) {
  Bytes key{kOriginKey};
  key += device.bytes();
  key += origin.replica.bytes();
  append_u64_big(key, origin.number);
  key += ByteView{origin.content_hash}.substr(0, kKnownHashBytes);
  return key;
}

Bytes alias_prefix(const DeviceId& device) {
  Bytes key{kAliasKey};
  key += device.bytes();
  return key;
}

struct AliasRun {
  Dot first;
  std::uint64_t count = 0;
  Dot taken;  // Of `first`; the numbers run on together.
};

Error malformed() {
  return Error{Errc::kStoreCorrupt, "a row of renumbered commits does not follow its format"};
}

Result<Dot> read_dot(ByteReader& in) {
  const auto replica = ReplicaId::from_bytes(in.take(16));
  const CommitNumber number = in.u64_big();
  if (!replica || in.failed()) return malformed();
  return Dot{*replica, number};
}

Status put_run(WriteTxn& txn, const DeviceId& device, const AliasRun& run) {
  Bytes key = alias_prefix(device);
  key += run.first.replica.bytes();
  append_u64_big(key, run.first.commit);
  Bytes row{kFormat};
  row += run.taken.replica.bytes();
  append_u64_big(row, run.taken.commit);
  append_varint(row, run.count);
  return txn.put(Table::kMeta, key, row);
}

// Of all ids that the device has had; of each, rising by their first numbers.
Result<std::vector<AliasRun>> runs_of(ReadTxn& txn, const DeviceId& device) {
  const Bytes prefix = alias_prefix(device);
  std::vector<AliasRun> runs;
  Status decoded;
  const auto visit = [&](ByteView key, ByteView value) {
    if (!key.starts_with(prefix)) return false;
    ByteReader name{key.substr(prefix.size())};
    ByteReader in{value};
    const bool of_format = in.u8() == static_cast<std::uint8_t>(kFormat);
    auto first = read_dot(name);
    auto taken = read_dot(in);
    const std::uint64_t count = in.varint();
    if (!of_format || !first || !taken || !name.finished() || !in.finished()) {
      decoded = malformed();
      return false;
    }
    runs.push_back({*first, count, *taken});
    return true;
  };
  SATCHEL_TRY(txn.scan(Table::kMeta, prefix, visit));
  SATCHEL_TRY(decoded);
  return runs;
}

// Who has seen an alias has seen what was taken in its place. Whether that was news.
bool add_taken(const std::vector<AliasRun>& runs, Context& context) {
  const Context shown = context;
  for (const AliasRun& run : runs) {
    const CommitNumber observed = shown.observed(run.first.replica);
    if (run.first.commit > observed) continue;
    const std::uint64_t past = std::min(observed - run.first.commit, run.count - 1);
    context.observe({run.taken.replica, run.taken.commit + past});
  }
  return context != shown;
}

}  // namespace

Result<std::optional<HubTxn::Elsewhere>> HubTxn::taken_elsewhere(const IngestBatch& batch,
                                                                 const DeviceId& device,
                                                                 const wire::CommitHeader& header) {
  const wire::CommitOrigin origin = origin_of(header);
  auto row = txn_->find(Table::kMeta, origin_key(device, origin));
  if (!row) return row.error();
  if (*row) {
    ByteReader in{**row};
    const bool of_format = in.u8() == static_cast<std::uint8_t>(kFormat);
    auto taken = read_dot(in);
    auto result = wire::decode_result(in.sized());
    if (!of_format || !taken || !result || !in.finished()) return malformed();
    return std::optional{Elsewhere{*taken, std::move(*result)}};
  }
  if (!header.origin) return std::optional<Elsewhere>{};
  // Or it was taken under its first name after all: another copy of the device had sent it so.
  auto first = replica_state(origin.replica);
  if (!first) return first.error();
  const bool same_device = first->device == device && first->watermark >= origin.number;
  if (!same_device) return std::optional<Elsewhere>{};
  const Dot dot{origin.replica, origin.number};
  const auto known = batch.known_origins.find(dot);
  auto answer = first_answer(dot, known == batch.known_origins.end() ? nullptr : &known->second);
  if (!answer) return answer.error();
  if (!*answer || !same_content(**answer, origin.content_hash)) return std::optional<Elsewhere>{};
  return std::optional{Elsewhere{dot, std::move((*answer)->result)}};
}

Status HubTxn::note_origin(const DeviceId& device, const wire::CommitHeader& header,
                           const wire::CommitResult& result) {
  Bytes row{kFormat};
  row += header.replica.bytes();
  append_u64_big(row, header.number);
  append_sized(row, wire::encode_result(result));
  return txn_->put(Table::kMeta, origin_key(device, origin_of(header)), row);
}

Status HubTxn::note_alias(const DeviceId& device, const Dot& alias, const Dot& taken) {
  auto runs = runs_of(*txn_, device);
  if (!runs) return runs.error();
  AliasRun run{alias, 1, taken};
  for (const AliasRun& each : *runs) {
    const bool goes_on =
        each.first.replica == alias.replica && each.first.commit + each.count == alias.commit &&
        each.taken.replica == taken.replica && each.taken.commit + each.count == taken.commit;
    if (goes_on) run = {each.first, each.count + 1, each.taken};
  }
  return put_run(*txn_, device, run);
}

Result<bool> HubTxn::add_taken_to_shown(const DeviceId& device, CommitBody& body) const {
  // Under a later id of the device, what it was shown under a former one is named as it was then.
  auto runs = runs_of(*txn_, device);
  if (!runs) return runs.error();
  if (runs->empty()) return false;
  bool added = false;
  for (RecordWrite& record : body.records) {
    for (RegisterWrite& write : record.writes) {
      if (add_taken(*runs, write.shown)) added = true;
      if (write.field != kLifeField) continue;
      auto life = decode_life(write.value);
      if (!life) continue;  // It is refused further on.
      bool noticed = false;
      for (ObservedClass& each : life->observed) {
        if (add_taken(*runs, each.observed)) noticed = true;
      }
      if (noticed) write.value = encode_life(*life);
      added = added || noticed;
    }
  }
  return added;
}

}  // namespace satchel::sync
