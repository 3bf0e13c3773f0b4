// satcheld: the server's command line.
#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "server/app/init.hpp"
#include "server/app/server.hpp"
#include "server/app/version.hpp"
#include "server/ctl/report.hpp"

namespace {

namespace json = boost::json;
using namespace satchel;
using namespace satchel::server;

struct Options {
  std::string data;
  std::string output = "text";
  InitOptions init;
  [[nodiscard]] bool is_json() const { return output == "json"; }
};

int run_init(Options& options) {
  options.init.folder = options.data;
  auto report = init(options.init);
  if (!report) return report_error(report.error(), options.is_json());
  if (options.is_json()) {
    const json::object made{{"config", report->config_file},
                            {"url", report->url},
                            {"admin_url", report->admin_url},
                            {"ca", report->ca_file},
                            {"token_file", report->token_file}};
    std::cout << json::serialize(made) << '\n';
  } else {
    std::cout << "made " << report->config_file << "\nsync at " << report->url << "\nadmin at "
              << report->admin_url << "\nstart it with: satcheld serve --data " << options.data
              << '\n';
  }
  return 0;
}

int run_serve(const Options& options) {
  const auto on_ready = [](const std::string& url) { std::cout << "ready " << url << std::endl; };
  const Status served = serve(options.data, on_ready);
  return served ? 0 : report_error(served.error(), options.is_json());
}

int run_check(const Options& options) {
  const Status checked = check_config(options.data);
  if (!checked) return report_error(checked.error(), options.is_json());
  std::cout << (options.is_json() ? "{\"ok\":true}" : "ok") << '\n';
  return 0;
}

CLI::App* add_verb(CLI::App& app, const char* name, const char* what, Options& options) {
  CLI::App* const verb = app.add_subcommand(name, what);
  verb->fallthrough();
  verb->add_option("--data", options.data, "The server's folder")->required();
  return verb;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Satchel's server"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  app.add_option("-o,--output", options.output, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  CLI::App* const init_verb = add_verb(app, "init", "Make a new server", options);
  init_verb->add_option("--listen", options.init.listen, "Address for devices")
      ->capture_default_str();
  init_verb->add_option("--admin-listen", options.init.admin_listen, "Address for admins")
      ->capture_default_str();
  init_verb->add_option("--workspace", options.init.workspace)->capture_default_str();
  init_verb->add_option("--public-url", options.init.public_url,
                        "What devices dial, where it is not the address listened on");
  init_verb->add_option("--schema", options.init.schema_file, "A schema of your own");
  CLI::App* const serve_verb = add_verb(app, "serve", "Serve until SIGTERM", options);
  add_verb(app, "check-config", "Check the configuration", options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return end_with(app.exit(error), false);
    return report_error(Error{Errc::kUsage, error.what()}, options.is_json());
  }
  if (init_verb->parsed()) return end_with(run_init(options), options.is_json());
  if (serve_verb->parsed()) return end_with(run_serve(options), options.is_json());
  return end_with(run_check(options), options.is_json());
}
