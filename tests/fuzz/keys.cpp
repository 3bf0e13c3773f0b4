// Key material as it lies on disk or comes from a stranger: it is refused, or is in the one form
// that its maker writes. What an attacker could not seal is sealed here, so that what lies behind
// the seal is read too.
#include <filesystem>
#include <fstream>

#include "crypto/aead.hpp"
#include "crypto/certificate.hpp"
#include "crypto/key_provider.hpp"
#include "crypto/root_blob.hpp"
#include "crypto/sealed_box.hpp"
#include "crypto/subject_block.hpp"
#include "crypto/token.hpp"
#include "schema/model/varint.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/target.hpp"

namespace satchel::fuzz {
namespace {

using crypto::Key32;

enum Kind : std::uint8_t { kRoot, kBlock, kCheck, kFile, kBox, kPem, kDer, kToken, kKinds };

Key32 fixed_key() { return *Key32::from_bytes(Bytes(32, 'k')); }
StoreId fixed_store() { return *StoreId::from_bytes(Bytes(16, 's')); }
constexpr crypto::RootGeneration kGeneration = 3;

// As the makers seal: label | store | number | format.
Bytes sealed(ByteView label, std::uint32_t number, ByteView plain) {
  Bytes place{label};
  place += fixed_store().bytes();
  append_u32(place, number);
  place += '\1';
  Bytes out;
  static_cast<void>(crypto::SivKey::derive(fixed_key(), label).seal(place, plain, out).has_value());
  return out;
}

void try_root(ByteView plain) {
  const Bytes whole = sealed("satchel root blob", kGeneration, plain);
  const auto blob = crypto::open_root_blob(fixed_key(), fixed_store(), kGeneration, whole);
  if (!blob) return law(blob.error().code == Errc::kStoreCorrupt, "a root blob has another error");
  const auto again = crypto::seal_root_blob(fixed_key(), *blob);
  must(again, "a root blob that opens does not seal");
  law(*again == whole, "two byte forms of one root blob");
}

void try_block(ByteView plain) {
  const Bytes whole = sealed("satchel subject block", 9, plain);
  const auto block = crypto::SubjectBlock::open(fixed_key(), fixed_store(), 9, whole);
  if (!block) return;
  const auto again = block->seal(fixed_key(), fixed_store());
  must(again, "a block that opens does not seal");
  law(*again == whole, "two byte forms of one block");
}

void try_check(ByteView bytes) {
  const auto check = crypto::read_key_check(bytes);
  const Status tested = crypto::test_key_check(bytes, fixed_key());
  law(check.has_value() || !tested, "a key opens what cannot be read");
  if (!tested) return;
  law(crypto::make_key_check(fixed_key(), check->store, check->generation) == bytes,
      "two byte forms of one key check");
}

void try_file(ByteView text, bool summed) {
  static const Scratch scratch;
  const std::string path = scratch.path() + "/key";
  {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file << text;
    if (summed) {
      file << "sum " << to_hex(crypto::sha256(text)) << "\n";
    }
  }
  std::filesystem::permissions(path, std::filesystem::perms{0600});
  crypto::FileKeyProvider provider{path};
  const auto generations = provider.list();
  if (!generations) return;
  std::vector<Key32> keys;
  for (const auto generation : *generations) {
    const auto key = provider.get(generation);
    must(key, "a key that is listed is not there");
    keys.push_back(*key);
  }
  if (keys.empty()) return;
  must(provider.put(generations->front(), keys.front()), "a file of keys is not written again");
  law(provider.list() && *provider.list() == *generations, "a file of keys is written as another");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto key = provider.get((*generations)[i]);
    law(key && *key == keys[i], "a key is written as another");
  }
}

void try_box(ByteView box) {
  crypto::BoxReceiver receiver{crypto::BoxKeyPair::from_secret(fixed_key())};
  Bytes plain{"before"};
  if (!receiver.open("aad", box, plain)) law(plain == "before", "a broken box leaves bytes behind");
}

}  // namespace

void run(ByteView input) {
  Input in{input};
  switch (in.octet() % kKinds) {
    case kRoot: return try_root(in.rest());
    case kBlock: return try_block(in.rest());
    case kCheck: return try_check(in.rest());
    case kFile: {
      const bool summed = in.octet() % 2 == 0;
      return try_file(in.rest(), summed);
    }
    case kBox: return try_box(in.rest());
    case kPem: {
      const ByteView pem = in.rest();
      const auto pin = crypto::pin_of_pem(pem);
      const auto der = crypto::der_of_pem(pem);
      static_cast<void>(crypto::expiry_of_pem(pem).has_value());
      if (!pin || !der) return;
      const auto same = crypto::pin_of_der(*der);
      return law(same && *same == *pin, "a certificate has two pins");
    }
    case kDer: return static_cast<void>(crypto::pin_of_der(in.rest()).has_value());
    default: {
      const crypto::HmacKey key{fixed_key()};
      const auto payload = crypto::open_token(key, "fuzz", in.rest(), 1'000);
      return law(!payload || *payload == "payload", "a token is taken that nobody made");
    }
  }
}

std::vector<Bytes> seeds() {
  std::vector<Bytes> made;
  const auto add = [&](Kind kind, const Bytes& bytes) {
    made.push_back(static_cast<char>(kind) + bytes);
  };
  const Bytes key(32, 'k');
  Bytes root{'\1'};
  root += fixed_store().bytes();
  append_u32(root, kGeneration);
  root += key + key + key + static_cast<char>(kPrivacyClassCount);
  for (std::size_t i = 0; i < kPrivacyClassCount; ++i) {
    root += static_cast<char>(i);
    append_u32(root, i == 3 ? 0 : 1);
    append_u32(root, 1);
    root += '\1';
    append_u32(root, 1);
    root += key;
  }
  append_u32(root, 1);
  append_u32(root, 9);
  add(kRoot, root + key);
  Bytes block{'\1'};
  append_u32(block, 9);
  block += '\1' + Bytes(27, '\0') + key + Bytes(std::size_t{223} * 32, '\0');
  add(kBlock, block);
  add(kCheck, crypto::make_key_check(fixed_key(), fixed_store(), kGeneration));
  add(kFile,
      Bytes(1, '\0') + "satchel-keys 1\nkey 3 " + to_hex(key) + "\nkey 4 " + to_hex(key) + "\n");
  add(kBox, '\1' + Bytes(32, '\x09') + Bytes(40, 'x'));
  const auto authority = crypto::make_authority("Authority", 1'760'000'000);
  must(authority, "an authority is made");
  add(kPem, authority->certificate);
  add(kDer, *crypto::der_of_pem(authority->certificate));
  add(kToken, crypto::make_token(crypto::HmacKey{fixed_key()}, "fuzz", "payload", 2'000));
  return made;
}

}  // namespace satchel::fuzz
