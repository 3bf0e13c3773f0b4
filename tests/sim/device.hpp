// A simulated device: the real edge and its session over a disk that survives crashes.
#pragma once

#include <memory>
#include <optional>

#include "sync/session/session.hpp"
#include "sync/store/memory/memory_store.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/rot.hpp"
#include "tests/sim/server.hpp"

namespace satchel::sim {

class SimDevice;
struct DeviceListener {
  // A message is about to be taken in.
  std::function<void(SimDevice& device, const Bytes& message)> hears;
  std::function<void(SimDevice& device)> heard;  // One message was taken in.
  // It started again after a power cut, before which its ids stood like this.
  std::function<void(SimDevice& device, const std::vector<sync::Numbering>& before)> crashed;
  // The session ended with an error.
  std::function<void(SimDevice& device, const Error& error)> trouble;
};

// What the sessions of a device cost.
struct Traffic {
  std::size_t frames_in = 0, bytes_in = 0, pushes = 0;
  std::vector<Bytes> pages;  // That hold anything; the states that come with answers too.
  bool caught_up = false;
};

// Thread-bound. Everything that a device loses in a crash is in memory here; what it keeps is on
// its disk.
class SimDevice {
 public:
  struct Parts {
    EventQueue& queue;
    Gen& gen;
    Marks& marks;
    Network& network;
    SimServer& server;
    DeviceListener listener;
  };
  SimDevice(Parts parts, std::string name, std::string user, sync::Role role);
  // A cold copy of `other`, its key with it: two that live under one id from now on.
  SimDevice(SimDevice& other, std::string name);

  // A fresh replica on an empty disk: the first enrolment, or a new one after the old replica was
  // given up.
  void enrol();
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] bool is_rep() const { return role_ == sync::Role::kRep; }
  [[nodiscard]] const sync::DeviceId& id() const { return id_; }
  [[nodiscard]] Bytes public_key() const { return signer_->public_key(); }
  [[nodiscard]] sync::Role role() const { return role_; }
  [[nodiscard]] sync::Edge& edge() { return *edge_; }
  [[nodiscard]] const sync::Edge& edge() const { return *edge_; }
  [[nodiscard]] sync::MemoryDisk& disk() { return *disk_; }
  [[nodiscard]] SimClock& clock() { return clock_; }

  [[nodiscard]] bool connected() const { return session_ != nullptr; }
  [[nodiscard]] ConnectionId connection() const { return connected() ? *connection_ : 0; }
  [[nodiscard]] bool welcomed() const {
    return session_ && session_->welcomed() && !session_->settling();
  }
  [[nodiscard]] bool live() const { return live_; }
  [[nodiscard]] bool quiet() const {
    return session_ && session_->quiet() && !session_->settling();
  }
  void connect(bool live);
  void cut();    // The connection breaks on its way.
  void drop();   // This end gives up.
  void crash();  // And starts again.
  void restore(const sync::MemoryVersion& version);
  void wrote();  // A local commit was made.
  // Sends what somebody recorded earlier, as if it came from this device now, once it is welcome.
  bool inject(Bytes message);
  // All that is shown, but for `rotten`. kStoreCorrupt where anything else cannot be read.
  Status visit(const sync::Edge::VisitRecord& visit_record);

  bool gave_up = false;           // Its home is lost: it must enrol anew.
  bool disturbed = false;         // Something old was put on its connection.
  std::int64_t silent_until = 0;  // Nobody hears of it before.
  std::int64_t greeted_us = 0;    // When it was last made welcome.
  bool was_silent = false;        // For longer than it is waited for.
  bool was_restored = false;      // Its store is older than what it told the server.
  // The server was restored to before what this device may know: until it hears a welcome on this
  // connection or a later one.
  ConnectionId unsure_until = 0;
  [[nodiscard]] bool unsure() const { return unsure_until != 0; }
  std::optional<Rot> rotten;       // A record of its base.
  std::optional<Traffic> traffic;  // Since this was put here.
  bool steady = false;             // Its power does not fail.
  std::optional<sync::MemoryVersion> backup;
  std::optional<sync::MemoryVersion> moment;  // Of its life since it was restored.

 private:
  void open();
  void pump();
  void await_progress();
  void hear(Bytes message);
  void note_traffic(const Bytes& message);
  void fail(const Error& error);
  void take_schema(const Bytes& hash);

  Parts parts_;
  Marks& marks_;
  std::string name_;
  std::string user_;
  sync::Role role_;
  sync::DeviceId id_;
  SimClock clock_;
  SimEntropy entropy_;
  std::shared_ptr<crypto::MemorySigner> signer_;
  std::shared_ptr<sync::MemoryDisk> disk_;
  std::unique_ptr<sync::MemoryStore> store_;
  std::unique_ptr<sync::Edge> edge_;
  std::unique_ptr<sync::EdgeSession> session_;
  std::shared_ptr<ConnectionId> connection_;
  std::shared_ptr<ConnectionId> awaiting_;  // Whose owed progress is on the queue.
  bool live_ = false;
  bool challenge_due_ = false;  // Nothing was heard on this connection yet.
  Bytes older_schema_;          // The server's, where ours follows it.
};

}  // namespace satchel::sim
