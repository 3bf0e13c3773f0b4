// The simulated server: the real hub and its sessions over a disk that survives crashes, and a host
// that groups work
// into durable commits.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "sync/session/session.hpp"
#include "sync/store/memory/memory_store.hpp"
#include "tests/sim/network.hpp"

namespace satchel::sim {

// What one unit of work did to the store: the commits of one replica that were answered, in order.
struct Answered {
  ReplicaId replica;
  std::uint64_t from = 0;  // Numbers after this ...
  std::uint64_t to = 0;    // ... up to this.
};
struct ServerListener {
  // A group is durable. Nothing of it was told to anybody yet.
  std::function<void(const std::vector<Answered>& answered)> durable;
  std::function<void(const Error& error)> trouble;
  // Every replica that ever spoke to the server: any of them may be answered by a work that comes
  // late.
  std::function<std::vector<ReplicaId>()> replicas;
};

// Thread-bound. The parts of a real host that matter here: sessions by connection, a queue for the
// one writer, group
// commits, crashes at their worst moments.
class SimServer {
 public:
  SimServer(EventQueue& queue, Gen& gen, Marks& marks, Network& network, ServerListener listener);

  void create(std::shared_ptr<const schema::Catalog> catalog);
  [[nodiscard]] bool running() const { return hub_ != nullptr; }
  [[nodiscard]] sync::Hub& hub() { return *hub_; }
  [[nodiscard]] sync::MemoryDisk& disk() { return *disk_; }
  [[nodiscard]] bool idle() const;
  void heal() { healed_ = true; }

  // A device's connection: gives what the network tells this end. `id` is filled by the caller
  // before use.
  Ear accept(std::shared_ptr<ConnectionId> id);
  void crash();
  void start();
  // Stops, puts an earlier version in the disk's place, starts; `by_tool` names the store's new
  // life.
  void restore(const sync::MemoryVersion& version, bool by_tool);
  // One transaction of the host's own, durable when it returns without an error.
  Status in_transaction(const std::function<Status(sync::HubTxn&)>& run);
  void poke_all();

 private:
  struct Session {
    sync::HubSession session;
    ConnectionId connection = 0;
    bool over = false;  // The connection is gone; work under way may still end.
    Session(sync::Hub& hub, sync::HubSession::Config config) : session(hub, std::move(config)) {}
  };
  using SessionPtr = std::shared_ptr<Session>;
  struct Queued {
    SessionPtr session;
    sync::HubSession::Work work;
    std::uint64_t life = 0;
  };

  void receive(const SessionPtr& session, Bytes message);
  void pump(const SessionPtr& session);
  void end(const SessionPtr& session, const Error& error);
  void schedule_writer();
  void run_group();
  Status run_works(sync::HubTxn& txn, const std::vector<Queued>& group,
                   std::vector<Answered>& answered);

  EventQueue& queue_;
  Gen& gen_;
  Marks& marks_;
  Network& network_;
  ServerListener listener_;
  SimClock clock_;
  SimEntropy entropy_;
  std::shared_ptr<sync::MemoryDisk> disk_;
  std::unique_ptr<sync::MemoryStore> store_;
  std::unique_ptr<sync::Hub> hub_;
  std::vector<SessionPtr> sessions_;
  std::deque<Queued> works_;
  bool writer_due_ = false;
  bool healed_ = false;
  std::uint64_t life_ = 0;  // Rises with each start: what belongs to an earlier one is void.
};

}  // namespace satchel::sim
