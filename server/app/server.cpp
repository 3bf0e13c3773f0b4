#include "server/app/server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>

#include "crypto/certificate.hpp"
#include "crypto/hash.hpp"
#include "schema/model/limits.hpp"
#include "server/admin/compaction.hpp"
#include "server/admin/importer.hpp"
#include "server/app/backup_job.hpp"
#include "server/app/config.hpp"
#include "server/app/files.hpp"
#include "server/app/log_keeper.hpp"
#include "server/app/sync_session.hpp"
#include "server/app/workspace.hpp"
#include "server/http/router.hpp"
#include "server/net/listener.hpp"
#include "server/net/sync_pump.hpp"
#include "server/net/tls.hpp"

namespace satchel::server {
namespace {

constexpr std::size_t kIoThreadsMax = 4;
constexpr std::size_t kReaderThreads = 2;
constexpr std::size_t kHttpThreads = 2;

struct Credentials {
  std::shared_ptr<net::ssl::context> tls;
  Bytes ca_pin;
};

Result<Credentials> read_credentials(const Config& config) {
  auto chain = read_file(config.cert_file);
  if (!chain) return Error{Errc::kConfigInvalid, "tls.cert_file: " + chain.error().context};
  if (const Status mode = check_secret_mode(config.key_file); !mode) {
    return Error{Errc::kConfigInvalid, "tls.key_file: " + mode.error().context};
  }
  auto key = read_file(config.key_file);
  if (!key) return Error{Errc::kConfigInvalid, "tls.key_file: " + key.error().context};
  auto authority = read_file(config.ca_file);
  if (!authority) return Error{Errc::kConfigInvalid, "tls.ca_file: " + authority.error().context};
  auto pin = crypto::pin_of_pem(*authority);
  if (!pin) return Error{Errc::kConfigInvalid, "tls.ca_file: " + pin.error().context};
  auto tls = make_tls_context(*chain, *key);
  crypto::secure_zero(*key);
  if (!tls) return tls.error();
  return Credentials{std::move(*tls), std::move(*pin)};
}

Result<Bytes> read_admin_token_hash(const Layout& layout) {
  SATCHEL_TRY(check_secret_mode(layout.admin_token()));
  auto token = read_file(layout.admin_token());
  if (!token) return token.error();
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  if (token->empty()) return Error{Errc::kConfigInvalid, layout.admin_token() + " is empty"};
  return crypto::sha256(*token);
}

// Connections need descriptors; the soft limit is often 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Everything that lives while the server runs. Members are destroyed in reverse: listeners and
// connections first, the workspace last.
class Server {
 public:
  Server(Config config, Credentials credentials, Bytes token_hash,
         std::unique_ptr<Workspace> workspace)
      : config_(std::move(config)),
        credentials_(std::move(credentials)),
        workspace_(std::move(workspace)),
        work_(net::make_work_guard(io_)),
        notifier_([this](std::function<void()> f) { net::post(readers_, std::move(f)); }),
        writer_(workspace_->hub(), hooks()),
        log_keeper_(workspace_->hub(), writer_, retention(config_), compaction_rule(config_)),
        importer_(workspace_->hub(), writer_),
        backups_(*workspace_, writer_, config_),
        routes_{.workspace = *workspace_,
                .writer = writer_,
                .notifier = notifier_,
                .importer = importer_,
                .backups = backups_,
                .config = config_,
                .admin_token_hash = std::move(token_hash),
                .ca_pin = credentials_.ca_pin} {
    add_meta_routes(public_router_);
    add_device_routes(public_router_);
    add_meta_routes(admin_router_);
    add_admin_routes(admin_router_);
    add_record_routes(admin_router_);
    add_data_routes(admin_router_);
    add_backup_routes(admin_router_);
  }

  Status run(const std::function<void(const std::string&)>& on_ready) {
    SATCHEL_TRY(open_listeners());
    net::signal_set signals{io_, SIGTERM, SIGINT};
    await_signal(signals);
    start_threads();
    log_keeper_.start();
    for (const auto& listener : listeners_) listener->start();
    routes_.ready = true;
    log(LogLevel::kInfo, "ready", {{"listen", config_.listen.text()}});
    on_ready(config_.url());
    wait_for_stop();
    drain();
    boost::system::error_code ignored;
    signals.cancel(ignored);
    finish_threads();
    if (latched_) return Error{Errc::kStoreLatched};
    return {};
  }

 private:
  static sync::LogRetention retention(const Config& config) {
    constexpr std::uint64_t kMostPerKept = 16;
    const auto expiry = std::chrono::microseconds{config.replica_expiry};
    return {config.log_commits, kMostPerKept * config.log_commits, expiry.count()};
  }

  Writer::Hooks hooks() {
    return {.after_commit = [this] { notifier_.poke_all(); },
            .on_latched = [this](const Error& error) { latch(error); }};
  }

  void latch(const Error& error) {
    if (latched_.exchange(true)) return;
    log(LogLevel::kError, "store_latched", {{"detail", error.context}});
    request_stop();
  }

  void request_stop() {
    const std::lock_guard lock{stop_mutex_};
    stop_requested_ = true;
    stop_changed_.notify_all();
  }

  void wait_for_stop() {
    std::unique_lock lock{stop_mutex_};
    stop_changed_.wait(lock, [this] { return stop_requested_; });
  }

