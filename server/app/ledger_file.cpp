#include "server/app/ledger_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "crypto/secret.hpp"
#include "schema/model/varint.hpp"
#include "server/app/files.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 96;
constexpr std::size_t kProved = 64;
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kIdAt = 16;
constexpr std::size_t kFlagsAt = 48;
constexpr std::size_t kSubjectAt = 32;
constexpr std::string_view kMagic = "SATCHLDG";
constexpr char kFormat = 1;
constexpr char kAfterLoss = 1;
constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;

crypto::HmacKey ledger_key(ByteView receipt_key) {
  return crypto::HmacKey{crypto::hmac_sha256(receipt_key, "satchel ledger v1")};
}

Bytes with_proof(const crypto::HmacKey& key, ByteView salt, Bytes block) {
  block.resize(kProved, '\0');
  const crypto::Digest mac = key.mac(salt, block);
  block += as_view(mac);
  return block;
}

Bytes encode_head(const crypto::HmacKey& key, ByteView id, const WorkspaceId& workspace,
                  bool after_loss) {
  Bytes block{kMagic};
  block += kFormat;
  block.resize(kIdAt, '\0');
  block += id;
  block += workspace.bytes();
  block += after_loss ? kAfterLoss : '\0';
  return with_proof(key, {}, std::move(block));
}

Bytes encode_entry(const crypto::HmacKey& key, ByteView id, std::uint64_t index,
                   const sync::LedgerEntry& entry) {
  Bytes block;
  append_u64(block, index);
  append_u64(block, static_cast<std::uint64_t>(entry.at_us));
  block += static_cast<char>(entry.kind);
  block += static_cast<char>(entry.flags);
  block += static_cast<char>(entry.subject.size());
  block.resize(kSubjectAt, '\0');
  block += entry.subject;
  return with_proof(key, id, std::move(block));
}

// Nothing where it does not prove itself.
std::optional<sync::LedgerEntry> decode_entry(const crypto::HmacKey& key, ByteView id,
                                              std::uint64_t index, ByteView block) {
  const crypto::Digest mac = key.mac(id, block.substr(0, kProved));
  if (!crypto::constant_time_equal(as_view(mac), block.substr(kProved))) return std::nullopt;
  ByteReader in{block};
  if (in.u64() != index) return std::nullopt;
  sync::LedgerEntry entry;
  entry.at_us = static_cast<std::int64_t>(in.u64());
  entry.kind = static_cast<sync::LedgerKind>(in.u8());
  entry.flags = in.u8();
  const std::size_t size = in.u8();
  if (size > sync::kLedgerSubjectBytes) return std::nullopt;
  entry.subject = block.substr(kSubjectAt, size);
  return entry;
}

Error failed(Errc code, const std::string& path) {
  return Error{code, path + ": " + std::strerror(errno)};
}

}  // namespace

Result<LedgerFile::Contents> LedgerFile::read(const std::string& path, ByteView receipt_key,
                                              const WorkspaceId& workspace) {
  std::error_code missing;
  if (!fs::exists(path, missing)) return Error{Errc::kNotFound, path};
  auto bytes = read_file(path, kFileBytesMax);
  if (!bytes) return bytes.error();
  const crypto::HmacKey key = ledger_key(receipt_key);
  const ByteView all{*bytes};
  Contents contents;
  if (all.size() >= kBlock) contents.id = all.substr(kIdAt, kIdBytes);
  const bool after_loss = all.size() >= kBlock && all[kFlagsAt] == kAfterLoss;
  if (all.size() < kBlock ||
      all.substr(0, kBlock) != encode_head(key, contents.id, workspace, after_loss)) {
    return Error{Errc::kKeyWrong, path + ": the ledger of another server, or its head is damaged"};
  }
  contents.condition.after_loss = after_loss;
  for (std::size_t at = kBlock; at + kBlock <= all.size(); at += kBlock) {
    auto entry = decode_entry(key, contents.id, ++contents.count, all.substr(at, kBlock));
    if (!entry) {
      ++contents.condition.damaged;
      continue;
    }
    contents.condition.after_loss |= entry->kind == sync::LedgerKind::kEntriesLost;
    contents.entries.push_back(std::move(*entry));
  }
  return contents;
}

Status LedgerFile::make(const std::string& path, ByteView receipt_key, const WorkspaceId& workspace,
                        bool after_loss, crypto::Entropy& entropy) {
  std::error_code missing;
  if (fs::exists(path, missing)) return Error{Errc::kAlreadyExists, path};
  std::array<std::uint8_t, kIdBytes> id{};
  SATCHEL_TRY(entropy.fill(id));
  SATCHEL_TRY(make_folder(fs::path(path).parent_path().string()));
  return write_file(path, encode_head(ledger_key(receipt_key), as_view(id), workspace, after_loss),
                    kSecretMode);
}

Result<std::unique_ptr<LedgerFile>> LedgerFile::open(const std::string& path, ByteView receipt_key,
                                                     const WorkspaceId& workspace) {
  auto contents = read(path, receipt_key, workspace);
  if (!contents) return contents.error();
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return failed(Errc::kFileWrite, path);
  const auto whole = static_cast<off_t>((contents->count + 1) * kBlock);
  std::unique_ptr<LedgerFile> ledger{
      new LedgerFile(path, descriptor, ledger_key(receipt_key), std::move(*contents))};
  // What was cut while it was written was never vouched for.
  if (::ftruncate(descriptor, whole) != 0) return failed(Errc::kFileWrite, path);
  return ledger;
}

LedgerFile::LedgerFile(std::string path, int descriptor, crypto::HmacKey key, Contents contents)
    : path_(std::move(path)),
      descriptor_(descriptor),
      key_(std::move(key)),
      contents_(std::move(contents)),
      count_(contents_.count),
      after_loss_(contents_.condition.after_loss) {}

LedgerFile::~LedgerFile() { ::close(descriptor_); }

Status LedgerFile::append(std::span<const sync::LedgerEntry> entries) {
  Bytes blocks;
  std::uint64_t index = count_;
  bool loss = false;
  for (const sync::LedgerEntry& entry : entries) {
    SATCHEL_ASSERT(entry.subject.size() <= sync::kLedgerSubjectBytes);
    blocks += encode_entry(key_, contents_.id, ++index, entry);
    loss = loss || entry.kind == sync::LedgerKind::kEntriesLost;
  }
  const auto end = static_cast<off_t>((count_ + 1) * kBlock);
  const ssize_t written = ::pwrite(descriptor_, blocks.data(), blocks.size(), end);
  if (written != static_cast<ssize_t>(blocks.size()) || ::fdatasync(descriptor_) != 0) {
    const Error error = failed(Errc::kFileWrite, path_);
    // As far as that still works: the next one is written over it in any case.
    if (::ftruncate(descriptor_, end) != 0) return error;
    return error;
  }
  count_ = index;
  after_loss_ = after_loss_ || loss;
  return {};
}

Bytes LedgerFile::place() const {
  Bytes place = contents_.id;
  append_u64(place, count_);
  return place;
}

std::uint64_t entries_gone(ByteView place, const sync::Ledger& ledger) {
  const Bytes now = ledger.place();
  if (place.size() != now.size() || place.substr(0, kIdBytes) != ByteView{now}.substr(0, kIdBytes))
    return 0;
  const std::uint64_t then = ByteReader{place.substr(kIdBytes)}.u64();
  const std::uint64_t held = ByteReader{ByteView{now}.substr(kIdBytes)}.u64();
  return then > held ? then - held : 0;
}

}  // namespace satchel::server
