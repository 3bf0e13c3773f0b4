#include "bench/fleet/limits.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bench/fleet/process.hpp"
#include "bench/table.hpp"

namespace satchel::bench {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kTlsRecordBytes = 16 * 1024;

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Ssl = std::unique_ptr<SSL, FreeSsl>;
using Context = std::unique_ptr<SSL_CTX, FreeSsl>;

// Two connected TCP sockets on loopback.
std::pair<int, int> connected() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, generic, &size) != 0 || ::connect(client, generic, size) != 0) {
    give_up("no loopback connection");
  }
  const int server = ::accept(listener, nullptr, nullptr);
  ::close(listener);
  return {client, server};
}

// Both ends of a TLS connection, each on its own thread.
template <class ClientWork, class ServerWork>
double over_tls(SSL_CTX* server_context, const ClientWork& client_work,
                const ServerWork& server_work) {
  const Context client_context{SSL_CTX_new(TLS_client_method())};
  const Timer timer;
  const auto [client, server] = connected();
  std::thread other{[&, socket = server] {
    const Ssl ssl{SSL_new(server_context)};
    SSL_set_fd(ssl.get(), socket);
    if (SSL_accept(ssl.get()) != 1) give_up("no TLS handshake");
    server_work(ssl.get());
  }};
  {
    const Ssl ssl{SSL_new(client_context.get())};
    SSL_set_fd(ssl.get(), client);
    if (SSL_connect(ssl.get()) != 1) give_up("no TLS handshake");
    client_work(ssl.get());
  }
  other.join();
  const double seconds = timer.seconds();
  ::close(client);
  ::close(server);
  return seconds;
}

Context make_server_context(const std::string& certificate, const std::string& private_key) {
  Context context{SSL_CTX_new(TLS_server_method())};
  SSL_CTX_set_num_tickets(context.get(), 0);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), private_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    give_up("no certificate at " + certificate);
  }
  return context;
}

}  // namespace

DiskLimit::DiskLimit(const std::string& folder)
    : file_(::open((folder + "/fdatasync").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (file_ < 0) give_up("no file for fdatasync");
}

DiskLimit::~DiskLimit() { ::close(file_); }

double DiskLimit::once() {
  const std::vector<char> page(kPageBytes, 'p');
  const Timer timer;
  if (::write(file_, page.data(), page.size()) < 0 || ::fdatasync(file_) != 0) {
    give_up("fdatasync failed");
  }
  return timer.seconds();
}

double tls_bytes_per_second(const std::string& certificate, const std::string& private_key,
                            std::size_t bytes) {
  const Context context = make_server_context(certificate, private_key);
  const auto read = [bytes](SSL* ssl) {
    std::vector<char> piece(kTlsRecordBytes);
    for (std::size_t got = 0; got < bytes;) {
      const int count = SSL_read(ssl, piece.data(), static_cast<int>(piece.size()));
      if (count <= 0) give_up("TLS broke");
      got += static_cast<std::size_t>(count);
    }
  };
  const auto write = [bytes](SSL* ssl) {
    const std::vector<char> piece(kTlsRecordBytes, 'p');
    for (std::size_t sent = 0; sent < bytes; sent += piece.size()) {
      SSL_write(ssl, piece.data(), static_cast<int>(piece.size()));
    }
  };
  return static_cast<double>(bytes) / over_tls(context.get(), read, write);
}

double tls_connect_seconds(const std::string& certificate, const std::string& private_key,
                           int rounds) {
  const Context context = make_server_context(certificate, private_key);
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    samples.push_back(over_tls(
        context.get(), [](SSL*) {}, [](SSL*) {}));
  }
  return least(samples);
}

double read_and_open_seconds(const std::string& file, std::size_t piece) {
  const std::vector<unsigned char> key(32, 'k');
  const std::vector<unsigned char> nonce(12, 'n');
  std::vector<unsigned char> sealed(1U << 20);
  std::vector<unsigned char> plain(piece + 16);
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> cipher{
      EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free};
  EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), nullptr);
  const int in = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) give_up("no file " + file);
  const Timer timer;
  for (ssize_t got = 0; (got = ::read(in, sealed.data(), sealed.size())) > 0;) {
    const auto count = static_cast<std::size_t>(got);
    for (std::size_t at = 0; at < count; at += piece) {
      int written = 0;
      // The tag is not asked for: these bytes were never sealed like this. The work is the same.
      EVP_DecryptInit_ex(cipher.get(), nullptr, nullptr, nullptr, nonce.data());
      EVP_DecryptUpdate(cipher.get(), plain.data(), &written, sealed.data() + at,
                        static_cast<int>(std::min(piece, count - at)));
    }
  }
  const double seconds = timer.seconds();
  ::close(in);
  return seconds;
}

double read_seconds(const std::string& file) {
  std::vector<char> piece(1U << 20);
  const int in = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) give_up("no file " + file);
  const Timer timer;
  while (::read(in, piece.data(), piece.size()) > 0) {
  }
  const double seconds = timer.seconds();
  ::close(in);
  return seconds;
}

double write_seconds(const std::string& folder, std::size_t bytes) {
  const std::vector<char> piece(1U << 20, 'p');
  const std::string file = folder + "/written";
  const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) give_up("no file " + file);
  const Timer timer;
  for (std::size_t written = 0; written < bytes; written += piece.size()) {
    if (::write(out, piece.data(), std::min(piece.size(), bytes - written)) < 0) {
      give_up("writing failed");
    }
  }
  if (::fdatasync(out) != 0) give_up("fdatasync failed");
  const double seconds = timer.seconds();
  ::close(out);
  ::unlink(file.c_str());
  return seconds;
}

}  // namespace satchel::bench
