#include "crypto/root_blob.hpp"

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "schema/model/varint.hpp"

namespace satchel::crypto {
namespace {

constexpr std::uint8_t kBlobFormat = 1;
constexpr ByteView kBlobLabel = "satchel root blob";
constexpr ByteView kCheckMagic = "SATCHKEY";
constexpr ByteView kCheckLabel = "satchel key check";
constexpr std::size_t kClassKeysMax = 255;

void append_number(SecretBytes& out, std::uint32_t number) {
  Bytes bytes;
  append_u32(bytes, number);
  out.append(bytes);
}
void append_octet(SecretBytes& out, std::uint8_t octet) { out.append(as_view({&octet, 1})); }

Bytes blob_place(const StoreId& store, RootGeneration generation) {
  Bytes aad{kBlobLabel};
  aad += store.bytes();
  append_u32(aad, generation);
  aad += static_cast<char>(kBlobFormat);
  return aad;
}

SecretBytes encode(const RootBlob& blob) {
  SecretBytes out;
  append_octet(out, kBlobFormat);
  out.append(blob.store.bytes());
  append_number(out, blob.generation);
  out.append(blob.index_key.bytes());
  out.append(blob.blind_key.bytes());
  out.append(blob.digest_key.bytes());
  append_octet(out, kPrivacyClassCount);
  for (std::size_t i = 0; i < kPrivacyClassCount; ++i) {
    const ClassKeys& keys = blob.classes[i];
    append_octet(out, static_cast<std::uint8_t>(i));
    append_number(out, keys.current);
    append_number(out, keys.last);
    append_octet(out, static_cast<std::uint8_t>(keys.keys.size()));
    for (const auto& [generation, key] : keys.keys) {
      append_number(out, generation);
      out.append(key.bytes());
    }
  }
  append_number(out, static_cast<std::uint32_t>(blob.blocks.size()));
  for (const auto& [block, key] : blob.blocks) {
    append_number(out, block);
    out.append(key.bytes());
  }
  return out;
}

void read_key(ByteReader& reader, Key32& key) {
  const ByteView bytes = reader.take(Key32::size());
  if (!reader.failed()) std::memcpy(key.octets().data(), bytes.data(), bytes.size());
}

void read_class(ByteReader& reader, std::size_t index, ClassKeys& keys) {
  if (reader.u8() != index) reader.fail();
  keys.current = reader.u32();
  keys.last = reader.u32();
  std::uint32_t previous = 0;
  for (std::uint8_t left = reader.u8(); left > 0 && !reader.failed(); --left) {
    const ClassGeneration generation = reader.u32();
    if (generation <= previous) reader.fail();
    previous = generation;
    read_key(reader, keys.keys[generation]);
  }
  if (previous > keys.last) reader.fail();
  if (keys.current != 0 && !keys.keys.contains(keys.current)) reader.fail();
}

std::optional<RootBlob> decode(ByteView bytes) {
  ByteReader reader{bytes};
  if (reader.u8() != kBlobFormat) return std::nullopt;
  RootBlob blob;
  const auto store = StoreId::from_bytes(reader.take(16));
  if (!store) return std::nullopt;
  blob.store = *store;
  blob.generation = reader.u32();
  read_key(reader, blob.index_key);
  read_key(reader, blob.blind_key);
  read_key(reader, blob.digest_key);
  if (reader.u8() != kPrivacyClassCount) reader.fail();
  for (std::size_t i = 0; i < kPrivacyClassCount && !reader.failed(); ++i) {
    read_class(reader, i, blob.classes[i]);
  }
  std::uint64_t next = 0;
  for (std::uint32_t left = reader.u32(); left > 0 && !reader.failed(); --left) {
    const BlockId block = reader.u32();
    if (block < next) reader.fail();
    next = std::uint64_t{block} + 1;
    read_key(reader, blob.blocks[block]);
  }
  if (!reader.finished()) return std::nullopt;
  return blob;
}

Digest check_mac(const Key32& root_key, const StoreId& store, RootGeneration generation) {
  Bytes message{kCheckLabel};
  message += store.bytes();
  append_u32(message, generation);
  return HmacKey{root_key}.mac(message);
}

}  // namespace

Result<RootBlob> RootBlob::make(const StoreId& store, RootGeneration generation,
                                Entropy& entropy) {
  RootBlob blob;
  blob.store = store;
  blob.generation = generation;
  for (Key32* key : {&blob.index_key, &blob.blind_key, &blob.digest_key}) {
    SATCHEL_TRY(entropy.fill(key->octets()));
  }
  for (ClassKeys& keys : blob.classes) {
    keys.current = keys.last = 1;
    SATCHEL_TRY(entropy.fill(keys.keys[1].octets()));
  }
  return blob;
}

Result<Bytes> seal_root_blob(const Key32& root_key, const RootBlob& blob) {
  for (const ClassKeys& keys : blob.classes) {
    if (keys.keys.size() > kClassKeysMax) {
      return Error{Errc::kLimitExceeded, "too many generations of one class key"};
    }
  }
  Bytes sealed;
  SATCHEL_TRY(SivKey::derive(root_key, kBlobLabel)
                  .seal(blob_place(blob.store, blob.generation), encode(blob).bytes(), sealed));
  return sealed;
}

Result<RootBlob> open_root_blob(const Key32& root_key, const StoreId& store,
                                RootGeneration generation, ByteView sealed) {
  const auto plain =
      SivKey::derive(root_key, kBlobLabel).open(blob_place(store, generation), sealed);
  if (!plain) return Error{Errc::kStoreCorrupt, "the root blob does not open with the root key"};
  auto blob = decode(plain->bytes());
  if (!blob || !(blob->store == store) || blob->generation != generation) {
    return Error{Errc::kStoreCorrupt, "the root blob does not follow its layout"};
  }
  return std::move(*blob);
}

Bytes make_key_check(const Key32& root_key, const StoreId& store, RootGeneration generation) {
  Bytes check{kCheckMagic};
  append_u16(check, kKeyFormat);
  check += store.bytes();
  append_u32(check, generation);
  check += as_view(check_mac(root_key, store, generation));
  check += sha256(check);
  return check;
}

namespace {

struct ParsedCheck {
  KeyCheck check;
  ByteView mac;
};

Result<ParsedCheck> parse_check(ByteView bytes) {
  const Error corrupt{Errc::kStoreCorrupt, "the key-check value is damaged"};
  if (bytes.size() < kCheckMagic.size() + 2 + kDigestBytes) return corrupt;
  const ByteView body = bytes.substr(0, bytes.size() - kDigestBytes);
  // Before the format is believed: a flipped bit there must not read as a newer version.
  if (sha256(body) != bytes.substr(body.size()) || !body.starts_with(kCheckMagic)) return corrupt;
  ByteReader reader{body.substr(kCheckMagic.size())};
  const std::uint16_t format = reader.u16();
  if (format > kKeyFormat) {
    return Error{Errc::kStoreNewer, "key format " + std::to_string(format)};
  }
  const auto store = StoreId::from_bytes(reader.take(16));
  const RootGeneration generation = reader.u32();
  const ByteView mac = reader.take(kDigestBytes);
  if (format != kKeyFormat || !store || !reader.finished() || generation == 0) return corrupt;
  return ParsedCheck{{*store, generation}, mac};
}

}  // namespace

Result<KeyCheck> read_key_check(ByteView check) {
  const auto parsed = parse_check(check);
  if (!parsed) return parsed.error();
  return parsed->check;
}

Status test_key_check(ByteView check, const Key32& root_key) {
  const auto parsed = parse_check(check);
  if (!parsed) return parsed.error();
  const Digest expected = check_mac(root_key, parsed->check.store, parsed->check.generation);
  if (!constant_time_equal(as_view(expected), parsed->mac)) {
    return Error{Errc::kKeyWrong, "generation " + std::to_string(parsed->check.generation)};
  }
  return {};
}

}  // namespace satchel::crypto
