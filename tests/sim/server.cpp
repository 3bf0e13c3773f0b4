#include "tests/sim/server.hpp"

#include <algorithm>

namespace satchel::sim {
namespace {

constexpr std::size_t kPageBytes = 3'000;  // Small, so that a few records make several pages.

}  // namespace

SimServer::SimServer(EventQueue& queue, Gen& gen, Marks& marks, Network& network,
                     ServerListener listener)
    : queue_(queue),
      gen_(gen),
      marks_(marks),
      network_(network),
      listener_(std::move(listener)),
      clock_(queue),
      entropy_(gen) {
  StoreId id;
  SATCHEL_ASSERT(entropy_.fill(id.octets));
  disk_ = std::make_shared<sync::MemoryDisk>(sync::MemoryDisk::Options{id, true});
}

void SimServer::create(std::shared_ptr<const schema::Catalog> catalog) {
  auto store = sync::MemoryStore::open(disk_);
  SATCHEL_ASSERT(store);
  store_ = std::move(*store);
  auto hub = sync::Hub::create({*store_, clock_, entropy_, nullptr, Bytes(32, 'k')},
                               *WorkspaceId::from_bytes("workspace-no-one"), std::move(catalog));
  SATCHEL_ASSERT(hub);
  hub_ = std::move(*hub);
}

void SimServer::start() {
  if (hub_) return;
  disk_->fail_after(UINT64_MAX, Errc::kStoreDiskFull);  // Whoever starts it has made room.
  auto store = sync::MemoryStore::open(disk_);
  SATCHEL_ASSERT(store);
  store_ = std::move(*store);
  auto hub = sync::Hub::open({*store_, clock_, entropy_, nullptr, Bytes(32, 'k')});
  SATCHEL_ASSERT(hub);
  hub_ = std::move(*hub);
  ++life_;
}

void SimServer::crash() {
  if (!hub_) return;
  for (const SessionPtr& session : sessions_)
    network_.hang_up(session->connection, Network::End::kServer);
  works_.clear();
  sessions_.clear();
  writer_due_ = false;
  ++life_;
  hub_.reset();
  store_.reset();
  disk_->crash();
  clock_.reboot();
}

void SimServer::restore(const sync::MemoryVersion& version, bool by_tool) {
  crash();
  disk_->restore(version);
  start();
  if (!by_tool) return;
  SATCHEL_ASSERT(in_transaction([](sync::HubTxn& txn) { return txn.begin_incarnation(); }));
}

Status SimServer::in_transaction(const std::function<Status(sync::HubTxn&)>& run) {
  auto txn = hub_->begin();
  if (!txn) return txn.error();
  SATCHEL_TRY(run(**txn));
  return (*txn)->commit();
}

void SimServer::poke_all() {
  for (const SessionPtr& session : sessions_) session->session.poke();
  const auto sessions = sessions_;
  for (const SessionPtr& session : sessions) {
    if (!session->over) pump(session);
  }
}

bool SimServer::idle() const {
  return works_.empty() &&
         std::all_of(sessions_.begin(), sessions_.end(), [](const SessionPtr& session) {
           return session->over || session->session.quiet();
         });
}

Ear SimServer::accept(std::shared_ptr<ConnectionId> id) {
  if (!hub_) return {[](Bytes) {}, [] {}};
  sync::HubSession::Config config;
  config.tls_exporter = Bytes(32, 'e');
  config.page_bytes = kPageBytes;
  config.far_behind = 6;
  auto session = std::make_shared<Session>(*hub_, config);
  sessions_.push_back(session);
  queue_.after(1'000, [this, session, id, life = life_] {
    session->connection = *id;
    if (life != life_) return network_.hang_up(*id, Network::End::kServer);
    pump(session);
  });
  const auto message = [this, session, life = life_](Bytes bytes) {
    if (life == life_ && !session->over) receive(session, std::move(bytes));
  };
  const auto closed = [this, session, life = life_] {
    session->over = true;
    if (life != life_) return;
    if (auto last = session->session.closing_work()) {
      works_.push_back({session, std::move(*last), life_});
      schedule_writer();
    }
    std::erase(sessions_, session);
  };
  return {message, closed};
}

void SimServer::receive(const SessionPtr& session, Bytes message) {
  if (const Status received = session->session.receive(message); !received)
    return end(session, received.error());
  pump(session);
}

void SimServer::end(const SessionPtr& session, const Error& error) {
  listener_.trouble(error);
  network_.send(session->connection, Network::End::kServer, sync::HubSession::failure_frame(error));
  network_.hang_up(session->connection, Network::End::kServer);
  session->over = true;
  std::erase(sessions_, session);
}

void SimServer::pump(const SessionPtr& session) {
  if (session->connection == 0) return;  // Not open yet.
  while (auto work = session->session.take_work())
    works_.push_back({session, std::move(*work), life_});
  if (!works_.empty()) schedule_writer();
  for (;;) {
    auto message = session->session.generate();
    if (!message) return end(session, message.error());
    if (!*message) return;
    network_.send(session->connection, Network::End::kServer, std::move(**message));
  }
}

void SimServer::schedule_writer() {
  if (writer_due_) return;
  writer_due_ = true;
  queue_.after(static_cast<std::int64_t>(gen_.below(30'000)), [this, life = life_] {
    if (life != life_) return;
    writer_due_ = false;
    run_group();
  });
}

Status SimServer::run_works(sync::HubTxn& txn, const std::vector<Queued>& group,
                            std::vector<Answered>& answered) {
  for (const Queued& queued : group) {
    std::map<ReplicaId, std::uint64_t> before;
    for (const ReplicaId& replica : listener_.replicas()) {
      auto state = txn.replica_state(replica);
      if (!state) return state.error();
      before[replica] = state->watermark;
    }
    SATCHEL_TRY(queued.work.run(txn));
    for (const auto& [replica, watermark] : before) {
      auto state = txn.replica_state(replica);
      if (!state) return state.error();
      if (state->watermark > watermark) answered.push_back({replica, watermark, state->watermark});
    }
  }
  return {};
}

void SimServer::run_group() {
  std::vector<Queued> group;
  for (std::size_t count = 1 + gen_.below(6); count > 0 && !works_.empty(); --count) {
    group.push_back(std::move(works_.front()));
    works_.pop_front();
  }
  if (group.empty()) return;
  std::vector<Answered> answered;
  auto txn = hub_->begin();
  Status durable = txn ? run_works(**txn, group, answered) : Status{txn.error()};
  if (!healed_ && gen_.chance(1)) {
    txn = Error{Errc::kCancelled};
    REACHED("server crashed before the commit");
    return crash();
  }
  if (durable) durable = (*txn)->commit();
  txn = Error{Errc::kCancelled};
  if (durable) {
    listener_.durable(answered);
  } else {
    listener_.trouble(durable.error());
    if (durable.error().code == Errc::kStoreLatched) return crash();
  }
  if (!healed_ && gen_.chance(1)) {
    if (durable && !answered.empty()) REACHED("server crashed before the ack");
    return crash();
  }
  for (const Queued& queued : group) {
    if (queued.work.done) queued.work.done(durable);
  }
  for (const Queued& queued : group) {
    if (!queued.session->over) pump(queued.session);
  }
  poke_all();
  if (!works_.empty()) schedule_writer();
}

}  // namespace satchel::sim
