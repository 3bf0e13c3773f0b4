// The keys of a workspace that are not its store's: what devices seal to, and what the server signs
// with.
#pragma once

#include <string>

#include "crypto/entropy.hpp"
#include "crypto/hash.hpp"
#include "crypto/sealed_box.hpp"
#include "schema/model/result.hpp"
#include "sync/hub/directory.hpp"

namespace satchel::server {

// Kept in a file of mode 0600 in the workspace's key folder. Text, one line each:
//
//   satchel-server-keys 1
//   box HEX        X25519: devices seal copies of their unsent writes to its public half
//   receipt HEX    HMAC key of acknowledgements' receipts
//   token HEX      HMAC key of devices' access tokens
//   sum HEX        SHA-256 of all bytes above
struct ServerKeys {
  crypto::BoxKeyPair box;
  crypto::Key32 receipt;
  crypto::Key32 token;
};

// Makes the keys and writes the file. kEntropy, kFileWrite.
Result<ServerKeys> make_server_keys(const std::string& path, crypto::Entropy& entropy);
// kKeyLost, kFileRead, kConfigInvalid (others may read it), kKeyMalformed (cut or altered).
Result<ServerKeys> read_server_keys(const std::string& path);

// A short-lived token for a device's HTTPS calls, and its check. Thread-compatible.
class AccessTokens {
 public:
  AccessTokens(const crypto::Key32& key, const WorkspaceId& workspace)
      : key_(key), workspace_(workspace) {}
  [[nodiscard]] std::string make(const sync::DeviceId& device, std::int64_t now_us) const;
  // The device. kUnauthenticated.
  [[nodiscard]] Result<sync::DeviceId> open(std::string_view token, std::int64_t now_us) const;

 private:
  crypto::HmacKey key_;
  WorkspaceId workspace_;
};

}  // namespace satchel::server
