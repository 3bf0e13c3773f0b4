// The server's log: JSON lines on stderr. No personal data: ids of devices, codes, counts,
// durations.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace satchel::server {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogField = std::pair<std::string_view, std::string>;

// Lines below `level` are left out. Called once, before any thread is started.
void open_log(LogLevel level);
// One line {"ts":..,"level":..,"msg":..,fields}. Thread-safe; never blocks on a full disk, stderr's
// reader decides.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace satchel::server
