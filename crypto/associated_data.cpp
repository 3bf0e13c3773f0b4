#include "crypto/associated_data.hpp"

#include <algorithm>
#include <cstring>

namespace satchel::crypto {

Result<SubjectSet> SubjectSet::from(std::span<const SubjectRef> subjects) {
  SubjectSet set;
  for (const SubjectRef& subject : subjects) {
    auto* const end = set.refs_.data() + set.count_;
    auto* const at = std::lower_bound(set.refs_.data(), end, subject);
    if (at != end && *at == subject) continue;
    if (set.count_ == set.refs_.size()) {
      return Error{Errc::kLimitExceeded, "too many data subjects in one segment"};
    }
    std::move_backward(at, end, end + 1);
    *at = subject;
    ++set.count_;
  }
  return set;
}

AssociatedData::AssociatedData(const SealedPlace& place)
    : size_(kFixedBytes + 16 * place.subjects.size()) {
  std::uint8_t* at = octets_.data();
  const auto put = [&at](std::uint64_t number, int size) {
    for (int i = 0; i < size; ++i) *at++ = static_cast<std::uint8_t>(number >> (8 * i));
  };
  std::memcpy(at, place.store.octets.data(), 16);
  at += 16;
  put(place.table, 1);
  put(place.number, 8);
  put(static_cast<std::uint8_t>(place.privacy_class), 1);
  put(place.generation, 4);
  put(place.revision, 8);
  put(place.format, 1);
  put(place.subjects.size(), 1);
  for (const SubjectRef& subject : place.subjects.refs()) {
    std::memcpy(at, subject.octets.data(), 16);
    at += 16;
  }
}

}  // namespace satchel::crypto
