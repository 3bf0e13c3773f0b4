#include "crypto/keyring.hpp"
#include "schema/model/varint.hpp"

namespace satchel::crypto {
namespace {

// Scheduled keys with subjects kept at once, about 1 KB each.
constexpr std::size_t kSharedMax = 1024;

Bytes cache_key(PrivacyClass privacy_class, ClassGeneration generation,
                const SubjectSet& subjects) {
  Bytes key;
  key += static_cast<char>(privacy_class);
  append_u32(key, generation);
  for (const SubjectRef& subject : subjects.refs()) key += subject.bytes();
  return key;
}

}  // namespace

void SegmentKeys::drop_if_stale() {
  const std::uint64_t epoch = keyring_.epoch();
  if (epoch == epoch_) return;
  for (auto& slots : plain_) slots.clear();
  shared_.clear();
  epoch_ = epoch;
}

Result<AeadKey*> SegmentKeys::aead(PrivacyClass privacy_class, ClassGeneration generation,
                                   const SubjectSet& subjects) {
  drop_if_stale();
  const auto index = static_cast<std::size_t>(privacy_class);
  SATCHEL_ASSERT(index < kPrivacyClassCount);
  if (subjects.empty()) {
    for (const Slot& slot : plain_[index]) {
      if (slot.generation == generation) return slot.key.get();
    }
  }
  Bytes shared_key;
  if (!subjects.empty()) {
    shared_key = cache_key(privacy_class, generation, subjects);
    const auto found = shared_.find(shared_key);
    if (found != shared_.end()) return found->second.get();
  }
  const auto key = keyring_.segment_key(privacy_class, generation, subjects, subject_keys_);
  if (!key) return key.error();
  auto scheduled = std::make_unique<AeadKey>(*key);
  AeadKey* const answer = scheduled.get();
  if (subjects.empty()) {
    plain_[index].push_back({generation, std::move(scheduled)});
  } else {
    if (shared_.size() >= kSharedMax) shared_.clear();
    shared_.emplace(std::move(shared_key), std::move(scheduled));
  }
  return answer;
}

}  // namespace satchel::crypto
