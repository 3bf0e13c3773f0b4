// The names of things: 128-bit ids and small numbers, each a type of its own.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel {

// 128 bits compared as big-endian bytes. Value type.
template <class Tag>
struct Id128 {
  std::array<std::uint8_t, 16> octets{};

  friend std::strong_ordering operator<=>(const Id128& a, const Id128& b) {
    const int order = std::memcmp(a.octets.data(), b.octets.data(), 16);
    return order <=> 0;
  }
  friend bool operator==(const Id128& a, const Id128& b) {
    return std::memcmp(a.octets.data(), b.octets.data(), 16) == 0;
  }
  [[nodiscard]] bool is_zero() const { return *this == Id128{}; }
  [[nodiscard]] ByteView bytes() const { return as_view(octets); }
  // kInvalidArgument unless exactly 16 bytes.
  static Result<Id128> from_bytes(ByteView bytes) {
    if (bytes.size() != 16) return Error{Errc::kInvalidArgument, "an id has 16 bytes"};
    Id128 id;
    std::memcpy(id.octets.data(), bytes.data(), 16);
    return id;
  }
};

using ReplicaId = Id128<struct ReplicaTag>;          // Any holder of a copy; random.
using RecordId = Id128<struct RecordTag>;            // UUIDv7, made where the record was made.
using WorkspaceId = Id128<struct WorkspaceTag>;      // Random, made at init.
using IncarnationId = Id128<struct IncarnationTag>;  // A server store's life.
// One store on one disk; bound into every seal.
using StoreId = Id128<struct StoreTag>;
// A data subject: the id of the record that is the person.
using SubjectRef = Id128<struct SubjectTag>;

// "018f3c5e-7b1a-7c3d-9e4f-0123456789ab" for records, and 32 hexadecimal digits for all others.
std::string to_text(const RecordId& id);
template <class Tag>
std::string to_text(const Id128<Tag>& id) {
  return to_hex(id.bytes());
}
// Accepts the form with hyphens and the one without. kInvalidArgument otherwise.
Result<RecordId> parse_record_id(std::string_view text);
template <class Id>
Result<Id> parse_id(std::string_view text) {
  Bytes bytes;
  if (!from_hex(text, bytes)) {
    return Error{Errc::kInvalidArgument, "an id is 32 hexadecimal digits"};
  }
  auto id = Id::from_bytes(bytes);
  if (!id) return id.error();
  return *id;
}

// The field's ordinal in its Cap'n Proto struct; see kCommonFieldBase.
using FieldId = std::uint16_t;
using CollectionId = std::uint64_t;  // The struct's Cap'n Proto type id.
using RecordNumber = std::uint64_t;  // Dense, local to one store; 0 is none.
using Sequence = std::uint64_t;      // The server's commit number; 0 is before the first.

// Fields that every record has (createdAt, owner, tags, ...) are numbered from here.
inline constexpr FieldId kCommonFieldBase = 0xF000;
// The register that says whether a record lives.
inline constexpr FieldId kLifeField = 0xFFFF;

// In disk formats, associated data and on the wire: never renumbered.
enum class PrivacyClass : std::uint8_t {
  kStructure = 0,  // Ours: headers, life, bookkeeping. Never a field's class.
  kPublic = 1,
  kCompany = 2,
  kBusinessContact = 3,
  kPersonal = 4,
  kBehavioural = 5,
  kFinancial = 6,
  kSpecial = 7,
  kEmployee = 8,
};
inline constexpr std::size_t kPrivacyClassCount = 9;
std::string_view name_of(PrivacyClass privacy_class);  // "businessContact"

template <class Tag>
struct Id128Hash {
  std::size_t operator()(const Id128<Tag>& id) const noexcept {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::memcpy(&high, id.octets.data(), 8);
    std::memcpy(&low, id.octets.data() + 8, 8);
    return static_cast<std::size_t>(low ^ (high * 0x9E3779B97F4A7C15ULL));
  }
};

}  // namespace satchel

template <class Tag>
struct std::hash<satchel::Id128<Tag>> : satchel::Id128Hash<Tag> {};
