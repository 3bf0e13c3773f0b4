#include "server/ctl/session.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/app/files.hpp"
#include "server/app/log.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

std::string cell(const json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) {
    return std::string(value.get_string().data(), value.get_string().size());
  }
  if (!value.is_array()) return json::serialize(value);
  std::string text;
  for (const json::value& each : value.get_array()) text += (text.empty() ? "" : ",") + cell(each);
  return text.empty() ? "-" : text;
}

void print_table(const json::array& rows) {
  if (rows.empty()) return;
  std::vector<std::string> names;
  if (const auto* first = rows.front().if_object()) {
    for (const auto& member : *first) names.emplace_back(member.key().data(), member.key().size());
  }
  std::vector<std::vector<std::string>> cells{names};
  for (const json::value& row : rows) {
    const auto* const object = row.if_object();
    std::vector<std::string> line;
    for (const std::string& name : names) {
      const auto* const value = object == nullptr ? nullptr : object->if_contains(name);
      line.push_back(value == nullptr ? "-" : cell(*value));
    }
    if (object == nullptr) line.push_back(cell(row));
    cells.push_back(std::move(line));
  }
  std::vector<std::size_t> widths;
  for (const auto& line : cells) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const bool last = i + 1 == line.size();
      std::cout << line[i]
                << (last ? std::string{} : std::string(widths[i] - line[i].size() + 2, ' '));
    }
    std::cout << '\n';
  }
}

Result<std::string> read_token(const std::string& path) {
  auto token = read_file(path);
  if (!token) return token.error();
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  return std::move(*token);
}

std::string dialled(const Address& listen) {
  Address address = listen;
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return "https://" + address.text();
}

}  // namespace

Result<AdminEndpoint> CtlSession::endpoint() {
  AdminEndpoint endpoint;
  std::string token_file = options_.token_file;
  endpoint.ca_file = options_.ca_file;
  endpoint.url = options_.server;
  if (!options_.data.empty()) {
    auto config = read_config(options_.data);
    if (!config) return config.error();
    if (config->workspace != options_.workspace) {
      return Error{Errc::kNotFound, "the server's workspace is " + config->workspace};
    }
    if (endpoint.url.empty()) endpoint.url = dialled(config->admin_listen);
    if (endpoint.ca_file.empty()) endpoint.ca_file = config->ca_file;
    if (token_file.empty()) token_file = Layout{options_.data, options_.workspace}.admin_token();
  }
  if (endpoint.url.empty()) {
    return Error{Errc::kUsage, "give --data DIR, or --server URL with --token-file and --ca"};
  }
  if (token_file.empty() || endpoint.ca_file.empty()) {
    return Error{Errc::kUsage, "--server needs --token-file and --ca"};
  }
  while (endpoint.url.back() == '/') endpoint.url.pop_back();
  auto token = read_token(token_file);
  if (!token) return token.error();
  endpoint.token = std::move(*token);
  return endpoint;
}

Result<AdminClient*> CtlSession::client() {
  if (client_) return client_.get();
  auto where = endpoint();
  if (!where) return where.error();
  auto client = AdminClient::open(std::move(*where));
  if (!client) return client.error();
  client_ = std::move(*client);
  return client_.get();
}

Result<Workspace*> CtlSession::offline() {
  if (workspace_) return workspace_.get();
  if (options_.data.empty()) return Error{Errc::kUnreachable, "no --data to work on instead"};
  auto config = read_config(options_.data);
  if (!config) return config.error();
  open_log(LogLevel::kWarning);  // On stderr: stdout is for what was asked.
  auto workspace = Workspace::open(Layout{options_.data, options_.workspace}, *config);
  if (!workspace) return workspace.error();
  workspace_ = std::move(*workspace);
  return workspace_.get();
}

Result<Bytes> CtlSession::get_or(const std::string& path,
                                 const std::function<Result<Bytes>(Workspace&)>& work) {
  auto server = client();
  if (!server) return server.error();
  auto answer = (*server)->get(path);
  if (answer || answer.error().code != Errc::kUnreachable || options_.data.empty()) return answer;
  auto workspace = offline();
  if (!workspace) return workspace.error();
  return work(**workspace);
}

void print_json(const CtlSession& session, const json::value& value) {
  if (session.is_json()) {
    if (const auto* list = value.if_array()) {
      for (const json::value& each : *list) std::cout << json::serialize(each) << '\n';
    } else {
      std::cout << json::serialize(value) << '\n';
    }
  } else if (const auto* list = value.if_array()) {
    print_table(*list);
  } else if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      std::cout << std::string_view{member.key().data(), member.key().size()} << ": "
                << cell(member.value()) << '\n';
    }
  }
}

Status print_body(const CtlSession& session, const Bytes& body) {
  boost::system::error_code error;
  const json::value value = json::parse({body.data(), body.size()}, error);
  if (error) return Error{Errc::kFrameMalformed, "the server's answer is not JSON"};
  print_json(session, value);
  return {};
}

Status print_raw(ByteView bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  if (written && std::fflush(stdout) == 0) return {};
  return Error{Errc::kFileWrite, "stdout"};
}

}  // namespace satchel::server
