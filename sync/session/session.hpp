// The exchange hello / welcome / push / ack / changes without any I/O: bytes in, bytes out.
//
//   hub                                  edge
//   start    -> Challenge ->             start
//            <- Hello                    greeting    (signs exporter, challenge, body)
//   greeted  -> Welcome ->               syncing
//            <- Push ...                 pushes until the outbox is sent
//            -> Ack, Changes ... ->      applies
//            <- Progress                 after each durable page
//   live     -> Changes as they commit   live
//
// A device that has given up a replica id (it was copied or restored) first settles what it made
// under it: a session of its own in that id, without fence and without Changes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>

#include "crypto/sign.hpp"
#include "sync/edge/edge.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::sync {

struct TellingPlan;

enum class SessionRole : std::uint8_t { kHub, kEdge };

// One side of an exchange, whichever it is: all that carries messages between two sides need know.
// The role is given at construction, by the class that is made. Thread-bound.
class Session {
 public:
  // Work for the writer: run it in a HubTxn and give its outcome back after the durable commit.
  struct Work {
    // In the group's transaction; an Error is this session's alone.
    std::function<Status(HubTxn& txn)> run;
    // On the session's thread, after the commit (or its failure).
    std::function<void(const Status& durable)> done;
  };

  explicit Session(SessionRole role) : role_(role) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  [[nodiscard]] SessionRole role() const { return role_; }

  // One whole message of the peer. An Error ends the session.
  virtual Status receive(ByteView message) = 0;
  // The next message to send, nothing when there is none now.
  virtual Result<std::optional<Bytes>> generate() = 0;
  // What must be made durable before this side goes on. Only a hub has any: an edge works on its
  // store at once.
  virtual std::optional<Work> take_work() { return std::nullopt; }
  // Something was committed on this side: generate may have a message.
  virtual void poke() {}
  // Nothing to send, no answer due, no work under way.
  [[nodiscard]] virtual bool quiet() const = 0;

 private:
  const SessionRole role_;
};

// The server's side. Thread-bound to its connection: calls never overlap. receive and generate read
// the store, so they run off the I/O threads. What take_work and closing_work give is
// self-contained: its `run` touches nothing of the session, which may be gone by then.
class HubSession final : public Session {
 public:
  struct Config {
    Bytes tls_exporter;  // 32 bytes, RFC 9266 / RFC 5705 label "EXPORTER-satchel-sync-v1".
    std::size_t page_bytes = 1024 * 1024;
    // A fresh short-lived token for the device's HTTPS calls.
    std::function<Bytes(const Device& device)> make_access_token{};
    // Commits: a device that missed more gets the priority slice before them.
    Sequence far_behind = 2'048;
    // A device that is silent for longer bootstraps.
    std::int64_t replica_expiry_us = 90LL * 86'400 * 1'000'000;
  };
  HubSession(Hub& hub, Config config)
      : Session(SessionRole::kHub), hub_(hub), config_(std::move(config)) {}

  // After an Error failure_frame() is what to send before closing.
  Status receive(ByteView message) override;
  Result<std::optional<Bytes>> generate() override;
  // Progress and fences travel the same way as commits.
  std::optional<Work> take_work() override;
  // The connection is over: what the device has said and is not durable yet. Its `done` is empty.
  std::optional<Work> closing_work();
  // The notifier says that the hub's sequence has risen.
  void poke() override { poked_ = true; }
  // Closing: a frame that tells the device why.
  static Bytes failure_frame(const Error& error, std::uint32_t retry_after_ms = 0);

  [[nodiscard]] bool greeted() const { return phase_ >= Phase::kWelcomed; }
  [[nodiscard]] bool quiet() const override;
  [[nodiscard]] const std::optional<Device>& device() const { return device_; }

 private:
  enum class Phase : std::uint8_t { kStart, kChallenged, kGreeting, kWelcomed, kFailed };

  Status on_hello(const wire::Hello& hello);
  Status check_peer(const wire::Hello& hello);  // Who is it, and may he connect?
  Status check_history();                       // Does he know more than we do? Is he a copy?
  void order_wipe();
  Status find_trimmed(IngestBatch& batch);
  Status find_trimmed_origins(IngestBatch& batch);
  struct Greeting;
  void greet();  // Fence and Welcome, once durable.
  void begin_telling(TellingPlan& plan, const HubState& state);
  // The user is who he was at the hello. kConnectionCut where he may hold something else now.
  Status check_grants();
  void note_restored_server();
  wire::Welcome make_welcome(const HubState& state, const ReplicaState& replica,
                             const Bytes& fence) const;
  // Which commit of theirs this store knows, so that the device sees whether it is its own.
  Status name_known_commit(wire::Welcome& welcome);
  Status on_push(wire::Push push);
  void answer(const IngestOutcome& outcome);
  [[nodiscard]] wire::Cursor hello_cursor() const;
  Status on_progress(const wire::Progress& progress);
  Status on_known_state(ByteView payload);
  // What the device has confirmed since it was asked last; empty where that is nothing.
  std::function<Status(HubTxn&)> take_progress();
  Result<std::optional<Bytes>> next_page();
  void note_damaged(std::vector<DamagedRecord> damaged);
  Result<Hub::Page> read_page();
  Status check_alone();
  // Who wrote what the page holds, of those that this session has not named yet.
  Result<Bytes> authors_of(ByteView page);

