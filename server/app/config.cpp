#include "server/app/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <functional>
#include <numeric>
#include <optional>
#include <vector>

#include <toml++/toml.h>

#include "server/app/workspace.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

// What a key's value is turned into. Gives a complaint, or nothing.
using Setter = std::function<std::optional<std::string>(const toml::node& node, Config& config)>;
struct Key {
  std::string_view section;
  std::string_view name;
  Setter set;
};

std::optional<std::string> text_value(const toml::node& node, std::string& out) {
  const auto* text = node.as_string();
  if (text == nullptr) return "a string is needed";
  out = text->get();
  return std::nullopt;
}

Setter text_into(std::string Config::*member) {
  return
      [member](const toml::node& node, Config& config) { return text_value(node, config.*member); };
}

Setter address_into(Address Config::*member) {
  return [member](const toml::node& node, Config& config) -> std::optional<std::string> {
    std::string text;
    if (auto complaint = text_value(node, text)) return complaint;
    auto address = parse_address(text);
    if (!address) return address.error().context;
    if (address->port == 0) return "a port is needed: `satcheld init` takes a free one for port 0";
    config.*member = *address;
    return std::nullopt;
  };
}

// A number and a unit of `units`, in the first unit's multiples.
std::optional<std::uint64_t> measure(
    std::string_view text,
    std::initializer_list<std::pair<std::string_view, std::uint64_t>> units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, factor] : units) {
    if (name == unit && number <= UINT64_MAX / factor) return number * factor;
  }
  return std::nullopt;
}

std::optional<std::string> set_grace(const toml::node& node, Config& config) {
  std::string text;
  if (auto complaint = text_value(node, text)) return complaint;
  const auto seconds = measure(text, {{"s", 1}, {"m", 60}});
  if (!seconds || *seconds > 3600) return "a duration such as \"20s\" is needed, at most an hour";
  config.shutdown_grace = std::chrono::seconds{*seconds};
  return std::nullopt;
}

std::optional<std::string> set_map_size(const toml::node& node, Config& config) {
  std::string text;
  if (auto complaint = text_value(node, text)) return complaint;
  const std::uint64_t mib = std::uint64_t{1} << 20;
  const auto bytes = measure(text, {{"MiB", mib}, {"GiB", mib << 10}, {"TiB", mib << 20}});
  if (!bytes || *bytes < 16 * mib || *bytes > (mib << 20) * 16) {
    return "a size such as \"64GiB\" is needed, from 16MiB to 16TiB";
  }
  config.map_size_bytes = *bytes;
  return std::nullopt;
}

std::optional<std::string> set_workspace(const toml::node& node, Config& config) {
  if (auto complaint = text_value(node, config.workspace)) return complaint;
  const Status good = check_workspace_name(config.workspace);
  return good ? std::nullopt : std::optional{good.error().context};
}

