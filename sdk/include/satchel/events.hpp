// Satchel, C++: events and subscriptions. Included by satchel.hpp.
#pragma once

#include <satchel/result.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace satchel {
inline namespace v1 {

// What a handler is given; copies keep it alive.
class Event {
 public:
  explicit Event(satchel_event* event) : event_(event) { satchel_event_retain(event_); }
  Event(const Event& other) : Event(other.event_) {}
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  ~Event() { satchel_event_release(event_); }
  [[nodiscard]] std::size_t size() const { return satchel_event_count(event_); }
  [[nodiscard]] std::string_view operator[](std::size_t index) const {
    return detail::view(satchel_event_at(event_, index));
  }

 private:
  satchel_event* event_;
};

// Cancelled and waited for when it goes; in its own handler it is only cancelled.
class Subscription {
 public:
  using Handler = std::function<void(const Event&)>;
  // Lives until the subscription is gone and its last call is over.
  struct Held : std::enable_shared_from_this<Held> {
    explicit Held(Handler given) : handler(std::move(given)) {}
    Handler handler;
  };
  Subscription(satchel_subscription* subscription, std::shared_ptr<Held> held)
      : held_(std::move(held)), subscription_(subscription) {}
  Subscription(Subscription&&) = default;
  Subscription& operator=(Subscription&& other) noexcept {
    cancel_and_wait();
    held_ = std::move(other.held_);
    subscription_ = std::move(other.subscription_);
    return *this;
  }
  ~Subscription() { cancel_and_wait(); }
  void cancel() { satchel_subscription_cancel(subscription_.get()); }
  // No call runs or follows once it has returned, except from the handler itself.
  void cancel_and_wait() {
    if (subscription_) static_cast<void>(satchel_subscription_cancel_wait(subscription_.get()));
    subscription_.reset();
  }
  // The callback that C is given; `user` is a Held.
  static void call(void* user, satchel_event* event) {
    const auto held = static_cast<Held*>(user)->shared_from_this();
    held->handler(Event{event});
  }

 private:
  std::shared_ptr<Held> held_;
  detail::Owned<satchel_subscription, satchel_subscription_free> subscription_;
};

}  // namespace v1
}  // namespace satchel
