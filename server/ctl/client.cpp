#include "server/ctl/client.hpp"

#include <curl/curl.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "server/ctl/report.hpp"

namespace satchel::server {
namespace {

constexpr long kConnectDeadlineMs = 10'000;
// Imports and dumps take their time; an answer that stands still does not.
constexpr long kStallSeconds = 120;

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<Bytes*>(body)->append(data, size * count);
  return size * count;
}

Error error_of_curl(CURLcode code, const char* detail) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST: return Error{Errc::kUnreachable, detail};
    case CURLE_PEER_FAILED_VERIFICATION: return Error{Errc::kCertificateWrong, detail};
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE: return Error{Errc::kTlsFailed, detail};
    case CURLE_OPERATION_TIMEDOUT: return Error{Errc::kTimeout, detail};
    default: return Error{Errc::kConnectionCut, detail};
  }
}

Error error_of_problem(long status, const Bytes& body) {
  boost::system::error_code bad;
  const boost::json::value value = boost::json::parse({body.data(), body.size()}, bad);
  Error error{Errc::kHttpRefused, "HTTP status " + std::to_string(status)};
  if (bad || !value.is_object()) return error;
  const auto& problem = value.get_object();
  if (const auto* code = problem.if_contains("code"); code != nullptr && code->is_string()) {
    const auto& name = code->get_string();
    error.code = errc_from_wire_name({name.data(), name.size()}).value_or(Errc::kHttpRefused);
    error.context.clear();
  }
  if (const auto* detail = problem.if_contains("detail");
      detail != nullptr && detail->is_string()) {
    error.context.assign(detail->get_string().data(), detail->get_string().size());
  }
  return error;
}

struct HeaderList {
  curl_slist* head = nullptr;
  ~HeaderList() { curl_slist_free_all(head); }
  void add(const std::string& line) { head = curl_slist_append(head, line.c_str()); }
};

}  // namespace

struct AdminClient::Handle {
  CURL* curl = nullptr;
  char detail[CURL_ERROR_SIZE] = {};
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { curl_easy_cleanup(curl); }
};

AdminClient::AdminClient(AdminEndpoint endpoint)
    : endpoint_(std::move(endpoint)), handle_(std::make_unique<Handle>()) {}

AdminClient::~AdminClient() = default;

Result<std::unique_ptr<AdminClient>> AdminClient::open(AdminEndpoint endpoint) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::unique_ptr<AdminClient> client{new AdminClient(std::move(endpoint))};
  client->handle_->curl = ready == CURLE_OK ? curl_easy_init() : nullptr;
  if (client->handle_->curl == nullptr) return Error{Errc::kInternal, "libcurl does not start"};
  return client;
}

Result<Bytes> AdminClient::call(const char* method, const std::string& path, const Bytes& body,
                                const std::string& content_type) {
  CURL* const curl = handle_->curl;
  const std::string url = endpoint_.url + path;
  HeaderList headers;
  headers.add("Authorization: Bearer " + endpoint_.token);
  headers.add("Expect:");
  if (!content_type.empty()) headers.add("Content-Type: " + content_type);
  Bytes answer;
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  if (std::string_view{method} != "GET") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.head);
  curl_easy_setopt(curl, CURLOPT_CAINFO, endpoint_.ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl, CURLOPT_PROXY,
                   "");  // The admin's token goes to the server and nowhere else.
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectDeadlineMs);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle_->detail);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  handle_->detail[0] = '\0';
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return error_of_curl(code, handle_->detail);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200 || status >= 300) return error_of_problem(status, answer);
  return answer;
}

std::string escape(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[octet >> 4];
      out += kDigits[octet & 15];
    }
  }
  return out;
}

}  // namespace satchel::server
