#include "server/admin/rows_ahead.hpp"

#include <utility>

#include "server/admin/writing.hpp"

namespace satchel::server {
namespace {

constexpr std::size_t kPortionRows = 32;
// The rows of a users file write the directory too.
constexpr std::string_view kUsersCollection = "users";

std::size_t portions_of(const ImportBatch& batch) {
  if (batch.collection == kUsersCollection) return 0;
  return (batch.rows.rows.size() + kPortionRows - 1) / kPortionRows;
}

}  // namespace

RowsAhead::RowsAhead(sync::Hub& hub, const ImportBatch& batch, const schema::Catalog& catalog,
                     const KeyIndexes& indexes)
    : hub_(hub),
      batch_(batch),
      catalog_(catalog),
      collection_(*catalog.find(batch.collection)),
      indexes_(indexes),
      state_(hub.state()),
      takers_(batch, collection_, indexes, nullptr),
      portions_(portions_of(batch)) {
  if (!portions_.empty()) thread_ = std::thread{[this] { work(); }};
}

RowsAhead::~RowsAhead() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

std::optional<sync::RecordWrite> RowsAhead::take(sync::HubTxn& txn, std::size_t place) {
  if (portions_.empty()) return std::nullopt;
  Portion& portion = portions_[place / kPortionRows];
  const IsKnown is_known = [&](const RecordId& id) -> Result<bool> {
    const auto known = txn.are_known(std::span{&id, 1});
    if (!known) return known.error();
    return known->front();
  };
  while (!portion.done.load(std::memory_order_acquire)) {
    // The other thread has begun this one: the time is spent on one after it.
    if (!make_next(takers_, is_known)) portion.done.wait(false, std::memory_order_acquire);
  }
  return std::exchange(portion.rows[place % kPortionRows], std::nullopt);
}

void RowsAhead::work() {
  auto snapshot = hub_.store().begin_read();
  if (!snapshot) return;  // Whoever takes makes them ready himself.
  RowReader reader{batch_, collection_, indexes_, nullptr};
  const IsKnown is_known = [&](const RecordId& id) -> Result<bool> {
    const auto numbers = (*snapshot)->find_numbers(std::span{&id, 1});
    if (!numbers) return numbers.error();
    return numbers->front() != 0;
  };
  while (!stopping_ && make_next(reader, is_known)) {
  }
}

bool RowsAhead::make_next(RowReader& reader, const IsKnown& is_known) {
  const std::size_t at = begun_.fetch_add(1, std::memory_order_relaxed);
  if (at >= portions_.size()) return false;
  const auto& rows = batch_.rows.rows;
  const std::size_t end = std::min(rows.size(), (at + 1) * kPortionRows);
  Portion& portion = portions_[at];
  for (std::size_t i = at * kPortionRows; i < end; ++i) {
    portion.rows.push_back(ready(reader, is_known, rows[i]));
  }
  portion.done.store(true, std::memory_order_release);
  portion.done.notify_one();
  return true;
}

RowsAhead::Ready RowsAhead::ready(RowReader& reader, const IsKnown& is_known,
                                  const ImportRow& row) const {
  const RowReader::Complain nobody = [](const std::string&, const Error&) {};
  const auto id = reader.id_of(row, state_.workspace, nobody);
  if (!id) return std::nullopt;
  const auto shown = [&](const schema::CollectionDef&,
                         const RecordId& record) -> Result<std::optional<sync::Record>> {
    const auto known = is_known(record);
    if (!known) return known.error();
    if (*known) return Error{Errc::kAlreadyExists};
    return std::optional<sync::Record>{};
  };
  // Of a record that nobody has written to, nothing in the body is of its dot or stamp.
  sync::CommitBuilder builder{catalog_, shown, sync::CommitBuilder::Author::kServer,
                              sync::Dot{state_.self, 1}, sync::Stamp{}};
  if (!builder.create(batch_.collection, *id)) return std::nullopt;
  if (!fill_created(builder, collection_, *id, hub_.clock().wall_us())) return std::nullopt;
  const auto fresh = builder.shown(collection_, *id);
  if (!fresh || !reader.assign(builder, **fresh, row, nobody)) return std::nullopt;
  auto body = builder.finish();
  if (!body || body->records.size() != 1) return std::nullopt;
  return std::move(body->records.front());
}

}  // namespace satchel::server
