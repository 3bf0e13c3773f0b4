// Rows on their way from a file to the server: mapped, keyed, collected into batches.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/ctl/batch_sender.hpp"
#include "server/ctl/mapping.hpp"
#include "server/ctl/text_source.hpp"

namespace satchel::server {

// What the file says of a record's key, and which path the server looks up.
struct ImportKey {
  std::string path;    // "externalIds.rec_id"; empty where a row is its own key
  std::string column;  // Where the key's text stands, unless the mapping has the path.
};

// A key that is no field of the collection is a name of the outside world: it is kept in
// externalIds.
ImportKey key_of(const std::string& asked, const CollectionFields& fields);

// Collects rows and complaints, and sends them. The key may be settled until the first row is
// added. Thread-bound.
class RowCollector {
 public:
  struct Parts {
    AdminClient& client;
    ImportLog& log;
    ImportProgress& progress;
    const TextSource& source;
    std::string path;  // Of the request, without its key.
  };
  RowCollector(Parts parts, ImportKey key) : parts_(std::move(parts)), key_(std::move(key)) {}

  [[nodiscard]] const ImportKey& key() const { return key_; }
  void settle_key(ImportKey key) { key_ = std::move(key); }

  void count_row() { ++rows_read_; }
  [[nodiscard]] std::uint64_t rows_read() const { return rows_read_; }
  Status complain(FileComplaint complaint);
  // A row's cells by the mapping; what is wrong with them is complained of.
  Status add_mapped(std::uint64_t line, const Mapping& mapping, const Mapping::Cell& cell);
  // A value of the next row goes to this field; the index for ImportValue.
  std::size_t target(ImportField field);
  Status add(const ImportRow& row);
  // Sends what is left, and waits for all of it.
  Status finish();

 private:
  Status send();

  Parts parts_;
  ImportKey key_;
  std::unique_ptr<BatchSender> sender_;
  std::vector<ImportField> fields_;
  std::map<ImportField, std::size_t> targets_;
  Bytes text_;  // Of the batch's rows.
  std::size_t row_count_ = 0;
  std::vector<FileComplaint> complaints_;
  std::uint64_t rows_read_ = 0;
};

// Both read to the end of the source. An Error is of the file as a whole, or the server's; it
// begins with the line where it is one of the file.
Status import_csv(TextSource& source, RowCollector& rows, const CollectionFields& fields,
                  std::optional<Mapping> mapping, bool guarded);
Status import_ndjson(TextSource& source, RowCollector& rows, const std::optional<Mapping>& mapping);

}  // namespace satchel::server
