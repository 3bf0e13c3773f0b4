// Records of the hub's store that cannot be read: noted, named, and told again once they can be.
#include <algorithm>

#include "sync/hub/ingestion.hpp"
#include "sync/hub/scoping.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

// Each segment opens and is a segment.
Status read_segments(ReadTxn& txn, const ReplicaNumbers& numbers, const StoredRecord& stored) {
  auto record = open_record(txn, stored, numbers);
  if (!record) return record.error();
  auto scopes = txn.find(Table::kScopes, big_key(stored.number));
  if (!scopes) return scopes.error();
  if (!*scopes) return {};
  auto memberships = decode_memberships(**scopes);
  return memberships ? Status{} : Status{memberships.error()};
}

}  // namespace

Result<std::optional<DamagedRecord>> find_damage(ReadTxn& txn, const ReplicaNumbers& numbers,
                                                 RecordNumber number) {
  DamagedRecord damaged;
  damaged.number = number;
  std::vector<StoredRecord> found;
  Status read = txn.find_many(std::span{&number, 1}, found);
  if (read && found.front().number == 0) return std::optional<DamagedRecord>{};
  if (read) {
    if (auto name = decode_name(found.front().header)) {
      damaged.collection = name->collection;
      damaged.id = name->id;
    }
    read = read_segments(txn, numbers, found.front());
  }
  if (read) return std::optional<DamagedRecord>{};
  if (!is_damage(read.error().code)) return read.error();
  return std::optional<DamagedRecord>{damaged};
}

Result<std::optional<Record>> open_by_number(ReadTxn& txn, const ReplicaNumbers& numbers,
                                             const RecordId& id, RecordNumber number) {
  if (number == 0) return std::optional<Record>{};
  const auto named = [&](const Error& error) {
    if (!is_damage(error.code)) return error;
    return Error{error.code, "the server's record " + to_text(id) + ": " + error.context};
  };
  std::vector<StoredRecord> found;
  if (Status read = txn.find_many(std::span{&number, 1}, found); !read) return named(read.error());
  if (found.front().number == 0) return std::optional<Record>{};
  auto record = open_record(txn, found.front(), numbers);
  if (!record) return named(record.error());
  return std::optional<Record>{std::move(*record)};
}

std::vector<DamagedRecord> Hub::damaged() const {
  const std::lock_guard lock{mutex_};
  std::vector<DamagedRecord> all;
  all.reserve(damaged_.size());
  for (const auto& [number, damaged] : damaged_) all.push_back(damaged);
  return all;
}

Result<std::optional<DamagedRecord>> Hub::look_at(RecordNumber number) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  return find_damage(**txn, parts_.store.numbers(), number);
}

bool Hub::is_noted(RecordNumber number) const {
  const std::lock_guard lock{mutex_};
  return damaged_.contains(number);
}

Status Hub::name_damaged(ReadTxn& txn, std::span<const RecordNumber> numbers,
                         std::vector<DamagedRecord>& named) {
  for (const RecordNumber number : numbers) {
    if (is_noted(number)) continue;
    auto found = find_damage(txn, parts_.store.numbers(), number);
    if (!found) return found.error();
    named.push_back(found->value_or(DamagedRecord{number, 0, {}}));
  }
  return {};
}

std::string Hub::name_of(const DamagedRecord& damaged) const {
  if (damaged.collection == 0) {
    return "a record whose own name is damaged (records/" + std::to_string(damaged.number) + ")";
  }
  const auto known = catalog();
  const schema::CollectionDef* collection = known->find(damaged.collection);
  return (collection == nullptr ? "a collection of another schema" : collection->name) + ' ' +
         to_text(damaged.id);
}

Status Hub::settle_damaged() {
  std::vector<RecordNumber> repaired;
  {
    auto txn = parts_.store.begin_read();
    if (!txn) return txn.error();
    std::vector<DamagedRecord> noted;
    Status decoded;
    const auto visit = [&](ByteView key, ByteView value) {
      if (!key.starts_with(kDamagedKey)) return false;
      auto damaged = decode_damaged(key, value);
      if (damaged) noted.push_back(*damaged);
      if (!damaged) decoded = damaged.error();
      return damaged.has_value();
    };
    SATCHEL_TRY((*txn)->scan(Table::kMeta, kDamagedKey, visit));
    SATCHEL_TRY(decoded);
    for (const DamagedRecord& each : noted) {
      auto still = find_damage(**txn, parts_.store.numbers(), each.number);
      if (!still) return still.error();
      damaged_[each.number] = each;
      if (!*still) repaired.push_back(each.number);
    }
  }
  if (repaired.empty()) return {};
  auto txn = begin();
  if (!txn) return txn.error();
  SATCHEL_TRY((*txn)->tell_again(repaired));
  return (*txn)->commit();
}

Status HubTxn::note_damaged(std::span<const DamagedRecord> damaged) {
  for (const DamagedRecord& each : damaged) {
    if (hub_.is_noted(each.number)) continue;
    SATCHEL_TRY(txn_->put(Table::kMeta, damaged_key(each.number), encode_damaged(each)));
    found_damaged_.push_back(each);
  }
  return {};
}

Status HubTxn::put_telling_row(std::vector<RecordNumber> records, bool repaired) {
  CommitRow row;
  row.author = state_.self;
  row.number = state_.self_next++;
  row.repaired = repaired;
  row.records = std::move(records);
  wire::CommitHeader header;
  header.replica = row.author;
  header.number = row.number;
  row.header = wire::encode_commit_header(header);
  SATCHEL_TRY(
      hub_.entropy().fill(std::span{reinterpret_cast<std::uint8_t*>(&row.tag), sizeof row.tag}));
  state_.tag = row.tag;
  ++state_.seq;
  state_changed_ = true;
  return txn_->put(Table::kCommits, big_key(state_.seq), encode_commit_row(row));
}

Status HubTxn::tell_again(std::span<const RecordNumber> repaired) {
  // What was to move while it could not be read moves now.
  Scoping scoping{*this, state_.seq + 1};
  for (const RecordNumber each : repaired) SATCHEL_TRY(scoping.place_with_dependents(each));
  SATCHEL_TRY(scoping.finish());
  std::vector<RecordNumber> told{repaired.begin(), repaired.end()};
  for (const RecordNumber each : scoping.moved()) {
    if (std::find(told.begin(), told.end(), each) == told.end()) told.push_back(each);
  }
  SATCHEL_TRY(put_telling_row(std::move(told), true));
  for (const RecordNumber each : repaired) {
    SATCHEL_TRY(txn_->erase(Table::kMeta, damaged_key(each)));
    repaired_.push_back(each);
  }
  return {};
}

Status Ingestion::note_damage(const CommitBody& body) {
  for (const RecordWrite& write : body.records) {
    auto numbers = txn_.txn_->find_numbers(std::span{&write.id, 1});
    if (!numbers && is_damage(numbers.error().code)) continue;
    if (!numbers) return numbers.error();
    if (numbers->front() == 0) continue;
    auto damaged = find_damage(*txn_.txn_, txn_.hub_.store().numbers(), numbers->front());
    if (!damaged) return damaged.error();
    if (!*damaged) continue;
    // Its author names it, even where its own header does not open.
    const DamagedRecord named{(*damaged)->number, write.collection, write.id};
    SATCHEL_TRY(txn_.note_damaged(std::span{&named, 1}));
  }
  return {};
}

}  // namespace satchel::sync
