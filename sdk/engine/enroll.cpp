// From an enrolment code to a replica.
#include <condition_variable>

#include <boost/json/parse.hpp>

#include "crypto/base64.hpp"
#include "crypto/hash.hpp"
#include "schema/model/limits.hpp"
#include "schema/wire/enrolment.hpp"
#include "sdk/engine/render.hpp"
#include "sdk/engine/replica.hpp"

namespace satchel::sdk {
namespace {

constexpr std::size_t kAnswerBytesMax = 256 * 1024;

struct Enrolled {
  sync::EdgeIdentity identity;
  std::string access_token;
  std::string schema_hash;  // Hexadecimal.
};

Result<boost::json::object> parse_object(const std::string& text) {
  boost::system::error_code error;
  auto value = boost::json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object())
    return Error{Errc::kHttpRefused, "the server's answer is no JSON object"};
  return value.get_object();
}

Result<std::string> text_member(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) {
    return Error{Errc::kHttpRefused, "the server's answer lacks \"" + std::string{name} + '"'};
  }
  return std::string{value->get_string().data(), value->get_string().size()};
}

Result<Enrolled> read_enrolled(const std::string& body) {
  auto object = parse_object(body);
  if (!object) return object.error();
  Enrolled enrolled;
  auto device = text_member(*object, "device");
  if (!device) return device.error();
  auto device_id = parse_id<sync::DeviceId>(*device);
  if (!device_id) return device_id.error();
  enrolled.identity.device = *device_id;
  auto workspace = text_member(*object, "workspace");
  if (!workspace) return workspace.error();
  auto workspace_id = parse_id<WorkspaceId>(*workspace);
  if (!workspace_id) return workspace_id.error();
  enrolled.identity.workspace = *workspace_id;
  auto user = text_member(*object, "user");
  if (!user) return user.error();
  enrolled.identity.user = std::move(*user);
  auto role_name = text_member(*object, "role");
  if (!role_name) return role_name.error();
  auto role = sync::parse_role(*role_name);
  if (!role) return role.error();
  enrolled.identity.role = *role;
  auto box_key = text_member(*object, "server_box_key");
  if (!box_key) return box_key.error();
  auto key = crypto::from_base64url(*box_key);
  if (!key) return key.error();
  enrolled.identity.server_box_key = std::move(*key);
  auto schema_hash = text_member(*object, "schema_hash");
  if (!schema_hash) return schema_hash.error();
  enrolled.schema_hash = std::move(*schema_hash);
  auto token = text_member(*object, "access_token");
  if (!token) return token.error();
  enrolled.access_token = std::move(*token);
  if (const auto* territories = object->if_contains("territories");
      territories && territories->is_array()) {
    for (const auto& each : territories->get_array()) {
      if (each.is_string()) enrolled.identity.territories.emplace_back(each.get_string().c_str());
    }
  }
  return enrolled;
}

// The code of a problem object (application/problem+json), for what the server refused.
Error refusal(const HttpsAnswer& answer) {
  Error error{Errc::kHttpRefused, "HTTP " + std::to_string(answer.status)};
  auto object = parse_object(answer.body);
  if (!object) return error;
  auto code = text_member(*object, "code");
  if (!code) return error;
#define SATCHEL_ERROR(name, number, wire, exit_status, sentence) \
  if (*code == (wire)) return Error{Errc::name, {}};
#include "schema/model/error.def"
#undef SATCHEL_ERROR
  return error;
}

}  // namespace

Result<std::unique_ptr<Replica>> Replica::enroll(Config config, std::string_view code,
                                                 std::string_view device_name,
                                                 milliseconds timeout) {
  std::unique_ptr<Replica> replica{new Replica(std::move(config))};
  SATCHEL_TRY(replica->make_enrolment(code, device_name, timeout));
  return replica;
}

// Store and keys come first: once the server has redeemed the code, little is left to fail.
Status Replica::make_enrolment(std::string_view code, std::string_view device_name,
                               milliseconds timeout) {
  auto ticket = wire::decode_ticket(code);
  if (!ticket) return ticket.error();
  ServerRow row{ticket->url, Bytes{as_view(ticket->ca_pin)}, {}};
  auto core = Core::prepare(config_);
  if (!core) return core.error();
  (*core)->server = row;
  auto endpoint = (*core)->endpoint(config_);
  if (!endpoint) return endpoint.error();

  HttpsRequest redeem;
  redeem.method = "POST";
  redeem.target = "/v1/enrollments/" +
                  crypto::to_base64url(crypto::sha256(as_view(ticket->secret))) + ":redeem";
  redeem.body = "{\"secret\":" + text_json(crypto::to_base64url(as_view(ticket->secret))) +
                ",\"name\":" + text_json(device_name) + ",\"public_key\":" +
                text_json(crypto::to_base64url((*core)->signer->public_key())) + '}';
  redeem.answer_bytes_max = kAnswerBytesMax;
  auto answer = ask(*endpoint, std::move(redeem), timeout);
  if (!answer) return answer.error();
  auto enrolled = read_enrolled(*answer);
  if (!enrolled) return enrolled.error();

  HttpsRequest schema;
  schema.method = "GET";
  schema.target = "/v1/schemas/" + enrolled->schema_hash;
  schema.bearer = enrolled->access_token;
  schema.answer_bytes_max = limits::kSchemaBytesMax;
  auto nodes = ask(*endpoint, std::move(schema), timeout);
  if (!nodes) return nodes.error();
  auto catalog = schema::Catalog::load(*nodes);
  if (!catalog) return catalog.error();
  if (to_hex((*catalog)->hash()) != enrolled->schema_hash) {
    return Error{Errc::kSchemaUnknown, "the server sent another schema than it named"};
  }
  row.access_token = std::move(enrolled->access_token);
  SATCHEL_TRY((*core)->found(enrolled->identity, std::move(row), std::move(*catalog)));
  adopt(std::move(*core));
  return {};
}

Result<std::string> Replica::ask(const Endpoint& endpoint, HttpsRequest request,
                                 milliseconds timeout) {
  start_engine();
  struct Waiting {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<Result<HttpsAnswer>> answer;
  };
  const auto waiting = std::make_shared<Waiting>();
  exchange_https(loop_, endpoint, std::move(request), timeout,
                 [waiting](Result<HttpsAnswer> answer) {
                   const std::lock_guard hold{waiting->mutex};
                   waiting->answer = std::move(answer);
                   waiting->ready.notify_all();
                 });
  std::unique_lock hold{waiting->mutex};
  waiting->ready.wait(hold, [&] { return waiting->answer.has_value(); });
  if (!*waiting->answer) return waiting->answer->error();
  HttpsAnswer& answer = **waiting->answer;
  if (answer.status != 200) return refusal(answer);
  return std::move(answer.body);
}

}  // namespace satchel::sdk