Setter age_into(std::chrono::seconds Config::*member) {
  return [member](const toml::node& node, Config& config) -> std::optional<std::string> {
    constexpr std::uint64_t kSecondsMax = 3'650 * std::uint64_t{86'400};
    std::string text;
    if (auto complaint = text_value(node, text)) return complaint;
    const auto seconds = measure(text, {{"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}});
    if (!seconds || *seconds == 0 || *seconds > kSecondsMax)
      return "a duration such as \"90d\" is needed, from 1s to 3650d";
    config.*member = std::chrono::seconds{*seconds};
    return std::nullopt;
  };
}

std::optional<std::string> set_log_commits(const toml::node& node, Config& config) {
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < 1 || number->get() > 1'000'000'000)
    return "a number of commits is needed, from 1 to 1000000000";
  config.log_commits = static_cast<std::uint64_t>(number->get());
  return std::nullopt;
}

constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kLevels{
    {{"debug", LogLevel::kDebug},
     {"info", LogLevel::kInfo},
     {"warning", LogLevel::kWarning},
     {"error", LogLevel::kError}}};

std::optional<std::string> set_level(const toml::node& node, Config& config) {
  std::string text;
  if (auto complaint = text_value(node, text)) return complaint;
  for (const auto& [name, level] : kLevels) {
    if (name != text) continue;
    config.log_level = level;
    return std::nullopt;
  }
  return "one of debug, info, warning, error is needed";
}

const std::vector<Key>& keys() {
  static const std::vector<Key> all{
      {"server", "workspace", set_workspace},
      {"server", "listen", address_into(&Config::listen)},
      {"server", "admin_listen", address_into(&Config::admin_listen)},
      {"server", "public_url", text_into(&Config::public_url)},
      {"server", "shutdown_grace", set_grace},
      {"tls", "ca_file", text_into(&Config::ca_file)},
      {"tls", "cert_file", text_into(&Config::cert_file)},
      {"tls", "key_file", text_into(&Config::key_file)},
      {"store", "map_size", set_map_size},
      {"store", "schema_file", text_into(&Config::schema_file)},
      {"ledger", "file", text_into(&Config::ledger_file)},
      {"devices", "replica_expiry", age_into(&Config::replica_expiry)},
      {"retention", "losers", age_into(&Config::loser_retention)},
      {"retention", "log", set_log_commits},
      {"log", "level", set_level},
  };
  return all;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

std::string dotted(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : std::string(section) + "." + std::string(name);
}

// Collects complaints with their place.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  void read(const toml::table& root, Config& config) {
    for (const auto& [name, node] : root) {
      const auto* section = node.as_table();
      if (section == nullptr) {
        unknown(node, "", name.str());
      } else {
        read_section(name.str(), *section, config);
      }
    }
    require(root, "server", "listen");
    require(root, "server", "admin_listen");
    require(root, "tls", "cert_file");
    require(root, "tls", "key_file");
    require(root, "tls", "ca_file");
  }
  void complain(const toml::source_region& at, const std::string& what) {
    if (!complaints_.empty()) complaints_ += '\n';
    complaints_ += path_ + ":" + std::to_string(at.begin.line) + ":" +
                   std::to_string(at.begin.column) + ": " + what;
  }
  [[nodiscard]] const std::string& complaints() const { return complaints_; }

 private:
  void read_section(std::string_view section, const toml::table& table, Config& config) {
    for (const auto& [name, node] : table) {
      const auto key = std::find_if(keys().begin(), keys().end(), [&](const Key& each) {
        return each.section == section && each.name == name.str();
      });
      if (key == keys().end()) {
        unknown(node, section, name.str());
      } else if (const auto complaint = key->set(node, config)) {
        complain(node.source(), dotted(section, name.str()) + ": " + *complaint);
      }
    }
  }
  void unknown(const toml::node& node, std::string_view section, std::string_view name) {
    const std::string full = dotted(section, name);
    std::string what = "unknown key `" + full + "`";
    const Key* nearest = nullptr;
    std::size_t least = 4;  // Farther ones are no slip of the hand.
    for (const Key& key : keys()) {
      const std::size_t distance = edit_distance(full, dotted(key.section, key.name));
      if (distance >= least) continue;
      least = distance;
      nearest = &key;
    }
    if (nearest != nullptr) {
      what += "; did you mean `" + dotted(nearest->section, nearest->name) + "`?";
    }
    complain(node.source(), what);
  }
  void require(const toml::table& root, std::string_view section, std::string_view name) {
    if (root[section][name]) return;
    toml::source_region at{};
    at.begin = {1, 1};
    complain(at, "`" + dotted(section, name) + "` is missing");
  }

  std::string path_;
  std::string complaints_;
};

std::string toml_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string size_text(std::uint64_t bytes) {
  const std::uint64_t gib = std::uint64_t{1} << 30;
  if (bytes % gib == 0) return std::to_string(bytes / gib) + "GiB";
  return std::to_string(bytes >> 20) + "MiB";
}

// In the largest unit that tells all of it.
std::string age_text(std::chrono::seconds age) {
  constexpr std::array<std::pair<std::int64_t, const char*>, 3> kUnits{
      {{86'400, "d"}, {3'600, "h"}, {60, "m"}}};
  for (const auto& [seconds, unit] : kUnits) {
    if (age.count() % seconds == 0) return std::to_string(age.count() / seconds) + unit;
  }
  return std::to_string(age.count()) + "s";
}

}  // namespace

