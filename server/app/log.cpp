#include "server/app/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace satchel::server {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

constexpr const char* kPattern = R"({"ts":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})";

}  // namespace

void open_log(LogLevel level) {
  auto logger = std::make_shared<spdlog::logger>("satcheld",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(kPattern, spdlog::pattern_time_type::utc));
  logger->set_level(level_of(level));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  boost::json::object line;
  line["msg"] = boost::json::string_view{message.data(), message.size()};
  for (const auto& [name, value] : fields)
    line[boost::json::string_view{name.data(), name.size()}] = value;
  const std::string text = boost::json::serialize(line);
  // Without the braces: they are the pattern's.
  spdlog::default_logger_raw()->log(level_of(level), "{}",
                                    std::string_view{text}.substr(1, text.size() - 2));
}

}  // namespace satchel::server
