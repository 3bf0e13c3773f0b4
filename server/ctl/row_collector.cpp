#include "server/ctl/row_collector.hpp"

#include "schema/model/limits.hpp"

namespace satchel::server {
namespace {

constexpr std::size_t kBatchRows = 2000;
constexpr std::size_t kBatchBytes = 2 * 1024 * 1024;
constexpr std::size_t kBatchComplaints = 10'000;
// What is left is for the fields' names: a header's line. A row may be longer than its line: a
// mapping may write a cell several times, and escapes are longer than what they stand for.
static_assert(kBatchBytes + limits::kImportRowBytesMax + limits::kImportLineBytesMax <
              limits::kHttpBodyBytesMax);
static_assert(kBatchRows <= limits::kImportBatchRowsMax);

std::string key_text(const ImportKey& key, const Mapping& mapping, const Mapping::Cell& cell) {
  if (key.path.empty()) return {};
  if (auto text = mapping.text_of(key.path, cell)) return std::move(*text);
  return std::string(cell(key.column).value_or(""));
}

}  // namespace

ImportKey key_of(const std::string& asked, const CollectionFields& fields) {
  if (asked.empty() || asked == "id") return {asked, asked};
  if (fields.has(std::string_view{asked}.substr(0, asked.find('.')))) return {asked, asked};
  return {"externalIds." + asked, asked};
}

Status RowCollector::complain(FileComplaint complaint) {
  complaints_.push_back(std::move(complaint));
  return complaints_.size() < kBatchComplaints ? Status{} : send();
}

Status RowCollector::add_mapped(std::uint64_t line, const Mapping& mapping,
                                const Mapping::Cell& cell) {
  if (fields_.empty()) fields_ = mapping.targets();
  Mapping::Mapped mapped = mapping.apply(cell);
  for (RowComplaint& each : mapped.complaints) {
    SATCHEL_TRY(complain({line, 0, std::move(each.field), std::move(each.reason)}));
  }
  if (!mapped.complaints.empty()) return {};
  return add({line, key_text(key_, mapping, cell), std::move(mapped.values)});
}

std::size_t RowCollector::target(ImportField field) {
  const auto [at, is_new] = targets_.emplace(std::move(field), fields_.size());
  if (is_new) fields_.push_back(at->first);
  return at->second;
}

Status RowCollector::add(const ImportRow& row) {
  const auto text = import_row_text(row);
  if (!text) return complain({row.line, 0, "", text.error().context});
  text_ += *text;
  ++row_count_;
  return row_count_ < kBatchRows && text_.size() < kBatchBytes ? Status{} : send();
}

Status RowCollector::send() {
  if (row_count_ == 0 && complaints_.empty()) return {};
  if (!sender_) {
    sender_ = std::make_unique<BatchSender>(
        parts_.client, parts_.path + "&key=" + escape(key_.path), parts_.log, parts_.progress);
  }
  OutgoingBatch batch;
  if (row_count_ > 0) batch.body = import_fields_text(fields_) + text_;
  batch.complaints = std::move(complaints_);
  batch.rows_read = rows_read_;
  batch.read_bytes = parts_.source.read_bytes();
  complaints_.clear();
  text_.clear();
  row_count_ = 0;
  if (!targets_.empty()) {
    targets_.clear();
    fields_.clear();
  }
  return sender_->send(std::move(batch));
}

Status RowCollector::finish() {
  SATCHEL_TRY(send());
  return sender_ ? sender_->finish() : Status{};
}

}  // namespace satchel::server
