#include "sync/store/lmdb/key_store.hpp"

#include <cstdio>

#include "sync/store/lmdb/data_file.hpp"
#include "sync/store/lmdb/row_format.hpp"

namespace satchel::sync {
namespace {

constexpr std::size_t kMapBytes = std::size_t{1} << 30;
constexpr ByteView kFormatKey = "format";
constexpr ByteView kCheckKey = "check";
constexpr ByteView kRootKey = "root";
constexpr ByteView kAgainKey = "again";

Bytes block_key(crypto::BlockId block) {
  Bytes key = "block";
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(block >> shift);
  return key;
}

}  // namespace

Result<std::unique_ptr<KeyStore>> KeyStore::open(const std::string& folder, Mode mode,
                                                 StepHook step) {
  const std::string path = folder + "/data.mdb";
  if (mode == Mode::kMake && is_without_commit(path) && std::remove(path.c_str()) != 0) {
    return Error{Errc::kFileWrite, "removing what a cut creation left"};
  }
  const auto file = examine_data_file(path, kFormatKey);
  if (!file && file.error().code != Errc::kStoreMissing) {
    return Error{file.error().code, "key store: " + file.error().context};
  }
  if (!file && mode != Mode::kMake) return Error{Errc::kKeyLost, "the key store is missing"};
  if (file && file->named_row) {
    const auto store = read_format_row(*file->named_row);
    if (!store) return Error{store.error().code, "key store: " + store.error().context};
  }
  const auto open_it = mode == Mode::kRead ? open_environment_to_read : open_environment;
  auto environment = open_it(folder, kMapBytes, 0, 8);
  if (!environment) return environment.error();
  auto txn = begin_txn(environment->get(), MDB_RDONLY);
  if (!txn) return txn.error();
  MDB_dbi table = 0;
  if (int code = mdb_dbi_open(txn->get(), nullptr, 0, &table); code != 0) {
    return error_of(code, "key store");
  }
  txn->reset();
  return std::unique_ptr<KeyStore>{new KeyStore{std::move(*environment), table, std::move(step)}};
}

Result<Bytes> KeyStore::get(MDB_txn* txn, ByteView key) {
  MDB_val name = to_mdb(key);
  MDB_val value{};
  if (int code = mdb_get(txn, table_, &name, &value); code != 0) return error_of(code, "key store");
  return Bytes{from_mdb(value)};
}

Status KeyStore::put(MDB_txn* txn, ByteView key, ByteView value) {
  MDB_val name = to_mdb(key);
  MDB_val bytes = to_mdb(value);
  if (int code = mdb_put(txn, table_, &name, &bytes, 0); code != 0) {
    return error_of(code, "key store");
  }
  return {};
}

Status KeyStore::put_path(MDB_txn* txn, const crypto::KeyPath& path) {
  SATCHEL_TRY(put(txn, kCheckKey, path.key_check));
  SATCHEL_TRY(put(txn, kRootKey, path.root_blob));
  for (const auto& [block, sealed] : path.blocks) SATCHEL_TRY(put(txn, block_key(block), sealed));
  return {};
}

Status KeyStore::commit(Txn txn, std::string_view step) {
  if (step_) step_("before " + std::string{step});
  SATCHEL_TRY(commit_txn(std::move(txn), "key store"));
  if (step_) step_("after " + std::string{step});
  return {};
}

Status KeyStore::write_first(const StoreId& store, const crypto::KeyPath& path) {
  auto txn = begin_txn(environment_.get(), 0);
  if (!txn) return txn.error();
  SATCHEL_TRY(put(txn->get(), kFormatKey, make_format_row(store)));
  SATCHEL_TRY(put_path(txn->get(), path));
  return commit(std::move(*txn), "first keys");
}

Result<KeyStore::Head> KeyStore::read_head() {
  auto txn = begin_txn(environment_.get(), MDB_RDONLY);
  if (!txn) return txn.error();
  const auto format = get(txn->get(), kFormatKey);
  const auto check = get(txn->get(), kCheckKey);
  const auto root = get(txn->get(), kRootKey);
  if (!format || !check || !root) return Error{Errc::kKeyLost, "the key store is empty"};
  const auto store = read_format_row(*format);
  if (!store) return store.error();
  return Head{*store, *check, *root};
}

Result<Bytes> KeyStore::read_block(crypto::BlockId block) {
  auto txn = begin_txn(environment_.get(), MDB_RDONLY);
  if (!txn) return txn.error();
  return get(txn->get(), block_key(block));
}

Status KeyStore::commit_path(const crypto::KeyPath& path) {
  auto txn = begin_txn(environment_.get(), 0);
  if (!txn) return txn.error();
  SATCHEL_TRY(put_path(txn->get(), path));
  return commit(std::move(*txn), "key path");
}

Status KeyStore::commit_again() {
  auto txn = begin_txn(environment_.get(), 0);
  if (!txn) return txn.error();
  const auto before = get(txn->get(), kAgainKey);
  std::uint64_t count = before ? ByteReader{*before}.u64() : 0;
  Bytes after;
  append_u64(after, ++count);
  SATCHEL_TRY(put(txn->get(), kAgainKey, after));
  return commit(std::move(*txn), "second key commit");
}

}  // namespace satchel::sync
