// The TLS side of a listener: which protocol versions and suites are spoken, and the exporter.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"
#include "server/net/types.hpp"

namespace satchel::server {

// TLS 1.3, and 1.2 with ephemeral keys and AEAD suites only. PEM texts. kConfigInvalid: the
// certificate or the key cannot be read, or they do not belong together.
Result<std::shared_ptr<net::ssl::context>> make_tls_context(const std::string& certificate_chain,
                                                            const std::string& private_key);

// To be asked once the handshake is done. kTlsFailed: TLS 1.2 without the extended master secret
// (RFC 7627), whose keys somebody between the two may share with both.
Status check_handshake(TlsStream& stream);

// 32 bytes that both ends of this connection share and nobody else (RFC 5705), label
// "EXPORTER-satchel-sync-v1". Of a connection that check_handshake() let pass. kTlsFailed.
Result<Bytes> export_channel_binding(TlsStream& stream);

}  // namespace satchel::server
