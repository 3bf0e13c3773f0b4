#include "crypto/keyring.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/evp.h>

#include "schema/model/varint.hpp"

namespace satchel::crypto {
namespace {

std::size_t index_of(PrivacyClass privacy_class) {
  const auto index = static_cast<std::size_t>(privacy_class);
  SATCHEL_ASSERT(index < kPrivacyClassCount);
  return index;
}

Error locked(PrivacyClass privacy_class) {
  return Error{Errc::kClassLocked, std::string{name_of(privacy_class)}};
}

}  // namespace

RowDigest::RowDigest(const Key32& key) : context_(EVP_CIPHER_CTX_new()) {
  SATCHEL_ASSERT(context_ != nullptr);
  SATCHEL_ASSERT(EVP_EncryptInit_ex(context_.get(), EVP_aes_256_ecb(), nullptr,
                                    key.octets().data(), nullptr) == 1);
  EVP_CIPHER_CTX_set_padding(context_.get(), 0);
}

RowDigest::Value RowDigest::of(std::uint8_t table, ByteView row_key, std::uint64_t tag) {
  // The first block says how many follow, so that no chain is the beginning of another: with that a
  // CBC-MAC is a PRF for keys of any length.
  std::array<unsigned char, 16> block{};
  for (std::size_t i = 0; i < 8; ++i) block[i] = static_cast<unsigned char>(tag >> (8 * i));
  block[8] = table;
  const auto size = static_cast<std::uint32_t>(row_key.size());
  for (std::size_t i = 0; i < 4; ++i) block[12 + i] = static_cast<unsigned char>(size >> (8 * i));
  int written = 0;
  const auto encrypt = [&] {
    SATCHEL_ASSERT(EVP_EncryptUpdate(context_.get(), block.data(), &written, block.data(), 16) ==
                   1);
  };
  encrypt();
  for (std::size_t at = 0; at < row_key.size(); at += 16) {
    const ByteView part = row_key.substr(at, 16);
    for (std::size_t i = 0; i < part.size(); ++i) {
      block[i] = static_cast<unsigned char>(block[i] ^ static_cast<unsigned char>(part[i]));
    }
    encrypt();
  }
  ByteReader reader{as_view(block)};
  const std::uint64_t low = reader.u64();
  return {low, reader.u64()};
}

Keyring::Keyring(RootBlob blob)
    : store_(blob.store), blind_key_(blob.blind_key), blob_(std::move(blob)) {}

Result<std::unique_ptr<Keyring>> Keyring::make(const StoreId& store, KeyProvider& provider,
                                               Entropy& entropy) {
  const auto held = provider.list();
  if (!held) return held.error();
  if (held->size() > 1) {
    return Error{Errc::kAlreadyExists, "the key provider holds the keys of another store"};
  }
  // One key may be of an attempt to make this store that was cut. It is lent rather than replaced:
  // should it be another store's after all, that store still opens.
  const RootGeneration generation = held->empty() ? 1 : held->front();
  auto blob = RootBlob::make(store, generation, entropy);
  if (!blob) return blob.error();
  if (held->empty()) {
    const auto root_key = random_secret<32>(entropy);
    if (!root_key) return root_key.error();
    SATCHEL_TRY(provider.put(generation, *root_key));
  }
  return std::unique_ptr<Keyring>{new Keyring{std::move(*blob)}};
}

Result<std::unique_ptr<Keyring>> Keyring::open(ByteView key_check, ByteView root_blob,
                                               KeyProvider& provider) {
  const auto check = read_key_check(key_check);
  if (!check) return check.error();
  const auto root_key = provider.get(check->generation);
  if (!root_key) return root_key.error();
  SATCHEL_TRY(test_key_check(key_check, *root_key));
  auto blob = open_root_blob(*root_key, check->store, check->generation, root_blob);
  if (!blob) return blob.error();
  return std::unique_ptr<Keyring>{new Keyring{std::move(*blob)}};
}

RootGeneration Keyring::root_generation() const {
  const std::scoped_lock lock{mutex_};
  return blob_.generation;
}

RootBlob Keyring::blob() const {
  const std::scoped_lock lock{mutex_};
  return blob_;
}

Result<KeyPath> Keyring::path(KeyProvider& provider) const {
  auto change = seal_change(blob(), provider);
  if (!change) return change.error();
  return std::move(change->path);
}

Result<ClassGeneration> Keyring::current_generation(PrivacyClass privacy_class) const {
  const std::scoped_lock lock{mutex_};
  const ClassGeneration current = blob_.classes[index_of(privacy_class)].current;
  if (current == 0) return locked(privacy_class);
  return current;
}

Result<Key32> Keyring::segment_key(PrivacyClass privacy_class, ClassGeneration generation,
                                   const SubjectSet& subjects, SubjectKeys* keys) const {
  Key32 class_key;
  {
    const std::scoped_lock lock{mutex_};
    const auto& held = blob_.classes[index_of(privacy_class)].keys;
    const auto found = held.find(generation);
    if (found == held.end()) return locked(privacy_class);
    class_key = found->second;
  }
  Bytes context = "satchel segment";
  context += store_.bytes();
  context += static_cast<char>(privacy_class);
  append_u32(context, generation);
  context += static_cast<char>(subjects.size());
  for (const SubjectRef& subject : subjects.refs()) context += subject.bytes();
  Key32 key{HmacKey{class_key}.mac(context)};
  for (const SubjectRef& subject : subjects.refs()) {
    SATCHEL_ASSERT(keys != nullptr);
    const auto subject_key = keys->get(subject);
    if (!subject_key) return subject_key.error();
    const Key32 half{HmacKey{*subject_key}.mac(context)};
    for (std::size_t i = 0; i < Key32::size(); ++i) {
      key.octets()[i] = static_cast<std::uint8_t>(key.octets()[i] ^ half.octets()[i]);
    }
  }
  return key;
}

Blinded Keyring::blind(std::uint8_t table, ByteView id) const {
  const Digest digest = blind_key_.mac(as_view({&table, 1}), id);
  Blinded blinded;
  std::memcpy(blinded.data(), digest.data(), blinded.size());
  return blinded;
}

RowDigest Keyring::row_digest() const {
  const std::scoped_lock lock{mutex_};
  return RowDigest{blob_.digest_key};
}

Key32 Keyring::index_key() const {
  const std::scoped_lock lock{mutex_};
  return blob_.index_key;
}

Result<Key32> Keyring::block_key(BlockId block) const {
  const std::scoped_lock lock{mutex_};
  const auto found = blob_.blocks.find(block);
  if (found == blob_.blocks.end()) {
    return Error{Errc::kNotFound, "no key of block " + std::to_string(block)};
  }
  return found->second;
}

Result<KeyChange> Keyring::seal_change(RootBlob blob, KeyProvider& provider) const {
  const auto root_key = provider.get(blob.generation);
  if (!root_key) return root_key.error();
  auto sealed = seal_root_blob(*root_key, blob);
  if (!sealed) return sealed.error();
  KeyPath path{make_key_check(*root_key, store_, blob.generation), std::move(*sealed), {}};
  return KeyChange{std::move(blob), std::move(path), epoch()};
}

Result<KeyChange> Keyring::plan_class_key(PrivacyClass privacy_class, ClassGeneration generation,
                                          const Key32& key, KeyProvider& provider) const {
  RootBlob next = blob();
  ClassKeys& keys = next.classes[index_of(privacy_class)];
  // The newest may come again: after its lease ended, a sync brings the same key back.
  if (generation == 0 || generation < keys.last) {
    return Error{Errc::kInvalidArgument, "a class key older than the newest seen"};
  }
  const auto [held, added] = keys.keys.try_emplace(generation, key);
  if (!added && !(held->second == key)) {
    return Error{Errc::kInvalidArgument, "another class key of a generation held"};
  }
  keys.current = keys.last = generation;
  return seal_change(std::move(next), provider);
}

Result<KeyChange> Keyring::plan_next_generation(PrivacyClass privacy_class, KeyProvider& provider,
                                                Entropy& entropy) const {
  const auto key = random_secret<32>(entropy);
  if (!key) return key.error();
  const ClassGeneration last = blob().classes[index_of(privacy_class)].last;
  return plan_class_key(privacy_class, last + 1, *key, provider);
}

Result<KeyChange> Keyring::plan_block(KeyProvider& provider, Entropy& entropy) const {
  RootBlob next = blob();
  const auto key = random_secret<32>(entropy);
  if (!key) return key.error();
  const BlockId id = next.blocks.empty() ? 1 : next.blocks.rbegin()->first + 1;
  next.blocks.emplace(id, *key);
  auto sealed = SubjectBlock{id}.seal(*key, store_);
  if (!sealed) return sealed.error();
  auto change = seal_change(std::move(next), provider);
  if (!change) return change.error();
  change->path.blocks.emplace_back(id, std::move(*sealed));
  return change;
}

void Keyring::adopt(KeyChange change) {
  SATCHEL_ASSERT(change.blob.store == store_);
  const std::scoped_lock lock{mutex_};
  // Two changes of one state: the second would bring back what the first destroyed.
  SATCHEL_ASSERT(change.epoch == epoch());
  blob_ = std::move(change.blob);
  epoch_.fetch_add(1, std::memory_order_release);
}

}  // namespace satchel::crypto
