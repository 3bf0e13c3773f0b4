// Rows that make new records, made ready while the writer stores those before them: by a thread of
// the batch's own, and by the writer's where it would have to wait. Only a gain of time: a row that
// is not made ready is taken as any other.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "server/admin/import_row.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

// Lives for one batch. take() is for one thread.
class RowsAhead {
 public:
  // `batch`, `catalog` and `indexes` outlive it and stay as they are.
  RowsAhead(sync::Hub& hub, const ImportBatch& batch, const schema::Catalog& catalog,
            const KeyIndexes& indexes);
  ~RowsAhead();
  RowsAhead(const RowsAhead&) = delete;
  RowsAhead& operator=(const RowsAhead&) = delete;

  // The whole record of the row at this place, made ready by now or here, or waited for. Nothing
  // where the row has to be looked at in the writer's transaction: its record was there before the
  // batch, it refers to one that was not, or there is something to complain of. Each place once,
  // rising.
  std::optional<sync::RecordWrite> take(sync::HubTxn& txn, std::size_t place);

 private:
  using Ready = std::optional<sync::RecordWrite>;
  // Whether the store has ever heard of it.
  using IsKnown = std::function<Result<bool>(const RecordId& id)>;
  struct Portion {
    std::vector<Ready> rows;
    std::atomic<bool> done = false;
  };

  void work();
  // The next portion that nobody has begun; false: there is none.
  bool make_next(RowReader& reader, const IsKnown& is_known);
  Ready ready(RowReader& reader, const IsKnown& is_known, const ImportRow& row) const;

  sync::Hub& hub_;
  const ImportBatch& batch_;
  const schema::Catalog& catalog_;
  const schema::CollectionDef& collection_;
  const KeyIndexes& indexes_;
  const sync::HubState state_;
  RowReader takers_;  // Of the thread that takes.
  std::vector<Portion> portions_;
  std::atomic<std::size_t> begun_ = 0;  // Portions.
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // Last: it works on all of the above.
};

}  // namespace satchel::server
