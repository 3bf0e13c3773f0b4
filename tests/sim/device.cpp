#include "tests/sim/device.hpp"

#include <utility>

namespace satchel::sim {

SimDevice::SimDevice(Parts parts, std::string name, std::string user, sync::Role role)
    : parts_(std::move(parts)),
      marks_(parts_.marks),
      name_(std::move(name)),
      user_(std::move(user)),
      role_(role),
      clock_(parts_.queue),
      entropy_(parts_.gen) {
  auto id = crypto::random_id<sync::DeviceId>(entropy_);
  auto key = crypto::SigningKey::generate(entropy_);
  SATCHEL_ASSERT(id && key);
  id_ = *id;
  signer_ = std::make_shared<crypto::MemorySigner>(std::move(*key));
}

SimDevice::SimDevice(SimDevice& other, std::string name)
    : parts_(other.parts_),
      marks_(parts_.marks),
      name_(std::move(name)),
      user_(other.user_),
      role_(other.role_),
      id_(other.id_),
      clock_(parts_.queue),
      entropy_(parts_.gen),
      signer_(other.signer_) {
  disk_ = std::make_shared<sync::MemoryDisk>(sync::MemoryDisk::Options{other.disk_->id(), true});
  disk_->restore(other.disk_->snapshot());
  open();
  greeted_us = other.greeted_us;
  unsure_until = other.unsure_until;
  was_silent = other.was_silent;
  was_restored = other.was_restored = true;
}

void SimDevice::enrol() {
  drop();
  edge_.reset();
  store_.reset();
  auto store_id = crypto::random_id<StoreId>(entropy_);
  SATCHEL_ASSERT(store_id);
  disk_ = std::make_shared<sync::MemoryDisk>(sync::MemoryDisk::Options{*store_id, true});
  auto store = sync::MemoryStore::open(disk_);
  SATCHEL_ASSERT(store);
  store_ = std::move(*store);
  sync::EdgeIdentity identity;
  identity.workspace = *WorkspaceId::from_bytes("workspace-no-one");
  identity.device = id_;
  identity.user = user_;
  identity.role = role_;
  identity.territories = {"north"};
  auto edge = sync::Edge::create({*store_, clock_, entropy_, nullptr}, identity,
                                 parts_.server.hub().catalog());
  SATCHEL_ASSERT(edge);
  edge_ = std::move(*edge);
  gave_up = was_restored = was_silent = false;
  unsure_until = 0;
  rotten.reset();
  backup.reset();
  moment.reset();
}

void SimDevice::open() {
  auto store = sync::MemoryStore::open(disk_);
  SATCHEL_ASSERT(store);
  store_ = std::move(*store);
  auto edge = sync::Edge::open({*store_, clock_, entropy_, nullptr});
  SATCHEL_ASSERT(edge);
  edge_ = std::move(*edge);
}

void SimDevice::connect(bool live) {
  if (connected() || gave_up || !parts_.server.running()) return;
  if (parts_.queue.now() < silent_until) return;
  sync::EdgeSession::Config config{Bytes(32, 'e'), *signer_, live, 2'000};
  config.older_schema = older_schema_;
  session_ = std::make_unique<sync::EdgeSession>(*edge_, config);
  connection_ = std::make_shared<ConnectionId>(0);
  live_ = live;
  challenge_due_ = true;
  disturbed = false;
  const auto mine = connection_;
  const auto message = [this, mine](Bytes bytes) {
    if (connection_ == mine) hear(std::move(bytes));
  };
  const auto closed = [this, mine] {
    if (connection_ == mine) drop();
  };
  Ear server = parts_.server.accept(connection_);
  *connection_ = parts_.network.open({message, closed}, std::move(server));
}

void SimDevice::cut() {
  if (connected()) parts_.network.cut(*connection_);
}

void SimDevice::drop() {
  if (!connected()) return;
  parts_.network.hang_up(*connection_, Network::End::kDevice);
  session_.reset();
  connection_.reset();
}

void SimDevice::crash() {
  drop();
  const std::vector<sync::Numbering> before = edge_->numberings();
  edge_.reset();
  store_.reset();
  if (disk_->unsynced_count() > 0) REACHED("page taken back by a power cut");
  disk_->crash();
  clock_.reboot();
  open();
  parts_.listener.crashed(*this, before);
}

void SimDevice::restore(const sync::MemoryVersion& version) {
  drop();
  edge_.reset();
  store_.reset();
  disk_->restore(version);
  clock_.reboot();
  open();
}

void SimDevice::wrote() {
  if (!connected()) return;
  session_->poke();
  pump();
}

bool SimDevice::inject(Bytes message) {
  // A push says that the welcome came, and TLS lets nobody say so for the device.
  if (!connected() || !session_->welcomed()) return false;
  disturbed = true;
  parts_.network.send(*connection_, Network::End::kDevice, std::move(message));
  return true;
}

void SimDevice::hear(Bytes message) {
  // A challenge is no news: what is here is looked at with what comes after it.
  const bool news = !std::exchange(challenge_due_, false);
  if (news) parts_.listener.hears(*this, message);
  if (traffic) note_traffic(message);
  const Status received = session_->receive(message);
  if (!received) return fail(received.error());
  if (const auto wanted = session_->schema_wanted()) return take_schema(*wanted);
  // Between what it took in and the word that it has it.
  const bool before_heard = parts_.gen.chance(50);
  const bool power_fails = parts_.gen.chance(1) && !steady;
  if (power_fails && before_heard) return crash();
  const auto mine = connection_;
  if (news) parts_.listener.heard(*this);
  if (connection_ != mine) return;
  if (power_fails) return crash();
  pump();
  if (connected() && (!live_ || session_->settling()) && session_->quiet()) drop();
}

void SimDevice::pump() {
  for (;;) {
    auto message = session_->generate();
    if (!message) return fail(message.error());
    if (!*message) return await_progress();
    if (traffic) note_traffic(**message);
    parts_.network.send(*connection_, Network::End::kDevice, std::move(**message));
  }
}

void SimDevice::note_traffic(const Bytes& message) {
  const auto frame = wire::decode_frame(message);
  if (!frame) return;
  if (std::holds_alternative<wire::Push>(*frame)) ++traffic->pushes;
  const bool ours =
      std::holds_alternative<wire::Hello>(*frame) || std::holds_alternative<wire::Push>(*frame) ||
      std::holds_alternative<wire::Progress>(*frame) || std::holds_alternative<wire::Other>(*frame);
  if (ours) return;
  ++traffic->frames_in;
  traffic->bytes_in += message.size();
  const auto* changes = std::get_if<wire::Changes>(&*frame);
  const auto* ack = std::get_if<wire::Ack>(&*frame);
  if (changes != nullptr) traffic->caught_up = changes->caught_up;
  if (changes != nullptr && !changes->page.empty()) traffic->pages.push_back(changes->page);
  if (ack != nullptr && !ack->states.empty()) traffic->pages.push_back(ack->states);
}

Status SimDevice::visit(const sync::Edge::VisitRecord& visit_record) {
  std::vector<sync::UnreadableRecord> unreadable;
  SATCHEL_TRY(edge_->visit_readable(0, sync::kDefaultPurpose, nullptr, visit_record, unreadable));
  std::erase_if(unreadable, [this](const sync::UnreadableRecord& each) {
    return rotten && (each.id == rotten->id() || each.number == rotten->number());
  });
  return unreadable.empty() ? Status{} : Status{edge_->unreadable_error(unreadable)};
}

// As the SDK's driver does it: what is owed is said a second later.
void SimDevice::await_progress() {
  if (!session_->owes_progress() || awaiting_ == connection_) return;
  awaiting_ = connection_;
  parts_.queue.after(1'100'000, [this, mine = connection_] {
    if (awaiting_ == mine) awaiting_.reset();
    if (connected() && connection_ == mine) pump();
  });
}

// As the SDK does it, which fetches the schema by its hash and connects again.
void SimDevice::take_schema(const Bytes& hash) {
  drop();
  if (!parts_.server.running() || parts_.server.hub().catalog()->hash() != hash) return;
  const auto catalog = parts_.server.hub().catalog();
  const bool older = edge_->catalog().accepts_successor_of(*catalog).has_value();
  older_schema_ = older ? hash : Bytes{};
  if (older) {
    REACHED("server with an older schema met");
    return;
  }
  const Status adopted = edge_->adopt_schema(catalog);
  if (!adopted) return fail(adopted.error());
  REACHED("newer schema adopted");
}

void SimDevice::fail(const Error& error) {
  drop();
  parts_.listener.trouble(*this, error);
}

}  // namespace satchel::sim
