// Tells live sessions that the store has risen, and cuts those that may no longer be served.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "sync/hub/directory.hpp"

namespace satchel::server {

// A session as the notifier reaches it. Calls come from any thread and must not block.
class Listening {
 public:
  virtual ~Listening() = default;
  virtual void poke() = 0;
  // Ends the session with `error`, if it is of this device (zero: whatever device) and user (empty:
  // whatever user).
  virtual void cut(const sync::DeviceId& device, const std::string& user, const Error& error) = 0;
};

// Thread-safe. Pokes are coalesced: while one round waits to run, further ones are the same round.
// What they lead to is read from the store, never from the writer's memory.
class Notifier {
 public:
  using Post = std::function<void(std::function<void()>)>;
  // `post` runs a function soon, elsewhere than on the writer's thread.
  explicit Notifier(Post post) : post_(std::move(post)) {}
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  void add(const std::shared_ptr<Listening>& session);
  void remove(const Listening* session);
  void poke_all();
  void cut(const sync::DeviceId& device, const std::string& user, const Error& error);
  [[nodiscard]] std::size_t size() const;

 private:
  void poke_round();
  [[nodiscard]] std::vector<std::shared_ptr<Listening>> all() const;

  Post post_;
  std::atomic<bool> round_waits_ = false;
  mutable std::mutex mutex_;
  std::unordered_map<const Listening*, std::weak_ptr<Listening>> sessions_;  // Under mutex_.
};

}  // namespace satchel::server