  Hub& hub_;
  Config config_;
  Phase phase_ = Phase::kStart;
  Bytes challenge_;
  std::optional<Device> device_;
  User user_;
  Entitlement entitlement_;
  std::uint64_t directory_ = 0;  // HubState's, when the user was looked at.
  wire::HelloBody hello_;
  std::string purpose_;
  std::size_t commits_waiting_ = 0;
  std::size_t work_under_way_ = 0;
  std::deque<Work> work_;
  std::deque<Bytes> outgoing_;
  std::optional<Error> failure_;  // Found by work that ran elsewhere; told at the next call.
  wire::Cursor sent_;
  bool too_old_ = false;     // The device's place is gone, or it was away for too long.
  bool expired_ = false;     // The latter.
  bool began_anew_ = false;  // Everything is told anew, whatever the device's place was.
  bool restart_ = false;     // The next page is the first of a bootstrap.
  bool slice_due_ = false;   // Before the next page.
  std::optional<std::vector<std::string>> joined_;  // Hub::PageRequest.
  CommitNumber answer_first_ = 0;  // Before a bootstrap begins: the device's own up to here.
  // Until caught up: the device's own commits are sent back too.
  bool send_own_ = false;
  CommitNumber answered_ = 0;  // Of the device's own commits: it has our answer, or gets it next.
  bool caught_up_sent_ = false;
  bool told_caught_up_ = false;  // By the last page that was sent.
  bool poked_ = true;
  bool noting_ = false;  // The page in hand passes over a record that is not noted yet.
  std::optional<wire::Progress> progress_;
  std::unordered_set<ReplicaId> named_;  // Replicas whose users this session has told.
  Bytes fence_;                          // The token that this session's Welcome gave.
  bool fence_confirmed_ = true;
  std::int64_t progress_put_us_ = 0;
  CommitNumber results_kept_from_ = 1;  // Below, first answers are gone.
  // What the commit log knows of them.
  std::optional<std::map<CommitNumber, KnownCommit>> trimmed_;
  std::map<ReplicaId, std::map<CommitNumber, KnownCommit>> trimmed_origins_;
};

// The device's side. Thread-bound; works on its Edge at once.
class EdgeSession final : public Session {
 public:
  struct Config {
    Bytes tls_exporter;
    crypto::Signer& signer;
    bool live = false;                     // Stay for changes after catching up.
    std::size_t push_bytes = 1024 * 1024;  // Of one Push frame; at most two are under way.
    // Hash of a schema of the server's that the replica's own follows, as after a restore of the
    // server: it is let stand, and what the server does not know passes through it untouched.
    Bytes older_schema{};
    // What the edge has only stands in for a schema that it lost: the server's is wanted in any
    // case.
    bool schema_lost = false;
  };
  EdgeSession(Edge& edge, Config config);
  // The session settles a former id, or found that one must be settled first: once it is quiet,
  // connect again.
  [[nodiscard]] bool settling() const { return settling_; }
  // From the Failure that ended the session: the server asks to come back after so long. 0: it did
  // not.
  [[nodiscard]] std::uint32_t retry_after_ms() const { return retry_after_ms_; }
  // The error that ended the session is of the server's store, not of this device's.
  [[nodiscard]] bool server_failed() const { return server_failed_; }

  Status receive(ByteView message) override;
  Result<std::optional<Bytes>> generate() override;
  // Everything was sent, answered and applied: an exchange that is not live may end.
  [[nodiscard]] bool quiet() const override;
  // Has not said yet how far it is, because it did so a moment ago: generate again in a second.
  [[nodiscard]] bool owes_progress() const { return progress_owed_; }
  [[nodiscard]] bool welcomed() const { return welcomed_; }
  [[nodiscard]] const Bytes& access_token() const { return access_token_; }
  // The server speaks another schema than this replica has: fetch it by this hash, adopt it where
  // it is newer, else name it as `older_schema`, and connect again.
  [[nodiscard]] const std::optional<Bytes>& schema_wanted() const { return schema_wanted_; }
  struct Counters {
    std::uint64_t frames_in = 0, frames_out = 0, bytes_in = 0, bytes_out = 0, commits_pushed = 0,
                  refused = 0;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  Result<Bytes> make_hello();
  Status on_welcome(const wire::Welcome& welcome);
  [[nodiscard]] Numbering numbering() const;
  [[nodiscard]] bool progress_due() const;
  Status prepare_report();

  Edge& edge_;
  Config config_;
  ReplicaId replica_;  // Which this session speaks for.
  bool settling_ = false;
  bool settle_first_ = false;
  std::uint32_t retry_after_ms_ = 0;
  bool server_failed_ = false;
  bool hello_sent_ = false;
  bool welcomed_ = false;
  bool caught_up_ = false;
  Bytes challenge_;
  Bytes access_token_;
  std::optional<Bytes> schema_wanted_;
  CommitNumber pushed_through_ = 0;
  std::deque<CommitNumber> in_flight_;  // Last commit of each push frame not yet answered.
  std::deque<Bytes> to_report_;         // Of states that the server lacks, once caught up.
  bool progress_owed_ = false;
  CommitNumber progress_after_ = 0;  // What was made before the page that it confirms goes first.
  std::optional<std::int64_t> progress_sent_us_;  // By the boot clock.
  Counters counters_;
};

}  // namespace satchel::sync