  void await_signal(net::signal_set& signals) {
    signals.async_wait([this, &signals](const boost::system::error_code& error, int) {
      if (error) return;
      {
        const std::lock_guard lock{stop_mutex_};
        if (stop_requested_) std::_Exit(1);  // The second one forces.
      }
      request_stop();
      await_signal(signals);
    });
  }

  std::shared_ptr<SyncChannel> accept_sync(Bytes binding, SyncWake wake) {
    sync::HubSession::Config session;
    session.tls_exporter = std::move(binding);
    session.replica_expiry_us = std::chrono::microseconds{config_.replica_expiry}.count();
    session.make_access_token = [this](const sync::Device& device) -> Bytes {
      return workspace_->tokens().make(device.id, workspace_->clock().wall_us());
    };
    SyncSession::Parts parts{.hub = workspace_->hub(),
                             .writer = writer_,
                             .notifier = notifier_,
                             .on_latched = [this](const Error& error) { latch(error); }};
    return SyncSession::open(std::move(parts), std::move(session), readers_.get_executor(),
                             std::move(wake));
  }

  ConnectionContext context_for(const Router& router, SyncAcceptor acceptor) {
    return {.tls = credentials_.tls,
            .workers = http_workers_.get_executor(),
            .http = [this, &router](Request& request) { return answer(router, request); },
            .sync = std::move(acceptor),
            .log =
                [](std::string_view event, const std::string& detail) {
                  log(LogLevel::kDebug, event, {{"detail", detail}});
                },
            .tasks = tasks_};
  }

  Response answer(const Router& router, Request& request) {
    if (request.request_id.empty()) request.request_id = "r" + std::to_string(++requests_);
    Response response = router.answer(routes_, request);
    response.headers.emplace_back("X-Request-Id", request.request_id);
    log(response.status >= 500 ? LogLevel::kWarning : LogLevel::kDebug, "request",
        {{"method", request.method},
         {"status", std::to_string(response.status)},
         {"req_id", request.request_id}});
    return response;
  }

  Status open_listeners() {
    auto acceptor = [this](Bytes binding, SyncWake wake) {
      return accept_sync(std::move(binding), std::move(wake));
    };
    auto open = Listener::open(io_, config_.listen.host, config_.listen.port,
                               context_for(public_router_, acceptor), budget_);
    if (!open) return open.error();
    listeners_.push_back(std::move(*open));
    auto admin = Listener::open(io_, config_.admin_listen.host, config_.admin_listen.port,
                                context_for(admin_router_, {}), admin_budget_);
    if (!admin) return admin.error();
    listeners_.push_back(std::move(*admin));
    return {};
  }

  void start_threads() {
    const std::size_t count =
        std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kIoThreadsMax);
    for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { run_io(); });
  }

  // No handler's exception ends the server.
  void run_io() {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception&) {
        log(LogLevel::kError, "handler_threw");
      }
    }
  }

  void drain() {
    routes_.ready = false;
    log(LogLevel::kInfo, "draining");
    log_keeper_.stop();
    backups_.stop();
    for (const auto& listener : listeners_) listener->stop(kServiceRestart);
    const bool ended = tasks_.wait_for(config_.shutdown_grace);
    if (!ended)
      log(LogLevel::kWarning, "connections_cut", {{"count", std::to_string(tasks_.size())}});
    writer_.stop();
  }

  void finish_threads() {
    work_.reset();
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
    http_workers_.join();
    readers_.join();
    log(LogLevel::kInfo, "stopped");
  }

  Config config_;
  Credentials credentials_;
  std::unique_ptr<Workspace> workspace_;
  TaskGroup tasks_{[] { log(LogLevel::kError, "coroutine_threw"); }};
  ConnectionBudget budget_{limits::kConnectionsMax};
  // Of its own, so that an operator gets in while devices fill the other.
  ConnectionBudget admin_budget_{64};
  net::thread_pool readers_{kReaderThreads};
  net::thread_pool http_workers_{kHttpThreads};
  net::io_context io_;
  net::executor_work_guard<net::io_context::executor_type> work_;
  Notifier notifier_;
  Writer writer_;
  LogKeeper log_keeper_;
  Importer importer_;
  BackupJob backups_;
  RouteContext routes_;
  Router public_router_;
  Router admin_router_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::thread> threads_;
  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stop_requested_ = false;
  std::atomic<bool> latched_ = false;
  std::atomic<std::uint64_t> requests_ = 0;
};

}  // namespace

Status check_config(const std::string& folder) {
  auto config = read_config(folder);
  if (!config) return config.error();
  auto credentials = read_credentials(*config);
  if (!credentials) return credentials.error();
  return {};
}

Status serve(const std::string& folder,
             const std::function<void(const std::string& url)>& on_ready) {
  auto config = read_config(folder);
  if (!config) return config.error();
  open_log(config->log_level);
  auto credentials = read_credentials(*config);
  if (!credentials) return credentials.error();
  const Layout layout{folder, config->workspace};
  auto token_hash = read_admin_token_hash(layout);
  if (!token_hash) return token_hash.error();
  auto workspace = Workspace::open(layout, *config);
  if (!workspace) return workspace.error();
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);
  Server server{std::move(*config), std::move(*credentials), std::move(*token_hash),
                std::move(*workspace)};
  return server.run(on_ready);
}

}  // namespace satchel::server
