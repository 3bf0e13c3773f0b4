// Satchel: the C++20 interface of the SDK. Inline over satchel.h, so that there is no C++ ABI; the
// numbered conventions there hold here. Nothing throws but std::bad_alloc.
//
//   satchel::Config config;
//   config.path = "replica";
//   auto db = satchel::Replica::open(config);
//   if (!db) return show(db.error().message());
//   auto id = db->write("CustomerOrderManagement", [&](satchel::Write& tx) -> satchel::Status {
//     auto order = tx.create("orders");
//     if (!order) return order.error();
//     return tx.set(*order, "note", "\"gate B\"");
//   });
#pragma once

#include <satchel/config.hpp>
#include <satchel/events.hpp>
#include <satchel/satchel.h>
#include <satchel/scopes.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace satchel {
inline namespace v1 {

struct SyncOptions {
  std::chrono::milliseconds timeout{0};
  std::uint32_t retries = 0;
};

// A replica. Movable; thread-safe. Reads, writes and subscriptions end before it.
class Replica {
 public:
  static Result<Replica> open(const Config& config) {
    return start(config,
                 [](const satchel_config* given, satchel_replica** out, satchel_error** error) {
                   return satchel_replica_open(given, out, error);
                 });
  }
  static Result<Replica> enroll(const Config& config, std::string_view code,
                                std::string_view device_name = {},
                                std::chrono::milliseconds timeout = std::chrono::seconds{30}) {
    return start(
        config, [&](const satchel_config* given, satchel_replica** out, satchel_error** error) {
          return satchel_replica_enroll(given, detail::slice(code), detail::slice(device_name),
                                        static_cast<std::uint32_t>(timeout.count()), out, error);
        });
  }
  static Status wipe(const Config& config) {
    const Host host{config};
    return detail::checked([&](auto** error) { return satchel_wipe(&host.given, error); });
  }

  // Of a folder that no handle has open. `report` is filled also where the answer is an error.
  static Status verify(const Config& config, std::string& report) {
    const Host host{config};
    satchel_text* text = nullptr;
    satchel_error* error = nullptr;
    const auto status = satchel_verify(&host.given, &text, &error);
    report = std::string{detail::view(satchel_text_slice(text))};
    satchel_text_free(text);
    if (status != SATCHEL_OK) return Error{status, error};
    return {};
  }

  Result<Read> read(std::string_view purpose) const {
    return detail::made<Read, satchel_read>([&](auto** out, auto** error) {
      return satchel_read_begin(replica_.get(), detail::slice(purpose), out, error);
    });
  }
  Result<Write> begin_write(std::string_view purpose, std::chrono::milliseconds deadline = {}) {
    return detail::made<Write, satchel_write>([&](auto** out, auto** error) {
      return satchel_write_begin(replica_.get(), detail::slice(purpose),
                                 static_cast<std::uint32_t>(deadline.count()), out, error);
    });
  }
  // Commits unless `work` gives an error. The commit's number; 0 where nothing was written.
  template <class Work>
  Result<std::uint64_t> write(std::string_view purpose, Work&& work) {
    auto scope = begin_write(purpose);
    if (!scope) return scope.error();
    if (Status done = std::forward<Work>(work)(*scope); !done) return done.error();
    return scope->commit();
  }

  Result<std::string> status() const { return text(satchel_replica_status); }
  Result<std::string> schema() const { return text(satchel_replica_schema); }
  Result<std::string> heal() { return text(satchel_replica_heal); }
  // How many records went.
  Result<std::uint64_t> narrow(std::uint32_t days) {
    std::uint64_t gone = 0;
    satchel_error* error = nullptr;
    const auto status = satchel_replica_narrow(replica_.get(), days, &gone, &error);
    if (status != SATCHEL_OK) return Error{status, error};
    return gone;
  }
  // `report` is filled also where the answer is an error.
  Status verify(std::string& report) const {
    satchel_text* text = nullptr;
    satchel_error* error = nullptr;
    const auto status = satchel_replica_verify(replica_.get(), &text, &error);
    report = std::string{detail::view(satchel_text_slice(text))};
    satchel_text_free(text);
    if (status != SATCHEL_OK) return Error{status, error};
    return {};
  }
  Result<std::int64_t> trusted_now() const {
    std::int64_t now = 0;
    satchel_error* error = nullptr;
    const auto status = satchel_replica_trusted_now(replica_.get(), &now, &error);
    if (status != SATCHEL_OK) return Error{status, error};
    return now;
  }
  Status suspend() { return call(satchel_replica_suspend); }
  Status resume() { return call(satchel_replica_resume); }
  Status rotate_keys() { return call(satchel_replica_rotate_keys); }
  Result<std::uint64_t> retry(std::uint64_t inbox_item) {
    std::uint64_t commit = 0;
    satchel_error* error = nullptr;
    const auto status = satchel_inbox_retry(replica_.get(), inbox_item, &commit, &error);
    if (status != SATCHEL_OK) return Error{status, error};
    return commit;
  }
  Status discard(std::uint64_t inbox_item) {
    return detail::checked(
        [&](auto** error) { return satchel_inbox_discard(replica_.get(), inbox_item, error); });
  }

  // The report of the exchange, JSON.
  Result<std::string> sync_once(const SyncOptions& options = {}) {
    satchel_sync_options given = SATCHEL_SYNC_OPTIONS_INIT;
    given.timeout_ms = static_cast<std::uint32_t>(options.timeout.count());
    given.retries = options.retries;
    satchel_text* text = nullptr;
    satchel_error* error = nullptr;
    const auto status = satchel_sync_once(replica_.get(), &given, &text, &error);
    return detail::text_of(status, text, error);
  }
  Status sync_start() { return call(satchel_sync_start); }
  Status sync_stop() { return call(satchel_sync_stop); }
  Status sync_reachable(bool reachable) {
    return detail::checked([&](auto** error) {
      return satchel_sync_reachable(replica_.get(), reachable ? 1 : 0, error);
    });
  }

  Result<Subscription> observe_status(Subscription::Handler handler) {
    return observe(std::move(handler), [&](auto callback, void* user, auto** out, auto** error) {
      return satchel_observe_status(replica_.get(), callback, user, out, error);
    });
  }
  Result<Subscription> observe_changes(std::string_view purpose, Subscription::Handler handler) {
    return observe(std::move(handler), [&](auto callback, void* user, auto** out, auto** error) {
      return satchel_observe_changes(replica_.get(), detail::slice(purpose), callback, user, out,
                                     error);
    });
  }
  Result<Subscription> observe_query(std::string_view purpose, std::string_view collection,
                                     std::string_view expression, const QueryOptions& options,
                                     Subscription::Handler handler) {
    satchel_query_options given = SATCHEL_QUERY_OPTIONS_INIT;
    given.limit = options.limit;
    given.order = detail::slice(options.order);
    return observe(std::move(handler), [&](auto callback, void* user, auto** out, auto** error) {
      return satchel_observe_query(replica_.get(), detail::slice(purpose),
                                   detail::slice(collection), detail::slice(expression), &given,
                                   callback, user, out, error);
    });
  }

 private:
  // The configuration as C sees it; its callbacks live as long as the replica.
  struct Host {
    explicit Host(const Config& config) : own(config) {
      given.path = detail::slice(own.path);
      given.key_file = detail::slice(own.key_file);
      given.install_file = detail::slice(own.install_file);
      given.boot_id_file = detail::slice(own.boot_id_file);
      given.connect = detail::slice(own.connect);
      given.quota_bytes = own.quota_bytes;
      given.lock_wait_ms = static_cast<std::uint32_t>(own.lock_wait.count());
      given.log_level = own.log_level;
      if (own.log) {
        given.log_user = this;
        given.log = [](void* user, satchel_log_level level, satchel_slice line) {
          static_cast<Host*>(user)->own.log(level, detail::view(line));
        };
      }
      if (own.post) {
        given.post_user = this;
        given.post = [](void* user, satchel_task* task) {
          static_cast<Host*>(user)->own.post(Task{task});
        };
      }
      if (own.keys) add_keys();
    }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    void add_keys() {
      keys.struct_size = static_cast<std::uint32_t>(sizeof(keys));
      keys.strength = own.keys->strength();
      keys.user = own.keys.get();
      keys.put = [](void* user, std::uint32_t generation, const std::uint8_t* key, std::size_t size,
                    satchel_request* request) {
        static_cast<KeyProvider*>(user)->put(generation, key, size, Request{request});
      };
      keys.get = [](void* user, std::uint32_t generation, satchel_request* request) {
        static_cast<KeyProvider*>(user)->get(generation, Request{request});
      };
      keys.destroy = [](void* user, std::uint32_t generation, satchel_request* request) {
        static_cast<KeyProvider*>(user)->destroy(generation, Request{request});
      };
      keys.list = [](void* user, satchel_request* request) {
        static_cast<KeyProvider*>(user)->list(Request{request});
      };
      given.key_provider = &keys;
    }

    Config own;
    satchel_config given = SATCHEL_CONFIG_INIT;
    satchel_key_provider keys{};
  };

  Replica(std::unique_ptr<Host> host, satchel_replica* replica)
      : host_(std::move(host)), replica_(replica) {}

  template <class Open>
  static Result<Replica> start(const Config& config, Open&& open) {
    auto host = std::make_unique<Host>(config);
    satchel_replica* replica = nullptr;
    satchel_error* error = nullptr;
    const satchel_status status = open(&host->given, &replica, &error);
    if (status != SATCHEL_OK) return Error{status, error};
    return Replica{std::move(host), replica};
  }
  Status call(satchel_status (*function)(satchel_replica*, satchel_error**)) {
    return detail::checked([&](auto** error) { return function(replica_.get(), error); });
  }
  Result<std::string> text(satchel_status (*function)(satchel_replica*, satchel_text**,
                                                      satchel_error**)) const {
    satchel_text* text = nullptr;
    satchel_error* error = nullptr;
    const auto status = function(replica_.get(), &text, &error);
    return detail::text_of(status, text, error);
  }
  template <class Observe>
  Result<Subscription> observe(Subscription::Handler handler, Observe&& begin) {
    auto held = std::make_shared<Subscription::Held>(std::move(handler));
    satchel_subscription* subscription = nullptr;
    satchel_error* error = nullptr;
    const auto status = begin(&Subscription::call, held.get(), &subscription, &error);
    if (status != SATCHEL_OK) return Error{status, error};
    return Subscription{subscription, std::move(held)};
  }

  std::unique_ptr<Host> host_;
  detail::Owned<satchel_replica, detail::close_replica> replica_;
};

}  // namespace v1
}  // namespace satchel
