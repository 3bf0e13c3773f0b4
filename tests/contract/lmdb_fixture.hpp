// A filled sealed store and the means to look at it, to damage it and to judge what it then says.
#pragma once

#include <fstream>
#include <map>
#include <sstream>

#include "sync/store/lmdb/environment.hpp"
#include "tests/contract/store_engines.hpp"

namespace satchel::sync::contract {

inline Bytes read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}
// In place: file systems sync what was truncated and written anew, and these tests write thousands.
inline void write_file(const std::string& path, ByteView bytes) {
  std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
  if (!file.is_open()) file.open(path, std::ios::binary | std::ios::out);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  ASSERT_TRUE(file.good());
  std::filesystem::resize_file(path, bytes.size());
}
// Overwrites every place where `from` lies in the file, free pages included. Both of one size.
inline void patch_file(const std::string& path, ByteView from, ByteView to) {
  ASSERT_EQ(from.size(), to.size());
  Bytes bytes = read_file(path);
  std::size_t at = bytes.find(from);
  ASSERT_NE(at, Bytes::npos);
  for (; at != Bytes::npos; at = bytes.find(from, at)) bytes.replace(at, from.size(), to);
  write_file(path, bytes);
}

// A row as it lies in LMDB, read without a lock and without a write. The store is closed.
inline Bytes raw_row(const std::string& folder, const char* table, ByteView key) {
  MDB_env* made = nullptr;
  SATCHEL_ASSERT(mdb_env_create(&made) == 0);
  const Environment environment{made};
  mdb_env_set_maxdbs(made, 32);
  SATCHEL_ASSERT(mdb_env_open(made, folder.c_str(), MDB_RDONLY | MDB_NOLOCK, 0) == 0);
  const Txn txn = std::move(*begin_txn(made, MDB_RDONLY));
  MDB_dbi handle = 0;
  SATCHEL_ASSERT(mdb_dbi_open(txn.get(), table, 0, &handle) == 0);
  MDB_val name = to_mdb(key);
  MDB_val value{};
  SATCHEL_ASSERT(mdb_get(txn.get(), handle, &name, &value) == 0);
  return Bytes{from_mdb(value)};
}

inline Bytes record_key(RecordNumber number) {
  Bytes key(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) key[7 - i] = static_cast<char>(number >> (8 * i));
  return key;
}

// What fill_store wrote, by name of the thing.
class FilledStore : public testing::Test {
 protected:
  static constexpr std::uint64_t kRecordCount = 60;
  static constexpr int kRowCount = 80;

  static Bytes row_key(int i) { return "row" + std::to_string(1000 + i); }
  static Bytes row_value(int i) {
    return Bytes(static_cast<std::size_t>(i) * 7 % 150, 'v') + row_key(i);
  }
  static Bytes text(std::uint64_t n) { return Bytes(n * 13 % 200, 't') + std::to_string(n); }

  // Several commits, so that there are freed pages, a large value and replaced rows.
  void fill(Store& store) {
    for (int round = 0; round < 2; ++round) {
      const auto txn = std::move(*store.begin_write());
      for (int i = 0; i < kRowCount; ++i) {
        ASSERT_OK(txn->put(i % 2 == 0 ? Table::kMeta : Table::kOutbox, row_key(i), row_value(i)));
      }
      ASSERT_OK(txn->put(Table::kSchemas, "large", Bytes(20'000, 'L')));
      std::vector<StoredRecord> records;
      for (std::uint64_t n = 1; n <= kRecordCount; ++n) {
        const auto number = txn->number_for(record_id(n));
        ASSERT_OK(number);
        records.push_back(record(*number, "h" + text(n), "c" + text(n), "p" + text(n)));
      }
      ASSERT_OK(txn->put_many(records));
      store.numbers().number_of(*ReplicaId::from_bytes(Bytes(16, static_cast<char>('a' + round))));
      ASSERT_OK(txn->commit());
    }
  }

  struct Verdict {
    int right = 0;
    int wrong = 0;   // A value that was never written: must not happen.
    int absent = 0;  // Nothing, where there is something.
    int errors = 0;  // Said so.
    [[nodiscard]] bool perfect() const { return wrong + absent + errors == 0; }
  };
  static void judge(Verdict& verdict, const Result<std::optional<Bytes>>& found,
                    const Bytes& expected) {
    if (!found) {
      ++verdict.errors;
    } else if (!*found) {
      ++verdict.absent;
    } else {
      ++(**found == expected ? verdict.right : verdict.wrong);
    }
  }
  static void judge_record(Verdict& verdict, ReadTxn& txn, std::uint64_t n) {
    const auto numbers = txn.find_numbers(std::vector{record_id(n)});
    if (!numbers) {
      ++verdict.errors;
      return;
    }
    std::vector<StoredRecord> found;
    if (numbers->at(0) == 0) {
      ++verdict.absent;
    } else if (!txn.find_many(*numbers, found)) {
      ++verdict.errors;
    } else if (found[0].number == 0) {
      ++verdict.absent;
    } else if (const auto parts = opened(txn, found[0]); !parts) {
      ++verdict.errors;
    } else {
      const std::vector<Bytes> expected{"h" + text(n), "c" + text(n), "p" + text(n)};
      ++(*parts == expected ? verdict.right : verdict.wrong);
    }
  }
  // Reads everything that fill() wrote, one by one.
  static Verdict read_everything(Store& store) {
    Verdict verdict;
    const auto txn = store.begin_read();
    if (!txn) {
      ++verdict.errors;
      return verdict;
    }
    for (int i = 0; i < kRowCount; ++i) {
      const Table table = i % 2 == 0 ? Table::kMeta : Table::kOutbox;
      judge(verdict, (*txn)->find(table, row_key(i)), row_value(i));
    }
    judge(verdict, (*txn)->find(Table::kSchemas, "large"), Bytes(20'000, 'L'));
    for (std::uint64_t n = 1; n <= kRecordCount; ++n) judge_record(verdict, **txn, n);
    return verdict;
  }

  void make_filled() {
    auto store = engine_.open_lmdb();
    ASSERT_OK(store);
    fill(**store);
  }
  Result<std::unique_ptr<LmdbStore>> open() { return engine_.open_lmdb(); }
  Errc open_error() {
    const auto store = engine_.open_lmdb();
    return store ? Errc::kInternal : store.error().code;
  }

  LmdbEngine engine_;
};

}  // namespace satchel::sync::contract
