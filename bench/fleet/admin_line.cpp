#include "bench/fleet/admin_line.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace satchel::bench {
namespace {

std::string content_of(const std::string& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::uint16_t admin_port(const std::string& configuration) {
  const std::size_t at = configuration.find("\nadmin_listen = ");
  const std::size_t colon = configuration.find("127.0.0.1:", at);
  if (at == std::string::npos || colon == std::string::npos) give_up("no admin_listen");
  return static_cast<std::uint16_t>(std::atoi(configuration.c_str() + colon + 10));
}

}  // namespace

struct AdminLine::Line {
  int socket = -1;
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  std::string read;  // What came and was not consumed.

  Line() = default;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() {
    SSL_free(ssl);
    SSL_CTX_free(context);
    ::close(socket);
  }
  void more() {
    char piece[16384];
    const int count = SSL_read(ssl, piece, sizeof piece);
    if (count <= 0) give_up("the admin's connection broke");
    read.append(piece, static_cast<std::size_t>(count));
  }
};

AdminLine::AdminLine(const Server& server)
    : line_(std::make_unique<Line>()), token_(content_of(server.data() + "/admin.token")) {
  while (!token_.empty() && (token_.back() == '\n' || token_.back() == '\r')) token_.pop_back();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(admin_port(content_of(server.data() + "/satcheld.toml")));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  line_->socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(line_->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(line_->socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    give_up("the admin's listener does not answer");
  }
  line_->context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(line_->context, SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_locations(line_->context, server.authority().c_str(), nullptr) != 1) {
    give_up("no authority at " + server.authority());
  }
  line_->ssl = SSL_new(line_->context);
  SSL_set_fd(line_->ssl, line_->socket);
  if (SSL_connect(line_->ssl) != 1) give_up("no TLS with the admin's listener");
}

AdminLine::~AdminLine() = default;

std::string AdminLine::call(const std::string& method, const std::string& path,
                            const std::string& json) {
  std::string request =
      method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ";
  request += token_ + "\r\n";
  if (method != "GET") {
    request +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) + "\r\n";
  }
  request += "\r\n" + json;
  if (SSL_write(line_->ssl, request.data(), static_cast<int>(request.size())) <= 0) {
    give_up("the admin's connection broke");
  }
  std::size_t head = 0;
  while ((head = line_->read.find("\r\n\r\n")) == std::string::npos) line_->more();
  const std::string top = line_->read.substr(0, head + 2);
  const std::size_t length = top.find("\r\nContent-Length: ");
  if (length == std::string::npos) give_up("an answer without a length: " + top);
  const std::size_t size = std::strtoull(top.c_str() + length + 18, nullptr, 10);
  while (line_->read.size() < head + 4 + size) line_->more();
  std::string body = line_->read.substr(head + 4, size);
  line_->read.erase(0, head + 4 + size);
  if (top.rfind("HTTP/1.1 2", 0) != 0) give_up(method + " " + path + ": " + top + body);
  return body;
}

std::string AdminLine::enrolment(const std::string& user) {
  const std::string answer = post("/admin/v1/enrollments", "{\"user\":\"" + user + "\"}");
  const std::size_t at = answer.find("\"code\":\"");
  if (at == std::string::npos) give_up("no code: " + answer);
  return answer.substr(at + 8, answer.find('"', at + 8) - at - 8);
}

}  // namespace satchel::bench
