// `satcheld serve`: the workspace, the writer, the pools and the listeners, put together.
#pragma once

#include <functional>
#include <string>

#include "schema/model/result.hpp"

namespace satchel::server {

// Serves until SIGTERM or SIGINT, then drains: nothing new is accepted, sessions are closed with
// 1012, the writer's queue is finished. A second signal ends the process at once; the store is safe
// at every moment. `on_ready` is called once it accepts, with the public URL. The answer: success
// after a drain; kStoreLatched after an I/O error of the store; kConfigInvalid and the store's
// errors where it did not start.
Status serve(const std::string& folder,
             const std::function<void(const std::string& url)>& on_ready);

// What `satcheld check-config` does: reads the configuration, the certificates and the schema of
// files, opens nothing.
Status check_config(const std::string& folder);

}  // namespace satchel::server
