// What every verb of satchelctl works with: where the server is, and how answers are shown.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/json/value.hpp>

#include "server/app/workspace.hpp"
#include "server/ctl/client.hpp"

namespace satchel::server {

struct CtlOptions {
  std::string data;
  std::string server;
  std::string token_file;
  std::string ca_file;
  std::string workspace = "main";
  std::string output = "text";
  std::string purpose{sync::kDefaultPurpose};
};

// Thread-bound.
class CtlSession {
 public:
  explicit CtlSession(CtlOptions options) : options_(std::move(options)) {}

  [[nodiscard]] bool is_json() const { return options_.output == "json"; }
  [[nodiscard]] const CtlOptions& options() const { return options_; }

  // Made at the first call. kUsage (neither --data nor --server), kConfigInvalid, kFileRead.
  Result<AdminClient*> client();
  // The folder's workspace, where --data was given and no server runs on it. kUnreachable without
  // --data.
  Result<Workspace*> offline();
  // Asks the server; where nothing listens and --data was given, works on the folder instead.
  Result<Bytes> get_or(const std::string& path,
                       const std::function<Result<Bytes>(Workspace&)>& offline);

 private:
  Result<AdminEndpoint> endpoint();

  CtlOptions options_;
  std::unique_ptr<AdminClient> client_;
  std::unique_ptr<Workspace> workspace_;
};

// Prints an answer: with -o json as it is (a list as NDJSON), else an object as "name: value" lines
// and a list as a table of the objects' members.
void print_json(const CtlSession& session, const boost::json::value& value);
// Parses and prints what the server said. kFrameMalformed where it is no JSON.
Status print_body(const CtlSession& session, const Bytes& body);
// As it stands, to stdout. kFileWrite where stdout is closed.
Status print_raw(ByteView bytes);

}  // namespace satchel::server
