// satcheld.toml: what an operator may set.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "schema/model/result.hpp"
#include "server/app/log.hpp"

namespace satchel::server {

struct Address {
  std::string host;  // An IP address.
  std::uint16_t port = 0;
  [[nodiscard]] std::string text() const;
};
// "127.0.0.1:8443", "[::1]:8443". kInvalidArgument.
Result<Address> parse_address(const std::string& text);

// Value type.
struct Config {
  std::string workspace = "main";
  Address listen;
  Address admin_listen;
  // What enrolment codes say; empty: made from `listen`.
  std::string public_url;
  std::chrono::seconds shutdown_grace{20};
  std::string ca_file;  // Paths are absolute once read; in the file relative to its folder.
  std::string cert_file;
  std::string key_file;
  std::uint64_t map_size_bytes = std::uint64_t{64} << 30;
  std::string schema_file;  // For when the stored schema is damaged; empty: none.
  // The ledger (server/app/ledger_file.hpp): where no backup and no restore of the store reaches.
  std::string ledger_file;
  // A device silent for longer bootstraps again.
  std::chrono::seconds replica_expiry{90 * 86'400};
  // What lost to a concurrent write stays for so long.
  std::chrono::seconds loser_retention{90 * 86'400};
  // Commits that stay in the log though every device has them.
  std::uint64_t log_commits = 65'536;
  LogLevel log_level = LogLevel::kInfo;

  [[nodiscard]] std::string url() const;
};

inline constexpr const char* kConfigFile = "satcheld.toml";

// Where the ledger lies below the folder unless the configuration says otherwise.
std::string default_ledger(const std::string& workspace);

// Reads DIR/satcheld.toml. kConfigInvalid with "file:line:column: what" for each complaint, one a
// line: syntax, unknown keys (with the nearest known one), wrong types, values out of range.
Result<Config> read_config(const std::string& folder);
// The text of a file that read_config reads back as `config`; paths below `folder` are made
// relative.
std::string config_text(const Config& config, const std::string& folder);

}  // namespace satchel::server
