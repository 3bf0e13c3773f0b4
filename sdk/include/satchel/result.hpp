// Satchel, C++: errors and results. Included by satchel.hpp.
#pragma once

#include <satchel/satchel.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace satchel {
inline namespace v1 {

namespace detail {

inline satchel_slice slice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(satchel_slice text) {
  return text.data == nullptr ? std::string_view{} : std::string_view{text.data, text.size};
}

// Owns one handle of the C interface.
template <class Handle, void (*release)(Handle*)>
struct Release {
  void operator()(Handle* handle) const { release(handle); }
};
template <class Handle, void (*release)(Handle*)>
using Owned = std::unique_ptr<Handle, Release<Handle, release>>;

inline void close_replica(satchel_replica* replica) { satchel_replica_close(replica, nullptr); }

}  // namespace detail

// Why something failed. Value type.
class Error {
 public:
  explicit Error(satchel_status code, std::string context = {})
      : code_(code), message_(satchel_status_sentence(code)), context_(std::move(context)) {
    if (!context_.empty()) message_ += " (" + context_ + ")";
  }
  // Takes the handle.
  Error(satchel_status code, satchel_error* error) : code_(code) {
    message_ = error != nullptr ? std::string{detail::view(satchel_error_message(error))}
                                : std::string{satchel_status_sentence(code)};
    context_ = std::string{detail::view(satchel_error_context(error))};
    retryable_ = satchel_error_retryable(error) != 0;
    satchel_error_free(error);
  }
  [[nodiscard]] satchel_status code() const { return code_; }
  [[nodiscard]] bool is(satchel_status code) const { return code_ == code; }
  [[nodiscard]] std::string_view name() const { return satchel_status_name(code_); }
  [[nodiscard]] std::string_view sentence() const { return satchel_status_sentence(code_); }
  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] const std::string& context() const { return context_; }
  [[nodiscard]] bool retryable() const { return retryable_; }
  [[nodiscard]] int exit_status() const { return satchel_status_exit(code_); }

 private:
  satchel_status code_;
  std::string message_;
  std::string context_;
  bool retryable_ = false;
};

// Either a value or the Error that explains its absence.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return held_.index() == 0; }
  [[nodiscard]] bool has_value() const { return held_.index() == 0; }
  T& operator*() { return *std::get_if<0>(&held_); }
  const T& operator*() const { return *std::get_if<0>(&held_); }
  T* operator->() { return std::get_if<0>(&held_); }
  const T* operator->() const { return std::get_if<0>(&held_); }
  [[nodiscard]] const Error& error() const { return *std::get_if<1>(&held_); }

 private:
  std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  explicit operator bool() const { return !error_.has_value(); }
  [[nodiscard]] bool has_value() const { return !error_.has_value(); }
  [[nodiscard]] const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};
using Status = Result<void>;

namespace detail {

// Calls `call(satchel_error**)`.
template <class Call>
Status checked(Call&& call) {
  satchel_error* error = nullptr;
  const satchel_status status = call(&error);
  if (status == SATCHEL_OK) return {};
  return Error{status, error};
}
// The same for calls that give a handle; `Made` is made of it.
template <class Made, class Handle, class Call>
Result<Made> made(Call&& call) {
  Handle* handle = nullptr;
  satchel_error* error = nullptr;
  const satchel_status status = call(&handle, &error);
  if (status != SATCHEL_OK) return Error{status, error};
  return Made{handle};
}
inline Result<std::string> text_of(satchel_status status, satchel_text* text,
                                   satchel_error* error) {
  std::string copy{view(satchel_text_slice(text))};
  satchel_text_free(text);
  if (status != SATCHEL_OK) return Error{status, error};
  return copy;
}

}  // namespace detail

}  // namespace v1
}  // namespace satchel
