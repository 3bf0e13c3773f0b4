#include "server/app/server_keys.hpp"

#include <array>
#include <filesystem>

#include "crypto/token.hpp"
#include "server/app/files.hpp"

namespace satchel::server {
namespace {

constexpr std::string_view kHead = "satchel-server-keys 1\n";
constexpr std::string_view kTokenDomain = "satchel access";
constexpr std::int64_t kTokenLifeUs = std::int64_t{15} * 60 * 1'000'000;

std::string body_of(const ServerKeys& keys) {
  std::string text{kHead};
  text += "box " + to_hex(keys.box.secret.bytes()) + "\n";
  text += "receipt " + to_hex(keys.receipt.bytes()) + "\n";
  text += "token " + to_hex(keys.token.bytes()) + "\n";
  return text;
}

// Takes "name HEX\n" off the front of `text`.
Result<Bytes> take_line(std::string_view& text, std::string_view name) {
  const Error malformed{Errc::kKeyMalformed, "the server's key file is cut or altered"};
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(name)) return malformed;
  Bytes bytes;
  if (end < name.size() + 1 || text[name.size()] != ' ') return malformed;
  if (!from_hex(text.substr(name.size() + 1, end - name.size() - 1), bytes)) return malformed;
  text.remove_prefix(end + 1);
  return bytes;
}

}  // namespace

Result<ServerKeys> make_server_keys(const std::string& path, crypto::Entropy& entropy) {
  auto box = crypto::BoxKeyPair::generate(entropy);
  if (!box) return box.error();
  auto receipt = crypto::random_secret<32>(entropy);
  if (!receipt) return receipt.error();
  auto token = crypto::random_secret<32>(entropy);
  if (!token) return token.error();
  ServerKeys keys{std::move(*box), *receipt, *token};
  Bytes text = body_of(keys);
  text += "sum " + to_hex(crypto::sha256(text)) + "\n";
  const Status written = write_file(path, text, kSecretMode);
  crypto::secure_zero(text);
  if (!written) return written.error();
  return keys;
}

Result<ServerKeys> read_server_keys(const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown) && !unknown) {
    return Error{Errc::kKeyLost, path + ": no such file; put the server's keys back"};
  }
  SATCHEL_TRY(check_secret_mode(path));
  auto text = read_file(path);
  if (!text) return text.error();
  std::string_view rest = *text;
  if (!rest.starts_with(kHead)) return Error{Errc::kKeyMalformed, path};
  rest.remove_prefix(kHead.size());
  std::array<crypto::Key32, 3> secrets;
  const std::array<std::string_view, 3> names{"box", "receipt", "token"};
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    auto line = take_line(rest, names[i]);
    if (!line) return line.error();
    auto key = crypto::Key32::from_bytes(*line);
    if (!key) return key.error();
    secrets[i] = *key;
  }
  const ByteView summed{text->data(), text->size() - rest.size()};
  auto sum = take_line(rest, "sum");
  if (!sum) return sum.error();
  if (!rest.empty() || *sum != crypto::sha256(summed)) return Error{Errc::kKeyMalformed, path};
  crypto::secure_zero(*text);
  return ServerKeys{crypto::BoxKeyPair::from_secret(secrets[0]), secrets[1], secrets[2]};
}

std::string AccessTokens::make(const sync::DeviceId& device, std::int64_t now_us) const {
  Bytes payload{workspace_.bytes()};
  payload += device.bytes();
  return crypto::make_token(key_, kTokenDomain, payload,
                            static_cast<std::uint64_t>((now_us + kTokenLifeUs) / 1000));
}

Result<sync::DeviceId> AccessTokens::open(std::string_view token, std::int64_t now_us) const {
  auto payload =
      crypto::open_token(key_, kTokenDomain, token, static_cast<std::uint64_t>(now_us / 1000));
  if (!payload) return payload.error();
  const ByteView bytes = *payload;
  if (bytes.size() != 32 || bytes.substr(0, 16) != workspace_.bytes()) {
    return Error{Errc::kUnauthenticated, "the token is of another workspace"};
  }
  return sync::DeviceId::from_bytes(bytes.substr(16));
}

}  // namespace satchel::server
