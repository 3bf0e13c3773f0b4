// For those who hold parsed JSON already. Includes Boost.JSON; json.hpp does not.
#pragma once

#include <string_view>

#include <boost/json/value.hpp>

#include "schema/catalog/json.hpp"

namespace satchel::schema {

// One whole JSON document. Stricter and more exact than boost::json::parse: no member twice, and
// numbers with a fraction are the nearest double. kInvalidArgument with the place; kLimitExceeded.
Result<boost::json::value> parse_json(std::string_view json);
// As value_from_json in json.hpp. Times are read from ISO 8601 text too.
Result<Value> value_from_json(const Type& type, const boost::json::value& json);

}  // namespace satchel::schema
