// A device that keeps so many days of history and no more ($history of the schema).
#include <map>
#include <set>

#include "schema/model/limits.hpp"
#include "sync/edge/apply.hpp"
#include "sync/merge/reference.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;

// Looks through base for what is of an earlier time. What does not open is left where it is.
class Aged {
 public:
  Aged(ReadTxn& txn, const schema::Catalog& catalog, const ReplicaNumbers& numbers,
       std::int64_t from_us, const std::vector<RecordId>& kept)
      : txn_(txn),
        catalog_(catalog),
        numbers_(numbers),
        from_us_(from_us),
        kept_(kept.begin(), kept.end()) {}

  Result<std::vector<RecordNumber>> find() {
    Status failed;
    SATCHEL_TRY(txn_.scan_records(1, [&](StoredRecord& stored) {
      const Status looked = look_at(stored);
      if (!looked && !is_damage(looked.error().code)) failed = looked;
      return failed.has_value();
    }));
    SATCHEL_TRY(failed);
    for (const auto& [number, named] : by_others_) {
      if (old_.contains(named)) found_.push_back(number);
    }
    return std::move(found_);
  }

 private:
  Status look_at(const StoredRecord& stored) {
    const auto name = decode_name(stored.header);
    if (!name) return name.error();
    const CollectionDef* collection = catalog_.find(name->collection);
    if (collection == nullptr || !collection->history || kept_.contains(name->id)) return {};
    const schema::History& history = *collection->history;
    const schema::FieldDef& field = *collection->find(history.through.value_or(history.at));
    const auto record = open_class(txn_, stored, field.privacy, numbers_);
    if (!record) return record.error();
    if (history.through) {
      if (const auto named = shown_reference(field, *record))
        by_others_.emplace_back(stored.number, *named);
      return {};
    }
    const auto at_us = shown_time(field, record->of_field(field.id));
    if (!at_us || *at_us >= from_us_) return {};
    old_.insert(name->id);
    found_.push_back(stored.number);
    return {};
  }

  ReadTxn& txn_;
  const schema::Catalog& catalog_;
  const ReplicaNumbers& numbers_;
  std::int64_t from_us_;
  std::set<RecordId> kept_;
  std::set<RecordId> old_;
  std::vector<std::pair<RecordNumber, RecordId>> by_others_;  // As old as what they name.
  std::vector<RecordNumber> found_;
};

}  // namespace

Result<std::size_t> Edge::let_go_of_history(std::int64_t from_us, const EdgeState& state) {
  auto txn = parts_.store.begin_write();
  if (!txn) return txn.error();
  // What has work on it stays until that has its answer.
  auto aged = Aged{**txn, *catalog_, store().numbers(), from_us, pending_ids()}.find();
  if (!aged) return aged.error();
  EdgeApply apply{*this, **txn};
  SATCHEL_TRY(apply.drop(*aged));
  SATCHEL_TRY(save_state(**txn, state));
  SATCHEL_TRY((*txn)->commit());
  txn->reset();
  state_ = state;
  tell(apply.changes());
  return aged->size();
}

Result<std::size_t> Edge::narrow(std::uint32_t days) {
  if (days > limits::kHistoryDaysMax) {
    return Error{Errc::kLimitExceeded, "history is kept for at most " +
                                           std::to_string(limits::kHistoryDaysMax) + " days"};
  }
  const std::int64_t from_us = history_from(trusted_now_us(), days);
  EdgeState state = state_;
  state.history_days = days;
  if (from_us < state.history_from) {
    // What it let go of is not known any more: it is told everything that it may hold anew.
    state.history_from = 0;
    state.cursor = {};
    state.bootstrapped = false;
    return let_go_of_history(0, state);
  }
  state.history_from = from_us;
  return let_go_of_history(from_us, state);
}

}  // namespace satchel::sync
