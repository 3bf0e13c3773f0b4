// Satchel, C++: what a host gives. Included by satchel.hpp.
#pragma once

#include <satchel/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace satchel {
inline namespace v1 {

// A request of the SDK; completed or failed exactly once, from any thread.
class Request {
 public:
  explicit Request(satchel_request* request) : request_(request) {}
  void complete(const void* data = nullptr, std::size_t size = 0) {
    satchel_request_complete(std::exchange(request_, nullptr), data, size);
  }
  void fail(satchel_status status) {
    satchel_request_fail(std::exchange(request_, nullptr), status);
  }

 private:
  satchel_request* request_;
};

// The host's key store (satchel_key_provider).
class KeyProvider {
 public:
  virtual ~KeyProvider() = default;
  // What destroying a key means here. The other calls complete or fail their request, at once or
  // later; satchel_key_provider says with what.
  [[nodiscard]] virtual satchel_strength strength() const = 0;
  virtual void put(std::uint32_t generation, const std::uint8_t* key, std::size_t size,
                   Request request) = 0;
  virtual void get(std::uint32_t generation, Request request) = 0;
  virtual void destroy(std::uint32_t generation, Request request) = 0;
  virtual void list(Request request) = 0;  // Complete with an array of uint32_t.
};

// A task for the host's loop; runs once.
class Task {
 public:
  explicit Task(satchel_task* task) : task_(task) {}
  void operator()() { satchel_task_run(task_.release()); }

 private:
  detail::Owned<satchel_task, satchel_task_drop> task_;
};

struct Config {
  std::string path;
  std::string key_file{};
  std::string install_file{};
  std::string boot_id_file{};
  std::string connect{};
  std::uint64_t quota_bytes = 0;
  std::chrono::milliseconds lock_wait{0};
  satchel_log_level log_level = SATCHEL_LOG_WARNING;
  std::function<void(satchel_log_level, std::string_view)> log{};
  std::function<void(Task)> post{};
  std::shared_ptr<KeyProvider> keys{};
};

}  // namespace v1
}  // namespace satchel
