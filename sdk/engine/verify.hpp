// Looks over a replica's store: what does not authenticate, and what of the outbox is lost with it.
#pragma once

#include <string>

#include "sdk/engine/core.hpp"

namespace satchel::sdk {

struct VerifyReport {
  std::string json;  // {"bad":[],"key":"ok|wrong|lost","lost_outbox":[],"values"}
  // kKeyWrong, kKeyLost, kStoreCorrupt; good where everything authenticates.
  Status sound;
};

// `edge` null: what the outbox should hold cannot be read, and only what is there is looked at.
Result<VerifyReport> verify_store(sync::Store& store, sync::Edge* edge);
// Of a folder that no handle has open, however damaged. kStoreMissing, kStoreBusy.
Result<VerifyReport> verify_home(const Config& config);

}  // namespace satchel::sdk
