// What a commit that a device has sealed to the server's key is bound to. Both ends say the same.
#pragma once

#include "schema/model/bytes.hpp"
#include "schema/model/ids.hpp"

namespace satchel::wire {

// Associated data of crypto::BoxSender::seal: these words, then the 16 bytes of the workspace id. A
// copy that was sealed for one workspace does not open in another, even under the same keys.
inline Bytes sealed_commit_binding(const WorkspaceId& workspace) {
  Bytes binding{"satchel outbox v1"};
  binding += workspace.bytes();
  return binding;
}

}  // namespace satchel::wire
