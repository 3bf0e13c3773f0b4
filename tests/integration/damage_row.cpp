// Flips one bit inside the sealed value of a row of a closed store, wherever the row lies in the
// file: what a worn disk does. For the scripts beside it.
//   damage_row FOLDER TABLE KEY    KEY: 16 or 18 hexadecimal digits, or "last"
//   damage_row FOLDER TABLE KEY    again: puts the bit back
//   damage_row FOLDER TABLE KEY format    the row's first octet becomes 17 instead
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "schema/model/bytes.hpp"
#include "sync/store/lmdb/environment.hpp"

namespace {

using namespace satchel;
using namespace satchel::sync;

// The row as it lies in the file, read without a lock and without a write.
Bytes row_at(const std::string& folder, const char* table, const std::string& key_text) {
  MDB_env* made = nullptr;
  if (mdb_env_create(&made) != 0) return {};
  const Environment environment{made};
  mdb_env_set_maxdbs(made, 32);
  if (mdb_env_open(made, folder.c_str(), MDB_RDONLY | MDB_NOLOCK, 0) != 0) return {};
  auto txn = begin_txn(made, MDB_RDONLY);
  MDB_dbi handle = 0;
  if (!txn || mdb_dbi_open(txn->get(), table, 0, &handle) != 0) return {};
  MDB_cursor* cursor = nullptr;
  if (mdb_cursor_open(txn->get(), handle, &cursor) != 0) return {};
  Bytes key;
  for (std::size_t i = 0; i + 1 < key_text.size() && key_text != "last"; i += 2)
    key += static_cast<char>(std::stoi(key_text.substr(i, 2), nullptr, 16));
  MDB_val name = to_mdb(key);
  MDB_val value{};
  const int code =
      mdb_cursor_get(cursor, &name, &value, key_text == "last" ? MDB_LAST : MDB_SET_KEY);
  Bytes row = code == 0 ? Bytes{from_mdb(value)} : Bytes{};
  mdb_cursor_close(cursor);
  return row;
}

}  // namespace

int main(int argc, char** argv) {
  const bool format = argc == 5 && argv[4] == std::string{"format"};
  if (argc != 4 && !format) return 2;
  const std::string folder{argv[1]};
  const Bytes row = row_at(folder, argv[2], argv[3]);
  if (row.size() < (format ? 25 : 64)) return 4;
  const std::string path = folder + "/data.mdb";
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) return 1;
  Bytes bytes(static_cast<std::size_t>(status.st_size), '\0');
  if (::pread(file, bytes.data(), bytes.size(), 0) != status.st_size) return 1;
  // The last sixteen octets are the tag, which the table's digest vouches for.
  std::size_t hits = 0;
  for (auto at = bytes.find(row); at != Bytes::npos; at = bytes.find(row, at + 1), ++hits) {
    const std::size_t place = format ? at : at + row.size() - 20;
    const char flipped = format ? char{17} : static_cast<char>(bytes[place] ^ 1);
    if (::pwrite(file, &flipped, 1, static_cast<off_t>(place)) != 1) return 1;
  }
  ::close(file);
  std::printf("%zu\n", hits);
  return hits == 0 ? 4 : 0;
}
