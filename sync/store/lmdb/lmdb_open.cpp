// Creation and opening. The order matters: nothing is read before it is known to be readable, and
// no data row before the keys that it names are durable.
#include <cerrno>
#include <cstdio>

#include <sys/stat.h>

#include "sync/store/lmdb/data_file.hpp"
#include "sync/store/lmdb/lmdb_core.hpp"
#include "sync/store/lmdb/lmdb_reading.hpp"

namespace satchel::sync {
namespace {

constexpr const char* kDataFile = "/data.mdb";

std::uint64_t file_bytes(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

bool exists(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0;
}

// Makes those that are not there: all in a new store, in an older one those that later versions
// have. `made` holds their names.
Status open_tables(LmdbCore& core, MDB_txn* txn, std::vector<std::string>& made) {
  if (int code = mdb_dbi_open(txn, nullptr, 0, &core.main); code != 0) {
    return error_of(code, "main table");
  }
  for (std::uint8_t table = 1; table < kTableCount; ++table) {
    const std::string name{name_of(static_cast<Table>(table))};
    int code = mdb_dbi_open(txn, name.c_str(), 0, &core.tables[table]);
    if (code == MDB_NOTFOUND && !core.options.read_only) {
      code = mdb_dbi_open(txn, name.c_str(), MDB_CREATE, &core.tables[table]);
      made.push_back(name);
    }
    if (code != 0) return error_of(code, name.c_str());
  }
  core.tables[kStateTable] = core.main;
  return {};
}

Status open_data(LmdbCore& core, const std::string& folder) {
  const auto open_it = core.options.read_only ? open_environment_to_read : open_environment;
  auto environment =
      open_it(folder, core.options.map_bytes_max, kTableCount, core.options.readers_max);
  if (!environment) return environment.error();
  core.environment = std::move(*environment);
  core.sealer = std::make_unique<Sealer>(*core.keyring, core.entropy, core.options.trace);
  return {};
}

Status load_replicas(LmdbCore& core, LmdbReader& reader) {
  std::size_t expected = 0;
  SATCHEL_TRY(reader.scan(Table::kReplicas, {},
                          [&](ByteView key, ByteView value) {
                            const auto id = ReplicaId::from_bytes(value);
                            if (!id || ByteReader{key}.left() != 4) return false;
                            return core.numbers.number_of(*id) == expected++;
                          },
                          {}));
  const auto count = reader.count(Table::kReplicas);
  if (!count) return count.error();
  core.replicas_durable = core.numbers.size();
  if (core.replicas_durable != *count) return Error{Errc::kStoreCorrupt, "replicas: numbers"};
  return {};
}

// The digest of every table; `odd` are the rows whose format octet is damaged.
Status verify_digests(LmdbCore& core, MDB_txn* txn, std::vector<OddRow>& odd) {
  for (std::uint8_t table = 1; table < kTableCount; ++table) {
    MDB_cursor* opened = nullptr;
    if (int code = mdb_cursor_open(txn, core.table(table), &opened); code != 0) {
      return error_of(code, "verifying");
    }
    const Cursor cursor{opened};
    crypto::RowDigest::Value digest{};
    MDB_val key{};
    MDB_val row{};
    int code = 0;
    while ((code = mdb_cursor_get(opened, &key, &row, MDB_NEXT)) == 0) {
      const auto share = core.sealer->share_of(table, from_mdb(key), from_mdb(row));
      if (!share) return at_row(static_cast<Table>(table), from_mdb(key), share.error());
      crypto::RowDigest::toggle(digest, *share);
      if (!has_row_format(from_mdb(row))) odd.push_back({table, Bytes{from_mdb(key)}});
    }
    if (code != MDB_NOTFOUND) return error_of(code, "verifying");
    if (digest != core.state.tables[table].digest) {
      const std::string name{name_of(static_cast<Table>(table))};
      return Error{Errc::kStoreCorrupt, name + ": the digest is wrong"};
    }
  }
  return {};
}

bool has_odd_state(LmdbCore& core, MDB_txn* txn) {
  MDB_val key = to_mdb(kStoreStateKey);
  MDB_val row{};
  return mdb_get(txn, core.main, &key, &row) == 0 && !has_row_format(from_mdb(row));
}

// Again for files that were too large to be looked over.
Status check_format(LmdbCore& core, MDB_txn* txn) {
  MDB_val key = to_mdb(kFormatKey);
  MDB_val row{};
  if (int code = mdb_dbi_open(txn, nullptr, 0, &core.main); code != 0) {
    return error_of(code, "main table");
  }
  if (int code = mdb_get(txn, core.main, &key, &row); code != 0) {
    return error_of(code, "format row");
  }
  const auto store = read_format_row(from_mdb(row));
  if (!store) return store.error();
  if (*store != core.keyring->store()) {
    return Error{Errc::kKeyWrong, "the key store is another store's"};
  }
  return {};
}

// A table that was made is a commit like any other, which the state must name. This version being
// the first, an empty table that is not there has lost its name.
Status note_made(LmdbCore& core, MDB_txn* txn, const std::vector<std::string>& made) {
  core.state.transaction = mdb_txn_id(txn);
  Bytes row;
  SATCHEL_TRY(put_state(core, txn, core.state, row));
  for (const std::string& name : made)
    core.mended.push_back("the empty table " + name + " was gone, and is made anew");
  return {};
}

// What the newest commit says of itself, against what the file says of it.
Status load(LmdbCore& core, bool verify) {
  // Writing: tables of later versions are made.
  auto txn = begin_txn(core.environment.get(), core.options.read_only ? MDB_RDONLY : 0);
  if (!txn) return txn.error();
  SATCHEL_TRY(check_format(core, txn->get()));
  std::vector<std::string> made;
  SATCHEL_TRY(open_tables(core, txn->get(), made));
  const auto state = core.read_state(txn->get(), *core.sealer);
  if (!state) return state.error();
  MDB_envinfo info{};
  mdb_env_info(core.environment.get(), &info);
  if (state->transaction != info.me_last_txnid) {
    return Error{Errc::kStoreCorrupt, "the newest commit is not the one that was written last"};
  }
  core.state = *state;
  core.seals_before = state->seals;
  LmdbReader reader{core, *core.sealer, txn->get()};
  for (std::uint8_t table = 1; table < kTableCount; ++table) {
    const auto count = reader.count(static_cast<Table>(table));
    if (!count) return count.error();
    if (*count != state->tables[table].count) {
      const std::string name{name_of(static_cast<Table>(table))};
      return Error{Errc::kStoreCorrupt, name + ": rows are missing, or too many"};
    }
  }
  SATCHEL_TRY(load_replicas(core, reader));
  std::vector<OddRow> odd;
  if (has_odd_state(core, txn->get())) odd.push_back({kStateTable, Bytes{kStoreStateKey}});
  if (verify) SATCHEL_TRY(verify_digests(core, txn->get(), odd));
  if (!made.empty()) SATCHEL_TRY(note_made(core, txn->get(), made));
  SATCHEL_TRY(commit_txn(std::move(*txn), "opening tables"));
  if (core.options.read_only) return {};
  return mend_formats(core, odd);
}

Status open_keyring(LmdbCore& core, const KeyStore::Head& head) {
  auto keyring = crypto::Keyring::open(head.check, head.root, core.provider);
  if (!keyring) return keyring.error();
  core.keyring = std::move(*keyring);
  if (core.options.read_only) return {};
  return crypto::settle(*core.keyring, core.provider, *core.keys);
}

// The keys of a new store; or those of a creation that was cut, which nothing else uses.
Status make_keys(LmdbCore& core, const std::string& key_folder) {
  SATCHEL_TRY(make_folder(key_folder));
  auto keys = KeyStore::open(key_folder, KeyStore::Mode::kMake, core.options.step_hook);
  if (!keys) return keys.error();
  core.keys = std::move(*keys);
  const auto head = core.keys->read_head();
  if (head) return open_keyring(core, *head);
  if (head.error().code != Errc::kKeyLost) return head.error();
  const auto store = crypto::random_id<StoreId>(core.entropy);
  if (!store) return store.error();
  auto keyring = crypto::Keyring::make(*store, core.provider, core.entropy);
  if (!keyring) return keyring.error();
  core.keyring = std::move(*keyring);
  const auto path = core.keyring->path(core.provider);
  if (!path) return path.error();
  SATCHEL_TRY(core.keys->write_first(core.keyring->store(), *path));
  return sync_folder(key_folder);
}

Status write_first(LmdbCore& core, const std::string& folder) {
  auto txn = begin_txn(core.environment.get(), 0);
  if (!txn) return txn.error();
  std::vector<std::string> made;
  SATCHEL_TRY(open_tables(core, txn->get(), made));
  const Bytes format = make_format_row(core.keyring->store());
  MDB_val key = to_mdb(kFormatKey);
  MDB_val value = to_mdb(format);
  if (int code = mdb_put(txn->get(), core.main, &key, &value, 0); code != 0) {
    return error_of(code, "format row");
  }
  core.state.transaction = mdb_txn_id(txn->get());
  Bytes row;
  SATCHEL_TRY(put_state(core, txn->get(), core.state, row));
  if (core.options.step_hook) core.options.step_hook("before first data");
  SATCHEL_TRY(commit_txn(std::move(*txn), "first data"));
  if (core.options.step_hook) core.options.step_hook("after first data");
  return sync_folder(folder);
}

// kStoreMissing where nothing, or only what a cut creation left, is in the way.
Result<DataFile> examine(const std::string& folder, std::size_t bytes_max) {
  const std::string path = folder + kDataFile;
  if (file_bytes(path) > bytes_max) return DataFile{};
  auto file = examine_data_file(path, kFormatKey);
  // All of it is written in one commit: a file that holds anything held this row too.
  if (file && !file->named_row && file->main_entries != 0)
    return Error{Errc::kStoreCorrupt, "the format row is gone"};
  if (file && !file->named_row) return Error{Errc::kStoreMissing, "its creation was cut"};
  return file;
}

std::string key_folder_of(const LmdbOptions& options, const std::string& folder) {
  return options.key_folder.empty() ? folder + "/keys" : options.key_folder;
}

}  // namespace

Result<std::unique_ptr<LmdbStore>> LmdbStore::create(const std::string& folder, LmdbOptions options,
                                                     crypto::KeyProvider& provider,
                                                     crypto::Entropy& entropy) {
  if (auto made = make_folder(folder); !made) return made.error();
  auto core = std::make_unique<LmdbCore>(std::move(options), provider, entropy);
  core->path = folder + kDataFile;
  auto lock = FolderLock::take(folder);
  if (!lock) return lock.error();
  core->lock = std::move(*lock);
  const auto file = examine(folder, ~std::size_t{0});
  if (file) return Error{Errc::kAlreadyExists, "the folder holds a store"};
  if (file.error().code != Errc::kStoreMissing && !is_without_commit(core->path))
    return file.error();
  if (exists(core->path) && std::remove(core->path.c_str()) != 0) {
    return Error{Errc::kFileWrite, "removing what a cut creation left"};
  }
  if (auto done = make_keys(*core, key_folder_of(core->options, folder)); !done)
    return done.error();
  if (auto done = open_data(*core, folder); !done) return done.error();
  if (auto done = write_first(*core, folder); !done) return done.error();
  return std::unique_ptr<LmdbStore>{new LmdbStore{std::move(core)}};
}

Result<std::unique_ptr<LmdbStore>> LmdbStore::open(const std::string& folder, LmdbOptions options,
                                                   crypto::KeyProvider& provider,
                                                   crypto::Entropy& entropy) {
  auto core = std::make_unique<LmdbCore>(std::move(options), provider, entropy);
  core->path = folder + kDataFile;
  if (!exists(core->path)) return Error{Errc::kStoreMissing, "no data file in the folder"};
  const bool read_only = core->options.read_only;
  if (!read_only) {
    auto lock = FolderLock::take(folder);
    if (!lock) return lock.error();
    core->lock = std::move(*lock);
  }
  const auto file = examine(folder, core->options.examine_bytes_max);
  if (!file) return file.error();
  if (file->named_row) {
    const auto store = read_format_row(*file->named_row);
    if (!store) return store.error();
  }

  auto keys = KeyStore::open(key_folder_of(core->options, folder),
                             read_only ? KeyStore::Mode::kRead : KeyStore::Mode::kOpen,
                             core->options.step_hook);
  if (!keys) return keys.error();
  core->keys = std::move(*keys);
  const auto head = core->keys->read_head();
  if (!head) return head.error();
  if (auto done = open_keyring(*core, *head); !done) return done.error();
  if (auto done = open_data(*core, folder); !done) return done.error();
  const bool verify = file_bytes(core->path) <= core->options.verify_bytes_max;
  if (auto done = load(*core, verify); !done) return done.error();
  return std::unique_ptr<LmdbStore>{new LmdbStore{std::move(core)}};
}

}  // namespace satchel::sync
