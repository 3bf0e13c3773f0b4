// A recorded trace of a store, done again on LMDB and OpenSSL without the store: what the machine
// can do at all with the same puts, gets, seals and commits.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "schema/model/result.hpp"
#include "sync/store/lmdb/environment.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"
#include "sync/store/lmdb/trace.hpp"

namespace satchel::bench {

// Says why on stderr and ends the process with 1.
[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}
template <class T>
T take(Result<T> result) {
  if (!result) give_up(result.error().message());
  return std::move(*result);
}
inline void take(const Status& status) {
  if (!status) give_up(status.error().message());
}

// AES-256-GCM as OpenSSL gives it, nonces drawn in bulk. Thread-bound.
class RawSeal {
 public:
  RawSeal() {
    std::array<unsigned char, 32> key{};
    RAND_bytes(key.data(), key.size());
    EVP_EncryptInit_ex(seal_, EVP_aes_256_gcm(), nullptr, key.data(), nullptr);
    EVP_DecryptInit_ex(open_, EVP_aes_256_gcm(), nullptr, key.data(), nullptr);
  }
  ~RawSeal() {
    EVP_CIPHER_CTX_free(seal_);
    EVP_CIPHER_CTX_free(open_);
  }
  RawSeal(const RawSeal&) = delete;
  RawSeal& operator=(const RawSeal&) = delete;

  void seal(std::size_t size) {
    if (left_ == 0) {
      RAND_bytes(nonces_.data(), static_cast<int>(nonces_.size()));
      left_ = nonces_.size() / 12;
    }
    --left_;
    int written = 0;
    EVP_EncryptInit_ex(seal_, nullptr, nullptr, nullptr, nonces_.data() + left_ * 12);
    EVP_EncryptUpdate(seal_, nullptr, &written, aad_.data(), kAadBytes);
    EVP_EncryptUpdate(seal_, out(size), &written, plain(size), static_cast<int>(size));
    EVP_EncryptFinal_ex(seal_, out_.data() + size, &written);
    EVP_CIPHER_CTX_ctrl(seal_, EVP_CTRL_AEAD_GET_TAG, 16, out_.data() + size);
  }
  // Opens bytes where they lie. They were never sealed, so that the tag is wrong: the work is the
  // same.
  void open(const unsigned char* at, std::size_t size) {
    int written = 0;
    EVP_DecryptInit_ex(open_, nullptr, nullptr, nullptr, at);
    EVP_DecryptUpdate(open_, nullptr, &written, aad_.data(), kAadBytes);
    EVP_DecryptUpdate(open_, out(size), &written, at + 12, static_cast<int>(size));
    EVP_CIPHER_CTX_ctrl(open_, EVP_CTRL_AEAD_SET_TAG, 16, tag_.data());
    if (EVP_DecryptFinal_ex(open_, out_.data() + size, &written) == 1) give_up("a forgery");
  }

 private:
  static constexpr std::size_t kAadBytes = 40;
  unsigned char* out(std::size_t size) {
    if (out_.size() < size + 16) out_.resize(size + 16);
    return out_.data();
  }
  const unsigned char* plain(std::size_t size) {
    if (plain_.size() < size) plain_.resize(size, 'p');
    return plain_.data();
  }
  EVP_CIPHER_CTX* seal_ = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* open_ = EVP_CIPHER_CTX_new();
  std::array<unsigned char, 512 * 12> nonces_{};
  std::array<unsigned char, 16> tag_{};
  std::array<unsigned char, kAadBytes> aad_{};
  std::size_t left_ = 0;
  std::vector<unsigned char> plain_;
  std::vector<unsigned char> out_;
};

inline void check(int code) {
  if (code != 0) give_up(mdb_strerror(code));
}

// One trace into one empty folder. Thread-bound.
class Replay {
 public:
  Replay(const sync::StoreTrace& trace, const std::string& folder)
      : trace_{trace},
        environment_{take(sync::open_environment(folder, sync::kDeviceMapBytes, 20, 126))} {
    const sync::Txn txn = take(sync::begin_txn(environment_.get(), 0));
    for (std::size_t table = 0; table < tables_.size(); ++table) {
      const std::string name = "table" + std::to_string(table);
      check(mdb_dbi_open(txn.get(), name.c_str(), MDB_CREATE, &tables_[table]));
    }
    check(mdb_txn_commit(const_cast<sync::Txn&>(txn).release()));
  }

