// Sync and events.
#include "sdk/c/handles.hpp"

using namespace satchel;
using namespace satchel::c;

namespace {

// The host's function, given an event that it may keep.
sdk::EventHandler handler_of(satchel_event_callback callback, void* user) {
  return [callback, user](const std::shared_ptr<const sdk::Event>& event) {
    auto handle = std::make_unique<satchel_event>();
    handle->event = event;
    satchel_event* given = handle.release();
    callback(user, given);
    satchel_event_release(given);
  };
}

satchel_subscription* handle_of(std::shared_ptr<sdk::Subscription> subscription) {
  auto handle = std::make_unique<satchel_subscription>();
  handle->subscription = std::move(subscription);
  return handle.release();
}

}  // namespace

extern "C" {

satchel_status satchel_sync_once(satchel_replica* replica, const satchel_sync_options* options,
                                 satchel_text** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (out != nullptr) *out = nullptr;
    if (!all_given(replica)) return missing();
    const bool given = options != nullptr && options->struct_size >= sizeof(satchel_sync_options);
    const sdk::milliseconds timeout{given ? options->timeout_ms : 0};
    return give(replica->engine->sync_once(timeout, given ? options->retries : 0), out);
  });
}
satchel_status satchel_sync_start(satchel_replica* replica, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica)) return missing();
    return replica->engine->sync_start();
  });
}
satchel_status satchel_sync_stop(satchel_replica* replica, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica)) return missing();
    return replica->engine->sync_stop();
  });
}
satchel_status satchel_sync_reachable(satchel_replica* replica, int32_t reachable,
                                      satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica)) return missing();
    return replica->engine->sync_reachable(reachable != 0);
  });
}

void satchel_event_retain(satchel_event* event) {
  if (event != nullptr) event->references.fetch_add(1);
}
void satchel_event_release(satchel_event* event) {
  if (event != nullptr && event->references.fetch_sub(1) == 1) delete event;
}
size_t satchel_event_count(const satchel_event* event) {
  return event == nullptr ? 0 : event->event->rows.size();
}
satchel_slice satchel_event_at(const satchel_event* event, size_t index) {
  if (index >= satchel_event_count(event)) return {nullptr, 0};
  return slice(event->event->rows[index]);
}

satchel_status satchel_observe_status(satchel_replica* replica, satchel_event_callback callback,
                                      void* user, satchel_subscription** out,
                                      satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out) || callback == nullptr) return missing();
    *out = nullptr;
    *out = handle_of(replica->engine->observe_status(handler_of(callback, user)));
    return {};
  });
}
satchel_status satchel_observe_changes(satchel_replica* replica, satchel_slice purpose,
                                       satchel_event_callback callback, void* user,
                                       satchel_subscription** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out) || callback == nullptr) return missing();
    *out = nullptr;
    auto made = replica->engine->observe_changes(view(purpose), handler_of(callback, user));
    if (!made) return made.error();
    *out = handle_of(std::move(*made));
    return {};
  });
}
satchel_status satchel_observe_query(satchel_replica* replica, satchel_slice purpose,
                                     satchel_slice collection, satchel_slice expression,
                                     const satchel_query_options* options,
                                     satchel_event_callback callback, void* user,
                                     satchel_subscription** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out) || callback == nullptr) return missing();
    *out = nullptr;
    sdk::QueryOptions query;
    if (options != nullptr && options->struct_size >= sizeof(satchel_query_options)) {
      query = {std::string{view(options->order)}, options->limit};
    }
    auto made = replica->engine->observe_query(view(purpose), view(collection), view(expression),
                                               query, handler_of(callback, user));
    if (!made) return made.error();
    *out = handle_of(std::move(*made));
    return {};
  });
}
void satchel_subscription_cancel(satchel_subscription* subscription) {
  if (subscription != nullptr) subscription->subscription->cancel();
}
satchel_status satchel_subscription_cancel_wait(satchel_subscription* subscription) {
  return guarded(nullptr, [&]() -> Status {
    if (!all_given(subscription)) return missing();
    return subscription->subscription->cancel_and_wait();
  });
}
void satchel_subscription_free(satchel_subscription* subscription) {
  satchel_subscription_cancel(subscription);
  delete subscription;
}

}  // extern "C"
