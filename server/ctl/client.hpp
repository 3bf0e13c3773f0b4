// The admin API as satchelctl calls it: libcurl under this project's errors.
#pragma once

#include <memory>
#include <string>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::server {

struct AdminEndpoint {
  std::string url;  // "https://127.0.0.1:8444"
  std::string token;
  std::string ca_file;
};

// Thread-bound. One connection, kept between calls.
class AdminClient {
 public:
  static Result<std::unique_ptr<AdminClient>> open(AdminEndpoint endpoint);
  ~AdminClient();
  AdminClient(const AdminClient&) = delete;
  AdminClient& operator=(const AdminClient&) = delete;

  // The answer's body. kUnreachable; kTlsFailed and kCertificateWrong; kConnectionCut; kTimeout;
  // for an answer that is a problem, the problem's code and detail.
  Result<Bytes> get(const std::string& path) { return call("GET", path, {}, {}); }
  Result<Bytes> post(const std::string& path, const Bytes& body,
                     const std::string& content_type = "application/json") {
    return call("POST", path, body, content_type);
  }
  Result<Bytes> put(const std::string& path, const Bytes& body) {
    return call("PUT", path, body, "application/json");
  }

 private:
  struct Handle;
  explicit AdminClient(AdminEndpoint endpoint);
  Result<Bytes> call(const char* method, const std::string& path, const Bytes& body,
                     const std::string& content_type);

  AdminEndpoint endpoint_;
  std::unique_ptr<Handle> handle_;
};

// One path segment or query value, percent-encoded.
std::string escape(std::string_view text);

}  // namespace satchel::server
