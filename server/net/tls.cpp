#include "server/net/tls.hpp"

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>

namespace satchel::server {
namespace {

constexpr std::string_view kExporterLabel = "EXPORTER-satchel-sync-v1";
constexpr std::size_t kExporterBytes = 32;
constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";

}  // namespace

Result<std::shared_ptr<net::ssl::context>> make_tls_context(const std::string& certificate_chain,
                                                            const std::string& private_key) {
  auto context = std::make_shared<net::ssl::context>(net::ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(native, kSuites12) != 1) {
    return Error{Errc::kInternal, "this OpenSSL has no suites that we speak"};
  }
  // Resumption would keep secrets of past sessions around; a device reconnects rarely.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  boost::system::error_code error;
  context->use_certificate_chain(net::buffer(certificate_chain), error);
  if (error) return Error{Errc::kConfigInvalid, "tls.cert_file: " + error.message()};
  context->use_private_key(net::buffer(private_key), net::ssl::context::pem, error);
  if (error) return Error{Errc::kConfigInvalid, "tls.key_file: " + error.message()};
  if (SSL_CTX_check_private_key(native) != 1) {
    return Error{Errc::kConfigInvalid, "tls.key_file: not the key of tls.cert_file"};
  }
  return context;
}

Status check_handshake(TlsStream& stream) {
  SSL* const native = stream.native_handle();
  if (SSL_version(native) >= TLS1_3_VERSION || SSL_get_extms_support(native) == 1) return {};
  return Error{Errc::kTlsFailed, "TLS 1.2 without the extended master secret"};
}

Result<Bytes> export_channel_binding(TlsStream& stream) {
  SSL* const native = stream.native_handle();
  Bytes out(kExporterBytes, '\0');
  if (SSL_export_keying_material(native, reinterpret_cast<unsigned char*>(out.data()), out.size(),
                                 kExporterLabel.data(), kExporterLabel.size(), nullptr, 0,
                                 0) != 1) {
    return Error{Errc::kTlsFailed, "no keying material to export"};
  }
  return out;
}

}  // namespace satchel::server
