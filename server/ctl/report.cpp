#include "server/ctl/report.hpp"

#include <cstdio>
#include <iostream>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace satchel::server {

int report_error(const Error& error, bool as_json) {
  std::string line;
  if (as_json) {
    boost::json::object problem;
    problem["type"] = "urn:satchel:problem:" + std::string(wire_name(error.code));
    problem["title"] = std::string(sentence(error.code));
    problem["code"] = std::string(wire_name(error.code));
    if (!error.context.empty()) problem["detail"] = error.context;
    line = boost::json::serialize(problem);
  } else {
    // Several complaints, of a schema or a configuration, are an error each.
    const std::string head = "error: " + std::string(wire_name(error.code)) + ": ";
    const bool several = error.context.find('\n') != std::string::npos;
    line = head + (several ? error.context : error.message());
    for (std::size_t at = 0; (at = line.find('\n', at)) != std::string::npos; at += head.size())
      line.insert(++at, head);
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
  return exit_status(error.code);
}

int end_with(int status, bool as_json) {
  std::cout.flush();
  const bool failed = !std::cout || std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  return status == 0 && failed ? report_error(Error{Errc::kFileWrite, "stdout"}, as_json) : status;
}

std::optional<Errc> errc_from_wire_name(std::string_view name) {
#define SATCHEL_ERROR(enumerator, number, wire, status, text) \
  if (name == (wire)) return Errc::enumerator;
#include "schema/model/error.def"
#undef SATCHEL_ERROR
  return std::nullopt;
}

}  // namespace satchel::server
