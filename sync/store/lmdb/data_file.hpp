// Looks over an LMDB data file before LMDB does: a damaged page can make LMDB read or write
// anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::sync {

struct DataFile {
  std::uint64_t transaction = 0;   // Of the newest commit.
  std::uint64_t page_count = 0;    // That the file has.
  std::optional<Bytes> named_row;  // The row of the main table that was asked for.
  std::uint64_t main_entries = 0;  // Rows and tables of the main table.
};

// Walks every page that the newest commit of the file reaches and checks what LMDB takes for
// granted: both meta pages and their order; every page inside the file, of its kind, reached once,
// and not free; nodes inside their page and packed without gaps; keys rising and between their
// parents' separators; depths and entry counts. After it, LMDB meets nothing that it cannot read;
// whether values are what was written is for the seals to say. Reads no value but `row`.
// kStoreMissing: no file, or an empty one; kStoreCorrupt says what and on which page; kFileRead.
Result<DataFile> examine_data_file(const std::string& path, ByteView row);

// Whether no commit ever reached the file, which is then what a creation leaves that was cut before
// its first: no meta page but LMDB's first ones, which nothing syncs before that commit and of
// which a loss of power leaves any part; and nothing past what that commit writes.
bool is_without_commit(const std::string& path);

}  // namespace satchel::sync
