#include "server/app/init.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "crypto/base64.hpp"
#include "crypto/certificate.hpp"
#include "schema/catalog/built_in.hpp"
#include "schema/catalog/catalog.hpp"
#include "schema/compiler/compile.hpp"
#include "server/app/config.hpp"
#include "server/app/files.hpp"
#include "server/app/workspace.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTokenBytes = 32;
constexpr std::string_view kTokenPrefix = "satchel_admin_";

// Below the range that Linux gives to outgoing connections: those would take a port between init
// and serve.
constexpr std::uint32_t kPortMin = 20'000;
constexpr std::uint32_t kPortCount = 12'000;
constexpr int kPortTries = 64;

bool is_free(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  sockaddr_in in4{};
  sockaddr_in6 in6{};
  in4.sin_family = AF_INET;
  in6.sin6_family = AF_INET6;
  in4.sin_port = in6.sin6_port = htons(address.port);
  void* const target = v6 ? static_cast<void*>(&in6.sin6_addr) : static_cast<void*>(&in4.sin_addr);
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, address.host.c_str(), target) != 1) return false;
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const auto* const name =
      v6 ? reinterpret_cast<const sockaddr*>(&in6) : reinterpret_cast<const sockaddr*>(&in4);
  const bool bound = ::bind(fd, name, v6 ? sizeof in6 : sizeof in4) == 0;
  ::close(fd);
  return bound;
}

// Gives an address that asks for port 0 one that is free now and is not `other`'s.
Status take_port(Address& address, const Address& other) {
  if (address.port != 0) return {};
  crypto::SystemEntropy entropy;
  for (int i = 0; i < kPortTries; ++i) {
    std::uint32_t random = 0;
    SATCHEL_TRY(entropy.fill({reinterpret_cast<std::uint8_t*>(&random), sizeof random}));
    address.port = static_cast<std::uint16_t>(kPortMin + random % kPortCount);
    if (address.port != other.port && is_free(address)) return {};
  }
  return Error{Errc::kInvalidArgument, "no free port on " + address.host};
}

Result<Config> make_config(const InitOptions& options) {
  Config config;
  config.workspace = options.workspace;
  config.public_url = options.public_url;
  auto listen = parse_address(options.listen);
  if (!listen) return Error{Errc::kInvalidArgument, "--listen: " + listen.error().context};
  auto admin = parse_address(options.admin_listen);
  if (!admin) return Error{Errc::kInvalidArgument, "--admin-listen: " + admin.error().context};
  config.listen = *listen;
  config.admin_listen = *admin;
  SATCHEL_TRY(take_port(config.listen, config.admin_listen));
  SATCHEL_TRY(take_port(config.admin_listen, config.listen));
  const fs::path tls = fs::path(options.folder) / "tls";
  config.ca_file = (tls / "ca.pem").string();
  config.cert_file = (tls / "server.pem").string();
  config.key_file = (tls / "server.key").string();
  return config;
}

std::string host_of_url(const std::string& url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return {};
  std::string host = url.substr(kScheme.size());
  host = host.substr(0, host.find('/'));
  if (!host.empty() && host.front() == '[') return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

// Devices have pinned the authority: one that is whole is kept. What serves is written last.
Status make_certificates(const Config& config) {
  const fs::path tls = fs::path(config.ca_file).parent_path();
  std::error_code ignored;
  if (fs::exists(config.cert_file, ignored)) return {};
  SystemClock clock;
  const std::int64_t now_s = clock.wall_us() / 1'000'000;
  auto authority = crypto::make_authority("Satchel " + config.workspace, now_s);
  if (!authority) return authority.error();
  std::vector<std::string> hosts;
  const auto add = [&](const std::string& host) {
    const bool unspecified = host.empty() || host == "0.0.0.0" || host == "::";
    if (!unspecified && std::find(hosts.begin(), hosts.end(), host) == hosts.end()) {
      hosts.push_back(host);
    }
  };
  add(host_of_url(config.public_url));
  add(config.listen.host);
  add(config.admin_listen.host);
  add("localhost");
  auto leaf = crypto::make_server_certificate(*authority, hosts, now_s);
  if (!leaf) return leaf.error();
  SATCHEL_TRY(make_folder(tls.string()));
  SATCHEL_TRY(write_file((tls / "ca.key").string(), authority->private_key.bytes(), kSecretMode));
  SATCHEL_TRY(write_file(config.ca_file, authority->certificate, kPlainMode));
  SATCHEL_TRY(write_file(config.key_file, leaf->private_key.bytes(), kSecretMode));
  // The authority goes along, so that a device finds the pinned key in the chain.
  return write_file(config.cert_file, leaf->certificate + authority->certificate, kPlainMode);
}

Status make_admin_token(const Layout& layout) {
  std::error_code ignored;
  if (fs::exists(layout.admin_token(), ignored)) return {};
  crypto::SystemEntropy entropy;
  auto secret = crypto::random_secret<kTokenBytes>(entropy);
  if (!secret) return secret.error();
  const std::string token =
      std::string(kTokenPrefix) + crypto::to_base64url(secret->bytes()) + "\n";
  return write_file(layout.admin_token(), token, kSecretMode);
}

}  // namespace

Result<InitReport> init(const InitOptions& given) {
  InitOptions options = given;
  std::error_code ignored;
  options.folder = fs::absolute(given.folder, ignored).lexically_normal().string();
  const std::string config_file = (fs::path(options.folder) / kConfigFile).string();
  if (fs::exists(config_file, ignored)) return Error{Errc::kAlreadyExists, config_file};
  SATCHEL_TRY(check_workspace_name(options.workspace));
  auto catalog = options.schema_file.empty() ? schema::built_in_crm()
                                             : schema::compile_file(options.schema_file);
  if (!catalog) return catalog.error();
  auto config = make_config(options);
  if (!config) return config.error();
  if (!options.schema_file.empty())
    config->schema_file = fs::absolute(options.schema_file, ignored).lexically_normal().string();
  const Layout layout{options.folder, options.workspace};
  SATCHEL_TRY(make_folder(options.folder));
  SATCHEL_TRY(make_certificates(*config));
  SATCHEL_TRY(Workspace::create(layout, *config, std::move(*catalog)));
  SATCHEL_TRY(make_admin_token(layout));
  SATCHEL_TRY(write_file(config_file, config_text(*config, options.folder), kPlainMode));
  return InitReport{.config_file = config_file,
                    .url = config->url(),
                    .admin_url = "https://" + config->admin_listen.text(),
                    .ca_file = config->ca_file,
                    .token_file = layout.admin_token()};
}

}  // namespace satchel::server
