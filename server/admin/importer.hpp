// Imports: rows with keys become records, the same ones on every run.
//
// A row names its record by a key: the record's own id, a plain field, or an entry of externalIds.
// The importer looks the key up among the collection's records; what it does not find it makes,
// under an id that follows from the key. What a row says already is not written again.
#pragma once

#include <deque>
#include <mutex>
#include <string>

#include "server/admin/import_row.hpp"
#include "server/app/writer.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

// Thread-safe: batches run one after the other.
class Importer {
 public:
  Importer(sync::Hub& hub, Writer& writer) : hub_(hub), writer_(writer) {}
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  // The whole batch is one durable commit. kCollectionUnknown, kFieldUnknown (the key),
  // kPolicyDenied, the store's errors; a row's own trouble is in the report.
  Result<ImportReport> run(const ImportBatch& batch);

 private:
  // What one run has looked up, by "collection key".
  struct Run {
    std::string name;
    KeyIndexes indexes;
  };
  class Pass;

  Run& run_of(const std::string& name);
  // `own` becomes richer by the keys of what was written; null where rows are found otherwise. No
  // thread of the batch reads `run` any more when it returns.
  Result<ImportReport> run_batch(const Run& run, const ImportBatch& batch,
                                 const schema::Catalog& catalog, KeyIndex* own);
  Result<KeyIndex*> index_of(Run& run, const std::string& collection, const std::string& key);

  sync::Hub& hub_;
  Writer& writer_;
  std::mutex mutex_;
  std::deque<Run> runs_;  // The last few; under mutex_.
};

}  // namespace satchel::server
