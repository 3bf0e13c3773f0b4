#include "sync/hub/agenda.hpp"

#include <algorithm>
#include <unordered_set>

#include "crypto/hash.hpp"
#include "sync/hub/selection.hpp"
#include "sync/merge/reading.hpp"
#include "sync/merge/reference.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

constexpr char kFormat = 1;
constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::size_t kKeyBytes = 16;

std::int64_t day_of(std::int64_t us) { return us / kDayUs - (us % kDayUs < 0 ? 1 : 0); }

Bytes row_key(ByteView key, const schema::CollectionDef& collection, const AgendaPlace& place) {
  Bytes message{"satchel agenda v1"};
  append_u64(message, collection.id);
  append_u64(message, static_cast<std::uint64_t>(place.day));
  message += place.owner;
  return crypto::hmac_sha256(key, message).substr(0, kKeyBytes);
}

// A row: format (u8 = 1) | count | record numbers, rising.
Bytes encode_numbers(const std::vector<RecordNumber>& numbers) {
  Bytes out{kFormat};
  append_varint(out, numbers.size());
  for (const RecordNumber number : numbers) append_varint(out, number);
  return out;
}

Result<std::vector<RecordNumber>> numbers_at(ReadTxn& txn, ByteView key) {
  std::vector<RecordNumber> numbers;
  auto row = txn.find(Table::kAgenda, key);
  if (!row) return row.error();
  if (!*row) return numbers;
  ByteReader in{**row};
  const bool known = in.u8() == static_cast<std::uint8_t>(kFormat);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) numbers.push_back(in.varint());
  if (!known || !in.finished()) {
    return Error{Errc::kStoreCorrupt, "an agenda row does not follow its format"};
  }
  return numbers;
}

std::optional<Value> shown_value(const Record& record, const schema::FieldDef& field) {
  const FieldReading reading = read_field(field, record.of_field(field.id));
  if (!reading.present) return std::nullopt;
  auto value = decode_value(reading.value);
  if (!value) return std::nullopt;
  return std::move(*value);
}

// Collects numbers, each once and up to a bound.
class Slice {
 public:
  void add(RecordNumber number) {
    if (number != 0 && numbers.size() < kAgendaRecordsMax && seen_.insert(number).second)
      numbers.push_back(number);
  }
  std::vector<RecordNumber> numbers;

 private:
  std::unordered_set<RecordNumber> seen_;
};

Status add_named(Hub& hub, ReadTxn& txn, const schema::CollectionDef& collection,
                 std::span<const RecordNumber> numbers, Slice& slice) {
  std::vector<StoredRecord> found;
  std::vector<RecordNumber> damaged;  // Noted with the page that comes to them.
  SATCHEL_TRY(read_batch(txn, numbers, found, damaged));
  std::vector<RecordId> named;
  for (const StoredRecord& stored : found) {
    if (stored.number == 0) continue;
    auto record = open_record(txn, stored, hub.store().numbers());
    if (!record && is_damage(record.error().code)) continue;
    if (!record) return record.error();
    for (const std::string& name : collection.agenda->with) {
      if (const auto id = shown_reference(*collection.find(name), *record)) named.push_back(*id);
    }
  }
  auto targets = txn.find_numbers(named);
  if (!targets) return targets.error();
  for (const RecordNumber number : *targets) slice.add(number);
  return {};
}

}  // namespace

std::optional<AgendaPlace> agenda_place(const schema::CollectionDef& collection,
                                        const Record& record) {
  if (!collection.agenda) return std::nullopt;
  const auto at = shown_value(record, *collection.find(collection.agenda->at));
  const auto owner = shown_value(record, *collection.find("owner"));
  if (!at || !owner) return std::nullopt;
  const auto* us = at->as<std::int64_t>();
  const auto* name = owner->as<std::string>();
  if (us == nullptr || name == nullptr) return std::nullopt;
  return AgendaPlace{*name, day_of(*us)};
}

bool moves_in_agenda(const schema::CollectionDef& collection, FieldId field) {
  return collection.agenda && (field == collection.find(collection.agenda->at)->id ||
                               field == collection.find("owner")->id);
}

Status leave_agenda(WriteTxn& txn, ByteView key, const schema::CollectionDef& collection,
                    const AgendaPlace& place, RecordNumber number) {
  const Bytes row = row_key(key, collection, place);
  auto numbers = numbers_at(txn, row);
  if (!numbers) return numbers.error();
  if (std::erase(*numbers, number) == 0) return {};
  if (numbers->empty()) return txn.erase(Table::kAgenda, row);
  return txn.put(Table::kAgenda, row, encode_numbers(*numbers));
}

Status enter_agenda(WriteTxn& txn, ByteView key, const schema::CollectionDef& collection,
                    const AgendaPlace& place, RecordNumber number) {
  const Bytes row = row_key(key, collection, place);
  auto numbers = numbers_at(txn, row);
  if (!numbers) return numbers.error();
  const auto at = std::lower_bound(numbers->begin(), numbers->end(), number);
  if (at != numbers->end() && *at == number) return {};
  if (numbers->size() >= kAgendaRecordsMax) return {};  // More than a day holds: in its own turn.
  numbers->insert(at, number);
  return txn.put(Table::kAgenda, row, encode_numbers(*numbers));
}

Result<std::vector<RecordNumber>> agenda_of(Hub& hub, ReadTxn& txn, ByteView key,
                                            const schema::Catalog& catalog, const std::string& user,
                                            std::int64_t now_us) {
  Slice slice;
  for (const schema::CollectionDef& collection : catalog.collections()) {
    if (!collection.agenda) continue;
    std::vector<RecordNumber> own;
    for (const std::int64_t away : {0, 1, -1}) {
      auto numbers = numbers_at(txn, row_key(key, collection, {user, day_of(now_us) + away}));
      if (!numbers) return numbers.error();
      own.insert(own.end(), numbers->begin(), numbers->end());
    }
    for (const RecordNumber number : own) slice.add(number);
    SATCHEL_TRY(add_named(hub, txn, collection, own, slice));
  }
  return std::move(slice.numbers);
}

}  // namespace satchel::sync
