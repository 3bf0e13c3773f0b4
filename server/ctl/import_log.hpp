// What an import says while it runs: unusable rows on stdout, how far it is on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace satchel::server {

// A row, or a cell of it, that could not be used.
struct FileComplaint {
  std::uint64_t line = 0;
  std::uint64_t column = 0;  // In characters, from 1; 0: no one place in the line.
  std::string field;         // Empty: the whole row.
  std::string reason;
};

struct ImportCounts {
  std::uint64_t created = 0;
  std::uint64_t updated = 0;
  std::uint64_t unchanged = 0;
};

// Prints complaints as they come, so that a file of any number of them needs no memory, and the
// counts at the end: lines, or one JSON document that is whole even if the import was cut short.
// Thread-bound.
class ImportLog {
 public:
  ImportLog(bool as_json, bool dry_run, std::string file)
      : as_json_(as_json), dry_run_(dry_run), file_(std::move(file)) {}

  // Of one batch; its complaints come in the order of their lines.
  void add(const ImportCounts& counts, std::vector<FileComplaint> complaints);
  void close();
  [[nodiscard]] bool is_open() const { return opened_; }  // Something was said.
  [[nodiscard]] std::uint64_t complaints() const { return complaint_count_; }

 private:
  void open();

  bool as_json_;
  bool dry_run_;
  std::string file_;
  bool opened_ = false;
  ImportCounts counts_;
  std::uint64_t complaint_count_ = 0;
};

// One line on stderr every few seconds: rows so far, rows per second, share of the file.
// Thread-bound.
class ImportProgress {
 public:
  struct Options {
    bool shown = false;
    bool as_json = false;
    std::chrono::milliseconds interval{2000};
    std::uint64_t file_bytes = 0;  // 0: nobody knows.
  };
  explicit ImportProgress(Options options);

  void reached(std::uint64_t rows, std::uint64_t read_bytes);
  // Whatever the time: the last line of a whole import.
  void finish(std::uint64_t rows, std::uint64_t read_bytes);

 private:
  void print();

  Options options_;
  std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::time_point printed_;
  std::uint64_t rows_ = 0;
  std::uint64_t read_bytes_ = 0;
};

}  // namespace satchel::server
