#include "server/ctl/batch_sender.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace satchel::server {
namespace {

namespace json = boost::json;

std::uint64_t number_of(const json::object& from, const char* name) {
  const auto* const value = from.if_contains(name);
  const auto* const number = value == nullptr ? nullptr : value->if_int64();
  return number == nullptr || *number < 0 ? 0 : static_cast<std::uint64_t>(*number);
}

std::string text_of(const json::object& from, const char* name) {
  const auto* const value = from.if_contains(name);
  return value == nullptr || !value->is_string() ? std::string{}
                                                 : std::string(value->get_string().c_str());
}

// What the server says of a batch. kFrameMalformed.
Status read_report(const Bytes& body, ImportCounts& counts,
                   std::vector<FileComplaint>& complaints) {
  boost::system::error_code error;
  const json::value parsed = json::parse(body, error);
  const auto* const report = parsed.if_object();
  const auto* const unusable = report == nullptr ? nullptr : report->if_contains("unusable");
  if (error || unusable == nullptr || !unusable->is_array()) {
    return Error{Errc::kFrameMalformed, "the server's answer is no report"};
  }
  counts = {number_of(*report, "created"), number_of(*report, "updated"),
            number_of(*report, "unchanged")};
  for (const json::value& each : unusable->get_array()) {
    if (!each.is_object()) return Error{Errc::kFrameMalformed, "the server's answer is no report"};
    const json::object& said = each.get_object();
    complaints.push_back(
        {number_of(said, "line"), 0, text_of(said, "field"), text_of(said, "reason")});
  }
  return {};
}

}  // namespace

BatchSender::BatchSender(AdminClient& client, std::string path, ImportLog& log,
                         ImportProgress& progress)
    : client_(client), path_(std::move(path)), log_(log), progress_(progress), thread_([this] {
        work();
      }) {}

BatchSender::~BatchSender() { static_cast<void>(finish()); }

Status BatchSender::send(OutgoingBatch batch) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !waiting_ || !status_; });
  if (!status_) return status_.error();
  waiting_ = std::move(batch);
  changed_.notify_all();
  return {};
}

Status BatchSender::finish() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  return status_;
}

void BatchSender::work() {
  for (;;) {
    OutgoingBatch batch;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return waiting_ || ending_; });
      if (!waiting_) return;
      batch = std::move(*waiting_);
      waiting_.reset();
      changed_.notify_all();
    }
    Status delivered = deliver(batch);
    if (delivered) continue;
    const std::lock_guard lock{mutex_};
    status_ = std::move(delivered);
    waiting_.reset();
    changed_.notify_all();
    return;
  }
}

Status BatchSender::deliver(const OutgoingBatch& batch) {
  ImportCounts counts;
  std::vector<FileComplaint> complaints = batch.complaints;
  if (!batch.body.empty()) {
    auto report = client_.post(path_, batch.body, "application/x-ndjson");
    if (!report) return report.error();
    SATCHEL_TRY(read_report(*report, counts, complaints));
  }
  log_.add(counts, std::move(complaints));
  progress_.reached(batch.rows_read, batch.read_bytes);
  return {};
}

}  // namespace satchel::server
