// Sends an import's batches to the server while the file is read on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"
#include "server/ctl/client.hpp"
#include "server/ctl/import_log.hpp"

namespace satchel::server {

struct OutgoingBatch {
  Bytes body;  // import_rows_text(); empty: there are complaints alone.
  std::vector<FileComplaint> complaints;
  // The file up to its end.
  std::uint64_t rows_read = 0;
  std::uint64_t read_bytes = 0;
};

// One batch is under way and at most one more waits. They arrive in order: a later row of a key is
// written over an earlier one. Thread-compatible; from construction to finish() the client, log and
// progress given belong to its thread.
class BatchSender {
 public:
  BatchSender(AdminClient& client, std::string path, ImportLog& log, ImportProgress& progress);
  ~BatchSender();
  BatchSender(const BatchSender&) = delete;
  BatchSender& operator=(const BatchSender&) = delete;

  // Waits for its turn. The error of an earlier batch: nothing is sent after it.
  Status send(OutgoingBatch batch);
  // Waits for all of them.
  Status finish();

 private:
  void work();
  Status deliver(const OutgoingBatch& batch);

  AdminClient& client_;
  std::string path_;
  ImportLog& log_;
  ImportProgress& progress_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<OutgoingBatch> waiting_;  // Under mutex_, as all below.
  Status status_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace satchel::server
