// What a sealed value is bound to, so that it opens in its own place only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "schema/model/bytes.hpp"
#include "schema/model/ids.hpp"
#include "schema/model/limits.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

// The data subjects of one segment. Value type.
// Invariant: sorted, distinct, at most limits::kSubjectsMax.
class SubjectSet {
 public:
  SubjectSet() = default;  // None.
  // Sorts, and takes each once. kLimitExceeded if too many distinct ones remain.
  static Result<SubjectSet> from(std::span<const SubjectRef> subjects);

  [[nodiscard]] std::span<const SubjectRef> refs() const { return {refs_.data(), count_}; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size() const { return count_; }
  friend bool operator==(const SubjectSet&, const SubjectSet&) = default;

 private:
  std::array<SubjectRef, limits::kSubjectsMax> refs_{};
  std::size_t count_ = 0;
};

// Where a sealed value lies and what it is.
struct SealedPlace {
  StoreId store;
  std::uint8_t table = 0;
  RecordNumber number = 0;
  PrivacyClass privacy_class = PrivacyClass::kStructure;
  std::uint32_t generation = 0;
  std::uint64_t revision = 0;
  std::uint8_t format = 0;
  SubjectSet subjects;
};

// The bytes of a place. Lives on the stack. Value type.
//
//   offset  size  field
//        0    16  store id
//       16     1  table
//       17     8  record number, little-endian
//       25     1  privacy class
//       26     4  class generation, little-endian
//       30     8  revision, little-endian
//       38     1  format of the sealed bytes
//       39     1  subject count n
//       40  16 n  subject refs, sorted, distinct
class AssociatedData {
 public:
  explicit AssociatedData(const SealedPlace& place);
  [[nodiscard]] ByteView bytes() const { return as_view({octets_.data(), size_}); }

 private:
  static constexpr std::size_t kFixedBytes = 40;
  std::array<std::uint8_t, kFixedBytes + 16 * limits::kSubjectsMax> octets_;
  std::size_t size_;
};

}  // namespace satchel::crypto
