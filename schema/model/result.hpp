// Either a value or the Error that explains its absence.
#pragma once

#include <utility>

#include <boost/system/result.hpp>

#include "schema/model/error.hpp"

namespace satchel {

[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
  // value() on an error is a bug of ours: the caller looked before it asked, or should have.
  assertion_failed(error.message().c_str(), __FILE__, __LINE__);
}

// Must not be ignored. Same member names as std::expected, which replaces it at C++23.
template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
 public:
  using Base = boost::system::result<T, Error>;
  using Base::Base;
};

using Status = Result<void>;

}  // namespace satchel

// Returns the error of `expression` from the enclosing function, if it has one. For calls made for
// their effect; a call made for its value is written out: `auto x = f(); if (!x) return
// x.error();`.
#define SATCHEL_TRY(expression) \
  if (auto satchel_try = (expression); !satchel_try) return std::move(satchel_try).error()
