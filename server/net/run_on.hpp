// Runs a function elsewhere and comes back: how a connection's coroutine reaches the store.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "server/net/types.hpp"

namespace satchel::server {

// Resumes on the coroutine's own executor with what `function` returned. `function` must not throw
// and is a named object of the caller's, moved in: GCC 12 may destroy a temporary of a co_await
// expression twice. Its deadline is its own affair: it works on the store or waits for the writer.
template <class Function>
net::awaitable<std::invoke_result_t<Function>> run_on(net::any_io_executor executor,
                                                      Function function) {
  using Answer = std::invoke_result_t<Function>;
  auto initiate = [executor, function = std::move(function)](auto handler) mutable {
    auto home = net::get_associated_executor(handler);
    auto guard = net::make_work_guard(home);
    // Shared, because a posted function object must be copyable for some executors.
    auto state = std::make_shared<std::pair<decltype(handler), Function>>(std::move(handler),
                                                                          std::move(function));
    net::post(executor, [state, guard = std::move(guard)]() mutable {
      auto answer = std::make_shared<Answer>(state->second());
      auto home_executor = guard.get_executor();
      net::post(home_executor, [state, answer] { std::move(state->first)(std::move(*answer)); });
      guard.reset();
    });
  };
  co_return co_await net::async_initiate<const net::use_awaitable_t<>, void(Answer)>(
      initiate, net::use_awaitable);
}

}  // namespace satchel::server
