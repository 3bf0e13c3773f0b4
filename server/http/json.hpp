// Reading request bodies and writing answers, with Boost.JSON under this project's errors.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "schema/model/result.hpp"
#include "server/http/message.hpp"

namespace satchel::server {

namespace json = boost::json;

// kInvalidArgument: the body is no JSON object, or nested too deeply. An empty body is an empty
// object.
Result<json::object> parse_object(const Bytes& body);
// A required text member. kInvalidArgument names it.
Result<std::string> get_text(const json::object& object, std::string_view name);
// A text member that may be missing.
Result<std::optional<std::string>> find_text(const json::object& object, std::string_view name);
// A list of texts; missing is empty.
Result<std::vector<std::string>> find_texts(const json::object& object, std::string_view name);

json::array to_array(const std::vector<std::string>& texts);
Response json_response(unsigned status, const json::value& value);
// NDJSON: one value a line.
Response ndjson_response(Bytes lines);
// "2026-11-21T21:36:00.123456Z"; null for 0.
json::value time_json(std::int64_t time_us);

}  // namespace satchel::server
