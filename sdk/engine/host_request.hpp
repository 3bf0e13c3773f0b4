// A question to the host that it may answer later, from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::sdk {

// Thread-safe. Answered once; the first answer stands.
class HostRequest {
 public:
  void complete(Result<Bytes> answer) {
    const std::lock_guard hold{mutex_};
    if (!answer_) answer_ = std::move(answer);
    answered_.notify_all();
  }
  // kTimeout where nothing came before the deadline.
  Result<Bytes> wait(std::chrono::milliseconds timeout) {
    std::unique_lock hold{mutex_};
    if (!answered_.wait_for(hold, timeout, [&] { return answer_.has_value(); })) {
      answer_ = Error{Errc::kTimeout, "the host did not answer"};
    }
    return *answer_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  std::optional<Result<Bytes>> answer_;
};

}  // namespace satchel::sdk
