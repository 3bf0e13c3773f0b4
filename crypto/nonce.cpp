#include <atomic>
#include <cstring>
#include <mutex>

#include <pthread.h>

#include "crypto/aead.hpp"

namespace satchel::crypto {
namespace {

// How many forks lie between this process and the one that registered the handler. A handler
// instead of getpid(): that is a system call, and it would cost more than the nonce.
std::atomic<std::uint64_t> forks{0};

std::uint64_t fork_count() {
  static std::once_flag registered;
  std::call_once(registered, [] {
    const int failed =
        pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
    SATCHEL_ASSERT(failed == 0);
  });
  return forks.load(std::memory_order_relaxed);
}

}  // namespace

Status NonceSource::draw() {
  fork_count_ = fork_count();
  SATCHEL_TRY(entropy_.fill(drawn_));
  left_ = kDrawn;
  return {};
}

Result<Nonce> NonceSource::next() {
  // With nothing drawn the handler may not be registered yet, and there is nothing to protect.
  if (left_ == 0 || fork_count_ != forks.load(std::memory_order_relaxed)) {
    left_ = 0;
    SATCHEL_TRY(draw());
  }
  --left_;
  Nonce nonce;
  std::memcpy(nonce.data(), drawn_.data() + left_ * kNonceBytes, kNonceBytes);
  return nonce;
}

}  // namespace satchel::crypto