  // The trace's operations up to `end`, from where the last call stopped.
  void run_to(std::size_t end) {
    for (; at_ < end; ++at_) step(trace_.operations[at_]);
  }
  // From now on what is opened lies in the records, one after the other.
  void begin_scan() {
    scan_txn_ = take(sync::begin_txn(environment_.get(), MDB_RDONLY));
    check(mdb_cursor_open(scan_txn_.get(), tables_[1], &scan_));
  }

 private:
  using Kind = sync::StoreTrace::Kind;

  void step(const sync::StoreTrace::Operation& operation) {
    switch (operation.kind) {
      case Kind::kBeginRead:
        if (reader_ == nullptr) {
          reader_ = take(sync::begin_txn(environment_.get(), MDB_RDONLY));
        } else {
          check(mdb_txn_renew(reader_.get()));
        }
        return;
      case Kind::kEndRead: mdb_txn_reset(reader_.get()); return;
      case Kind::kBeginWrite: writer_ = take(sync::begin_txn(environment_.get(), 0)); return;
      case Kind::kCommit:
        for (MDB_cursor*& cursor : cursors_) {
          if (cursor != nullptr) mdb_cursor_close(cursor);
          cursor = nullptr;
        }
        check(mdb_txn_commit(writer_.release()));
        return;
      case Kind::kGet: return get(operation);
      case Kind::kPut: return put(operation, 0);
      case Kind::kAppend: return put(operation, MDB_APPEND);
      case Kind::kErase: return;
      case Kind::kSeal: return seal_.seal(operation.size);
      case Kind::kOpen: return open(operation.size);
    }
  }
  void get(const sync::StoreTrace::Operation& operation) {
    MDB_val key = sync::to_mdb(trace_.key_of(operation));
    MDB_val value{};
    MDB_txn* txn = writer_ != nullptr ? writer_.get() : reader_.get();
    const int code = mdb_get(txn, tables_[operation.table], &key, &value);
    if (code == MDB_NOTFOUND) return;
    check(code);
    row_ = sync::from_mdb(value);
    row_at_ = 0;
  }
  void put(const sync::StoreTrace::Operation& operation, unsigned flags) {
    MDB_cursor*& cursor = cursors_[operation.table];
    if (cursor == nullptr) check(mdb_cursor_open(writer_.get(), tables_[operation.table], &cursor));
    if (value_.size() < operation.size) value_.resize(operation.size, 'v');
    MDB_val key = sync::to_mdb(trace_.key_of(operation));
    MDB_val value = sync::to_mdb(ByteView{value_}.substr(0, operation.size));
    check(mdb_cursor_put(cursor, &key, &value, flags));
  }
  // Opens the next `size` bytes of the row that was found last; a scan goes to the next row at its
  // end.
  void open(std::size_t size) {
    const std::size_t needed = size + 28;
    if (row_.size() < row_at_ + needed) {
      row_at_ = 0;
      if (scan_ != nullptr) next_row();
    }
    if (row_.size() < needed) row_ = ByteView{value_};  // The state row, which is not in the trace.
    seal_.open(reinterpret_cast<const unsigned char*>(row_.data()) + row_at_, size);
    row_at_ += needed;
  }
  void next_row() {
    MDB_val key{};
    MDB_val value{};
    if (mdb_cursor_get(scan_, &key, &value, MDB_NEXT) == 0) row_ = sync::from_mdb(value);
  }

  const sync::StoreTrace& trace_;
  std::size_t at_ = 0;  // In the trace.
  sync::Environment environment_;
  std::array<MDB_dbi, sync::kTableCount> tables_{};
  std::array<MDB_cursor*, sync::kTableCount> cursors_{};
  sync::Txn reader_;
  sync::Txn writer_;
  sync::Txn scan_txn_;
  MDB_cursor* scan_ = nullptr;
  RawSeal seal_;
  Bytes value_ = Bytes(4096, 'v');
  ByteView row_;  // Found last.
  std::size_t row_at_ = 0;
};

}  // namespace satchel::bench
