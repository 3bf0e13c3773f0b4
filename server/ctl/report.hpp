// How the command lines tell of errors (cli.md): one line on stderr, and the exit status.
#pragma once

#include <optional>
#include <string_view>

#include "schema/model/error.hpp"

namespace satchel::server {

// Prints "error: <code>: <sentence>" to stderr, or a problem object; gives the exit status.
int report_error(const Error& error, bool as_json);
// The exit status of a program that was about to end with `status`: what it printed counts too.
int end_with(int status, bool as_json);
// The code of a wire name; nothing for one that this version does not know.
std::optional<Errc> errc_from_wire_name(std::string_view name);

}  // namespace satchel::server
