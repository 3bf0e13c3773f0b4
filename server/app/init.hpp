// `satcheld init`: everything a server needs, made once.
#pragma once

#include <string>

#include "schema/model/result.hpp"

namespace satchel::server {

struct InitOptions {
  std::string folder;
  std::string listen = "127.0.0.1:8443";
  std::string admin_listen = "127.0.0.1:0";
  std::string workspace = "main";
  std::string public_url;
  std::string schema_file;  // Empty: the CRM that travels with the binary.
};

// What an operator is told.
struct InitReport {
  std::string config_file;
  std::string url;
  std::string admin_url;
  std::string ca_file;
  std::string token_file;
};

// Makes folder, certificates, store, keys, the admin's token and, last, satcheld.toml: a folder
// with a configuration is whole. What is there already, of an init that was cut or of a server that
// lost its configuration, stays as it is. kAlreadyExists where there is one; kInvalidArgument,
// kSchemaInvalid, those of the store and of the files.
Result<InitReport> init(const InitOptions& options);

}  // namespace satchel::server
