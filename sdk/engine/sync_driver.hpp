// Drives exchanges with the server: one connection at a time, again after cuts, live when asked to.
//
//   stopped -> connecting -> busy -> idle (live) -> ...
//                 |            |
//                 +-> waiting <+   after a cut, until the pause is over
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sdk/engine/core.hpp"
#include "sdk/engine/gate.hpp"
#include "sync/session/session.hpp"

namespace satchel::sdk {

enum class Phase : std::uint8_t {
  kStopped,
  kOffline,
  kWaiting,
  kConnecting,
  kBusy,
  kIdle,
  kBlocked,
  kRevoked
};
std::string_view name_of(Phase phase);

struct SyncReport {
  std::uint64_t pushed = 0, refused = 0, received = 0, bytes_in = 0, bytes_out = 0, attempts = 0;
};

// What the driver needs of its replica. Calls come on the loop's thread.
class SyncHost {
 public:
  virtual ~SyncHost() = default;
  virtual Gate& gate() = 0;
  virtual Core* core() = 0;  // Under the gate; null while suspended.
  virtual const Config& config() = 0;
  virtual void status_changed() = 0;
  // The server ordered it: keys and data are destroyed, and core() is null from now on.
  virtual void wipe_ordered() = 0;
  virtual void log(LogLevel level, std::string_view line) = 0;
};

// Thread-bound to the loop, but for snapshot().
class SyncDriver final : private SessionPort {
 public:
  using Done = std::function<void(Result<SyncReport>)>;
  SyncDriver(Loop& loop, SyncHost& host) : loop_(loop), host_(host) {}

  // `done` follows once both sides have what they lack, or after `retries` more attempts.
  void once(milliseconds timeout, unsigned retries, Done done);
  void start();
  void stop(std::function<void()> done);
  void set_reachable(bool reachable);
  void poke();  // A local commit was made.
  // Records that changed under the driver's hands, for the report.
  void note_received(std::size_t records) { report_.received += records; }

  struct Snapshot {
    Phase phase = Phase::kStopped;
    std::optional<Error> error;      // Why the last attempt ended.
    std::int64_t next_retry_us = 0;  // Wall time; 0: none planned.
  };
  [[nodiscard]] Snapshot snapshot() const;

 private:
  struct Waiter {
    std::uint64_t id = 0;
    unsigned retries = 0;
    Done done;
  };

  Status begin(ByteView tls_exporter) override;
  Status receive(ByteView message) override;
  Result<std::optional<Bytes>> generate() override;
  bool finished() override;

  void connect();
  void on_ended(const Status& why);
  void after_failure(const Error& why, bool server_failed = false);
  bool become_another(const Error& why);
  void pause();
  void fetch_schema(const Bytes& hash);
  void on_schema(const Bytes& hash, Result<HttpsAnswer> answer);
  void finish_waiters(const Result<SyncReport>& result);
  void expire(std::uint64_t waiter);
  void set_phase(Phase phase, std::optional<Error> error = std::nullopt);
  void close_session();
  [[nodiscard]] bool wanted() const { return wanted_live_ || !waiters_.empty(); }

  Loop& loop_;
  SyncHost& host_;
  std::shared_ptr<SyncConnection> connection_;
  std::unique_ptr<sync::EdgeSession> session_;  // Under the gate.
  std::vector<Waiter> waiters_;
  std::vector<std::function<void()>> stopped_;
  SyncReport report_;
  Bytes access_token_;
  Bytes older_schema_;  // The server's, where ours follows it.
  std::uint64_t next_waiter_ = 1;
  std::uint64_t pause_ = 0;     // Names the pause that is under way; a newer one overrules it.
  unsigned failures_ = 0;       // In a row.
  unsigned schema_rounds_ = 0;  // Since the last connection that was welcomed.
  bool progress_awaited_ = false;
  unsigned identity_rounds_ = 0;  // Ids taken since the last exchange that came to rest.
  milliseconds retry_after_{0};   // As the server asked when it ended the last session.
  bool wanted_live_ = false;
  bool live_ = false;  // Of the connection that is open.
  bool reachable_ = true;
  bool pausing_ = false;
  bool fetching_ = false;

  mutable std::mutex snapshot_mutex_;
  Snapshot snapshot_;
};

}  // namespace satchel::sdk
