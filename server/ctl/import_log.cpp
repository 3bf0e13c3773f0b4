#include "server/ctl/import_log.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace satchel::server {
namespace {

namespace json = boost::json;

}  // namespace

void ImportLog::open() {
  if (!opened_ && as_json_) std::cout << "{\"unusable\":[";
  opened_ = true;
}

void ImportLog::add(const ImportCounts& counts, std::vector<FileComplaint> complaints) {
  open();
  counts_.created += counts.created;
  counts_.updated += counts.updated;
  counts_.unchanged += counts.unchanged;
  std::stable_sort(complaints.begin(), complaints.end(),
                   [](const FileComplaint& a, const FileComplaint& b) { return a.line < b.line; });
  for (const FileComplaint& each : complaints) {
    if (as_json_) {
      json::object said{{"file", file_}, {"line", each.line}};
      if (each.column != 0) said["column"] = each.column;
      said["field"] = each.field;
      said["reason"] = each.reason;
      std::cout << (complaint_count_ == 0 ? "" : ",") << json::serialize(said);
    } else {
      std::cout << file_ << ':' << each.line << ':';
      if (each.column != 0) std::cout << each.column << ':';
      std::cout << ' ' << (each.field.empty() ? "row" : each.field) << ": " << each.reason << '\n';
    }
    ++complaint_count_;
  }
}

void ImportLog::close() {
  open();
  if (as_json_) {
    const std::string rest = json::serialize(json::object{{"created", counts_.created},
                                                          {"updated", counts_.updated},
                                                          {"unchanged", counts_.unchanged},
                                                          {"dry_run", dry_run_}});
    std::cout << "]," << std::string_view{rest}.substr(1) << '\n';
  } else {
    std::cout << "created: " << counts_.created << "\nupdated: " << counts_.updated
              << "\nunchanged: " << counts_.unchanged
              << "\ndry_run: " << (dry_run_ ? "true" : "false")
              << "\nunusable: " << complaint_count_ << '\n';
  }
}

ImportProgress::ImportProgress(Options options)
    : options_(options), begun_(std::chrono::steady_clock::now()), printed_(begun_) {}

void ImportProgress::reached(std::uint64_t rows, std::uint64_t read_bytes) {
  rows_ = rows;
  read_bytes_ = read_bytes;
  const auto now = std::chrono::steady_clock::now();
  if (!options_.shown || now - printed_ < options_.interval) return;
  printed_ = now;
  print();
}

void ImportProgress::finish(std::uint64_t rows, std::uint64_t read_bytes) {
  rows_ = rows;
  read_bytes_ = read_bytes;
  if (options_.shown) print();
}

void ImportProgress::print() {
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun_;
  const auto rate =
      static_cast<std::uint64_t>(static_cast<double>(rows_) / std::max(taken.count(), 0.001));
  const bool known = options_.file_bytes != 0;
  const std::uint64_t percent =
      known ? std::min<std::uint64_t>(read_bytes_ * 100 / options_.file_bytes, 100) : 0;
  std::string line;
  if (options_.as_json) {
    json::object said{{"rows", rows_}, {"rows_per_second", rate}};
    if (known) said["percent"] = percent;
    line = json::serialize(json::object{{"progress", std::move(said)}});
  } else {
    line = "import: " + std::to_string(rows_) + " rows, " + std::to_string(rate) + " a second";
    if (known) line += ", " + std::to_string(percent) + " %";
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace satchel::server
