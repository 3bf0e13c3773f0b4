// The objects behind the opaque types of satchel.h, and the wall that keeps exceptions inside.
#pragma once

#include <satchel/satchel.h>

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "sdk/engine/host_request.hpp"
#include "sdk/engine/replica.hpp"
#include "sdk/engine/write_scope.hpp"

namespace satchel::c {

// Counts handles, so that a host can see that it freed all of them.
class Counted {
 public:
  Counted() { ++alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  static std::atomic<std::int64_t> alive;

 protected:
  ~Counted() { --alive; }
};

}  // namespace satchel::c

struct satchel_error : satchel::c::Counted {
  satchel::Error error;
  std::string message;
};
struct satchel_text : satchel::c::Counted {
  std::string text;
};
struct satchel_list : satchel::c::Counted {
  satchel::sdk::Rows rows;
};
struct satchel_record : satchel::c::Counted {
  std::string json;
  boost::json::object whole;
  // Texts handed out live as long as the record.
  [[nodiscard]] const boost::json::value* find(std::string_view path) const;
};
struct satchel_replica : satchel::c::Counted {
  std::unique_ptr<satchel::sdk::Replica> engine;
};
struct satchel_read : satchel::c::Counted {
  satchel::sdk::Replica* engine = nullptr;
  std::string purpose;
};
struct satchel_write : satchel::c::Counted {
  std::unique_ptr<satchel::sdk::WriteScope> scope;
};
struct satchel_event : satchel::c::Counted {
  std::atomic<int> references{1};
  std::shared_ptr<const satchel::sdk::Event> event;
};
struct satchel_subscription : satchel::c::Counted {
  std::shared_ptr<satchel::sdk::Subscription> subscription;
};
struct satchel_request : satchel::c::Counted {
  std::shared_ptr<satchel::sdk::HostRequest> request;
};
struct satchel_task : satchel::c::Counted {
  std::function<void()> run;
};

namespace satchel::c {

inline std::string_view view(satchel_slice slice) {
  return slice.data == nullptr ? std::string_view{} : std::string_view{slice.data, slice.size};
}
inline satchel_slice slice(std::string_view text) { return {text.data(), text.size()}; }

satchel_status fail(Error error, satchel_error** out) noexcept;

// Runs `body`, which gives a Status; maps what it gives and what it throws.
template <class Body>
satchel_status guarded(satchel_error** error, Body&& body) noexcept {
  try {
    if (error != nullptr) *error = nullptr;
    Status status = std::forward<Body>(body)();
    if (status) return SATCHEL_OK;
    return fail(std::move(status).error(), error);
  } catch (const std::bad_alloc&) {
    return fail(Error{Errc::kInternal, "memory is exhausted"}, error);
  } catch (...) {
    return fail(Error{Errc::kInternal, "an unexpected exception"}, error);
  }
}

template <class... Pointers>
bool all_given(const Pointers*... pointers) {
  return (... && (pointers != nullptr));
}
inline Error missing() { return Error{Errc::kInvalidArgument, "a NULL where an object must be"}; }

inline Status give(Result<std::string> text, satchel_text** out) {
  if (!text) return text.error();
  if (out == nullptr) return {};
  auto made = std::make_unique<satchel_text>();
  made->text = std::move(*text);
  *out = made.release();
  return {};
}
inline Status give(Result<sdk::Rows> rows, satchel_list** out) {
  if (!rows) return rows.error();
  auto made = std::make_unique<satchel_list>();
  made->rows = std::move(*rows);
  const auto damage = made->rows.damage;
  *out = made.release();
  return damage ? Status{*damage} : Status{};
}
Status give_record(Result<std::string> json, satchel_record** out);

// kInvalidArgument where struct_size is that of no header.
Result<sdk::Config> to_config(const satchel_config* config);

}  // namespace satchel::c
