#include "sdk/engine/delivery.hpp"

#include <algorithm>

namespace satchel::sdk {

bool Subscription::deliver() {
  {
    const std::lock_guard hold{mutex_};
    if (cancelled_ || !pending_) return false;
    pending_ = false;
  }
  std::optional<Event> event = collect_();
  if (!event) return false;
  {
    const std::lock_guard hold{mutex_};
    if (cancelled_) return false;
    running_on_ = std::this_thread::get_id();
  }
  handler_(std::make_shared<const Event>(std::move(*event)));
  const std::lock_guard hold{mutex_};
  running_on_.reset();
  ended_.notify_all();
  return true;
}

void Subscription::cancel() {
  const std::lock_guard hold{mutex_};
  cancelled_ = true;
}

Status Subscription::cancel_and_wait() {
  std::unique_lock hold{mutex_};
  cancelled_ = true;
  if (running_on_ == std::this_thread::get_id()) {
    return Error{Errc::kUsage, "a callback cannot wait for its own end"};
  }
  ended_.wait(hold, [&] { return !running_on_.has_value(); });
  return {};
}

// A task that the host has; given up unrun, it lets the next schedule() post another one.
class Delivery::Ticket {
 public:
  explicit Ticket(std::shared_ptr<Delivery> delivery) : delivery_(std::move(delivery)) {}
  ~Ticket() {
    if (!ran_) delivery_->task_dropped();
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  void run() {
    ran_ = true;
    delivery_->drain();
  }

 private:
  std::shared_ptr<Delivery> delivery_;
  bool ran_ = false;
};

void Delivery::add(std::shared_ptr<Subscription> subscription) {
  const std::lock_guard hold{mutex_};
  std::erase_if(subscriptions_, [](const auto& each) { return each->cancelled(); });
  subscriptions_.push_back(std::move(subscription));
}

void Delivery::schedule() {
  {
    const std::lock_guard hold{mutex_};
    if (scheduled_ || closed_) return;
    scheduled_ = true;
  }
  to_engine_([self = shared_from_this()] {
    if (!self->to_host_) return self->drain();
    const auto ticket = std::make_shared<Ticket>(self);
    self->to_host_([ticket] { ticket->run(); });
  });
}

void Delivery::task_dropped() {
  const std::lock_guard hold{mutex_};
  scheduled_ = false;
}

void Delivery::drain() {
  {
    const std::lock_guard hold{mutex_};
    scheduled_ = false;
    if (closed_) return;
    // A host with several threads may run two tasks at once: the first goes round again for both.
    if (draining_on_) {
      again_ = true;
      return;
    }
    draining_on_ = std::this_thread::get_id();
  }
  for (;;) {
    std::vector<std::shared_ptr<Subscription>> subscriptions;
    {
      const std::lock_guard hold{mutex_};
      again_ = false;
      if (!closed_) subscriptions = subscriptions_;
    }
    for (const auto& subscription : subscriptions) subscription->deliver();
    const std::lock_guard hold{mutex_};
    if (again_ && !closed_) continue;
    draining_on_.reset();
    return;
  }
}

void Delivery::close() {
  std::vector<std::shared_ptr<Subscription>> subscriptions;
  {
    const std::lock_guard hold{mutex_};
    closed_ = true;
    subscriptions.swap(subscriptions_);
  }
  for (const auto& subscription : subscriptions) static_cast<void>(subscription->cancel_and_wait());
}

bool Delivery::on_delivering_thread() const {
  const std::lock_guard hold{mutex_};
  return draining_on_ == std::this_thread::get_id();
}

}  // namespace satchel::sdk
