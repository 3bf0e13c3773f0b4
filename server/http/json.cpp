#include "server/http/json.hpp"

#include <cstdio>
#include <ctime>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace satchel::server {
namespace {

constexpr std::size_t kDepthMax = 16;

boost::json::string_view key(std::string_view name) { return {name.data(), name.size()}; }

Error wrong_type(std::string_view name, std::string_view wanted) {
  return Error{Errc::kInvalidArgument, "/" + std::string(name) + ": " + std::string(wanted)};
}

}  // namespace

Result<json::object> parse_object(const Bytes& body) {
  if (body.empty()) return json::object{};
  json::parse_options options;
  options.max_depth = kDepthMax;
  boost::system::error_code error;
  json::value value = json::parse({body.data(), body.size()}, error, {}, options);
  if (error) return Error{Errc::kInvalidArgument, "the body is not JSON: " + error.message()};
  if (!value.is_object()) return Error{Errc::kInvalidArgument, "the body is not a JSON object"};
  return std::move(value.get_object());
}

Result<std::optional<std::string>> find_text(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(key(name));
  if (value == nullptr || value->is_null()) return std::optional<std::string>{};
  if (!value->is_string()) return wrong_type(name, "a string is needed");
  const auto& text = value->get_string();
  return std::optional<std::string>{std::string(text.data(), text.size())};
}

Result<std::string> get_text(const json::object& object, std::string_view name) {
  auto text = find_text(object, name);
  if (!text) return text.error();
  if (!*text) return wrong_type(name, "is missing");
  return std::move(**text);
}

Result<std::vector<std::string>> find_texts(const json::object& object, std::string_view name) {
  std::vector<std::string> texts;
  const json::value* const value = object.if_contains(key(name));
  if (value == nullptr || value->is_null()) return texts;
  if (!value->is_array()) return wrong_type(name, "a list of strings is needed");
  for (const json::value& each : value->get_array()) {
    if (!each.is_string()) return wrong_type(name, "a list of strings is needed");
    texts.emplace_back(each.get_string().data(), each.get_string().size());
  }
  return texts;
}

json::array to_array(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

Response json_response(unsigned status, const json::value& value) {
  return json_response(status, json::serialize(value) + "\n");
}

Response ndjson_response(Bytes lines) {
  return {.status = 200,
          .content_type = "application/x-ndjson",
          .body = std::move(lines),
          .headers = {}};
}

json::value time_json(std::int64_t time_us) {
  if (time_us == 0) return nullptr;
  const std::time_t seconds = static_cast<std::time_t>(time_us / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char date[32];
  const std::size_t size = std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>(time_us % 1'000'000));
  return json::string(std::string(date, size) + fraction);
}

}  // namespace satchel::server