std::string Address::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_address(const std::string& text) {
  const Error wrong{Errc::kInvalidArgument, "an address such as \"127.0.0.1:8443\" is needed"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong;
  Address address;
  address.host = text.substr(0, colon);
  if (address.host.front() == '[') {
    if (address.host.back() != ']') return wrong;
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return wrong;
  }
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc{} || at != end) return wrong;
  return address;
}

std::string default_ledger(const std::string& workspace) {
  return "ledger/" + workspace + ".ledger";
}

std::string Config::url() const {
  return public_url.empty() ? "https://" + listen.text() : public_url;
}

Result<Config> read_config(const std::string& folder) {
  const std::string path = (fs::path(folder) / kConfigFile).string();
  std::error_code missing;
  if (!fs::exists(path, missing)) {
    return Error{Errc::kConfigInvalid, path + ":1:1: there is no such file: run `satcheld init`"};
  }
  Reader reader{path};
  Config config;
  // toml++ throws on syntax; this is its wall.
  try {
    const toml::table root = toml::parse_file(path);
    reader.read(root, config);
  } catch (const toml::parse_error& error) {
    reader.complain(error.source(), std::string(error.description()));
  }
  if (!reader.complaints().empty()) return Error{Errc::kConfigInvalid, reader.complaints()};
  if (config.ledger_file.empty()) config.ledger_file = default_ledger(config.workspace);
  for (std::string* file : {&config.ca_file, &config.cert_file, &config.key_file,
                            &config.schema_file, &config.ledger_file}) {
    if (file->empty()) continue;
    *file = (fs::path(folder) / *file).lexically_normal().string();
  }
  return config;
}

std::string config_text(const Config& config, const std::string& folder) {
  const auto relative = [&](const std::string& path) {
    const fs::path below = fs::path(path).lexically_relative(folder);
    return toml_text(below.empty() || *below.begin() == ".." ? path : below.string());
  };
  std::string level;
  for (const auto& [name, value] : kLevels) {
    if (value == config.log_level) level = name;
  }
  std::string text = "[server]\nworkspace = " + toml_text(config.workspace);
  text += "\nlisten = " + toml_text(config.listen.text());
  text += "\nadmin_listen = " + toml_text(config.admin_listen.text());
  if (!config.public_url.empty()) text += "\npublic_url = " + toml_text(config.public_url);
  text += "\nshutdown_grace = " + toml_text(std::to_string(config.shutdown_grace.count()) + "s");
  text += "\n\n[tls]\nca_file = " + relative(config.ca_file);
  text += "\ncert_file = " + relative(config.cert_file);
  text += "\nkey_file = " + relative(config.key_file);
  text += "\n\n[store]\nmap_size = " + toml_text(size_text(config.map_size_bytes));
  if (!config.schema_file.empty()) text += "\nschema_file = " + relative(config.schema_file);
  const bool ledger_elsewhere =
      !config.ledger_file.empty() &&
      relative(config.ledger_file) != toml_text(default_ledger(config.workspace));
  if (ledger_elsewhere) text += "\n\n[ledger]\nfile = " + relative(config.ledger_file);
  text += "\n\n[devices]\nreplica_expiry = " + toml_text(age_text(config.replica_expiry));
  text += "\n\n[retention]\nlog = " + std::to_string(config.log_commits);
  text += "\nlosers = " + toml_text(age_text(config.loser_retention));
  text += "\n\n[log]\nlevel = " + toml_text(level) + "\n";
  return text;
}

}  // namespace satchel::server
