// What happens at the office: its own writes, people and what they are given, copies of the store
// and what is put back from them.
#include <algorithm>

#include "tests/sim/catalog.hpp"
#include "tests/sim/world.hpp"

namespace satchel::sim {
namespace {

constexpr std::string_view kPurpose = sync::kDefaultPurpose;

}  // namespace

Status World::register_user(SimDevice& device) {
  replicas_.insert(device.edge().state().replica);
  const Status registered = put_person(device.user(), people_[device.user()]);
  if (!registered) return registered;
  return server().in_transaction([&](sync::HubTxn& txn) -> Status {
    sync::Device entry;
    entry.id = device.id();
    entry.user = device.user();
    entry.public_key = device.public_key();
    return txn.put_device(entry);
  });
}

// The server's list of people, and the model's.
Status World::put_person(const std::string& name, const Person& person) {
  SATCHEL_TRY(server().in_transaction([&](sync::HubTxn& txn) {
    sync::User user;
    user.name = name;
    user.role = person.role;
    user.territories.assign(person.territories.begin(), person.territories.end());
    user.active = person.active;
    return txn.put_user(user);
  }));
  model_.given(name, person.territories, server().hub().state().seq + 1);
  people_[name] = person;
  return {};
}

std::set<std::string> World::some_territories() {
  std::set<std::string> some;
  for (const char* territory : kTerritories) {
    if (gen_.chance(45)) some.insert(territory);
  }
  return some;
}

// Territories are given and taken away, people leave and come back.
void World::admin_gives() {
  if (!server().running()) return;
  const std::string name = any_device().user();
  const Person before = people_[name];
  Person person = before;
  if (!person.active || gen_.chance(15)) {
    person.active = !person.active;
  } else {
    person.territories = some_territories();
  }
  const Status put = put_person(name, person);
  if (!put) {
    log("admin: " + put.error().message());
    if (put.error().code == Errc::kStoreLatched) server().crash();
    return;
  }
  std::string text = name + (person.active ? " has" : " is disabled, has");
  for (const std::string& territory : person.territories) text += " " + territory;
  log(text);
  if (!person.active) REACHED("person disabled");
  const auto lost = [](const Person& a, const Person& b) {
    return !std::ranges::includes(b.territories, a.territories);
  };
  if (person.role == sync::Role::kRep && lost(before, person)) REACHED("territory taken away");
  if (person.role == sync::Role::kRep && lost(person, before)) REACHED("territory given");
  server().poke_all();
}

Status World::read_server(const std::function<void(const sync::Record&)>& visit) {
  const bool rotten = rotten_ && told_again_ == kNow;
  if (!rotten) {
    return server().hub().visit_records(nullptr, [&](const sync::Record& record) {
      visit(record);
      return !failed();
    });
  }
  for (const RecordId& id : model_.records()) {
    if (id == rotten_->id()) continue;
    auto record = server().hub().find_record(id);
    if (!record) return record.error();
    if (*record) visit(**record);
  }
  return {};
}

void World::admin_writes() {
  admin_writes([this](Pen& pen) { workload_.compose(pen); });
}

std::optional<CommitName> World::admin_writes(const Compose& compose) {
  if (!server().running()) return std::nullopt;
  sync::Hub& hub = server().hub();
  std::map<RecordId, sync::Record> shown;
  std::vector<std::pair<CollectionId, RecordId>> held;
  const Status visited = read_server([&](const sync::Record& record) {
    held.emplace_back(record.collection, record.id);
    shown.emplace(record.id, record);
  });
  if (!visited) {
    if (visited.error().code == Errc::kStoreLatched)
      server().crash();
    else
      fail("the server cannot read: " + visited.error().message());
    return std::nullopt;
  }
  sync::CommitBody body;
  wire::CommitResult result;
  const CommitName name{hub.state().self, hub.state().self_next};
  const Status done = server().in_transaction([&](sync::HubTxn& txn) -> Status {
    sync::CommitBuilder builder = txn.builder();
    const auto create = [&](const std::string& collection) -> Result<RecordId> {
      auto id = sync::make_record_id(queue_.now(), hub.entropy());
      if (!id) return id.error();
      SATCHEL_TRY(builder.create(collection, *id));
      return *id;
    };
    Pen pen{builder, create, held, {"ann", "bob", "dan"}, made_, {}, true, queue_.now()};
    if (rotten_) pen.shunned = rotten_->id();
    compose(pen);
    auto finished = builder.finish();
    if (!finished) return finished.error();
    if (finished->records.empty()) return Error{Errc::kCancelled, "nothing to write"};
    body = *finished;
    auto written = txn.write(body, "root", std::string{kPurpose});
    if (!written) return written.error();
    result = *written;
    return {};
  });
  if (!done) {
    log("admin: " + done.error().message());
    if (done.error().code == Errc::kStoreLatched) server().crash();
    return std::nullopt;
  }
  REACHED("admin write");
  if (variants_.contains(name)) fail("the server gave two commits of its own one name");
  ModelCommit commit = model_commit(name, body, shown);
  commit.user = "root";
  commit.by_server = true;
  note_made(body);
  commit.stamp = hub.state().last_stamp.bits;
  variants_[name] = {{Bytes{}, commit, {name, {}}}};
  model_.written(std::move(commit));
  on_answer(name, {}, result);
  if (!failed()) check_touched();
  server().poke_all();
  return name;
}

// Whoever writes by the older schema meanwhile is understood; what he does not know passes through
// him and, after a restore, through the server.
void World::upgrade() {
  if (!server().running() || server().hub().catalog()->hash() == catalog_->hash()) return;
  const Status put =
      server().in_transaction([&](sync::HubTxn& txn) { return txn.put_schema(catalog_); });
  if (!put && put.error().code == Errc::kStoreLatched) return server().crash();
  if (!put && put.error().code == Errc::kSchemaIncompatible)
    return fail("the newer schema does not follow: " + put.error().message());
  if (!put) return log("admin: " + put.error().message());
  log("the newer schema is in force");
  REACHED("schema upgraded");
  server().poke_all();
}

void World::enrol_again(SimDevice& device) {
  if (!server().running()) return;
  log(device.name() + " enrols anew");
  lost_.insert(device.edge().state().replica);
  device.enrol();
  device.greeted_us = queue_.now();
  // A server that cannot write enrols nobody: it is tried again.
  device.gave_up = !register_user(device);
}

void World::back_up_server() {
  if (!server().running() || disaster_ != Disaster::kServer) return;
  Snapshot snapshot{
      server().disk().snapshot(), server().hub().state().seq, {}, model_.scopes().grants()};
  for (const ReplicaId& replica : replicas_) {
    auto state = server().hub().find_replica(replica);
    if (state && *state) snapshot.watermarks[replica] = (*state)->watermark;
  }
  const std::uint64_t seq = snapshot.seq;
  snapshots_.push_back(std::move(snapshot));
  if (gen_.chance(50)) return;  // A copy that nobody counts on.
  if (!server().in_transaction([&](sync::HubTxn& txn) { return txn.set_backed_up_through(seq); }))
    return;
  backed_up_ = seq;
  log("backed up through " + std::to_string(seq));
}

void World::restore_server() {
  std::erase_if(snapshots_, [&](const Snapshot& each) { return each.seq < backed_up_; });
  if (disaster_ != Disaster::kServer || snapshots_.empty()) return;
  const Snapshot snapshot = snapshots_[gen_.below(snapshots_.size())];
  std::erase_if(snapshots_, [&](const Snapshot& each) { return each.seq > snapshot.seq; });
  const bool by_tool = gen_.chance(50);
  log(std::string{"server restored to "} + std::to_string(snapshot.seq) +
      (by_tool ? " by tool" : " as a raw copy"));
  for (const auto& device : devices_) {
    const sync::EdgeState& state = device->edge().state();
    const auto watermark = snapshot.watermarks.find(state.replica);
    const std::uint64_t known = watermark == snapshot.watermarks.end() ? 0 : watermark->second;
    const bool knows_more = state.cursor.seq > snapshot.seq || state.watermark > known;
    if (!knows_more && !device->connected()) continue;  // Word from before may still be on its way.
    device->unsure_until = network_.next_id();
  }
  server().restore(snapshot.version, by_tool);
  const IncarnationId incarnation = server().hub().state().incarnation;
  if (std::exchange(lost_in_, incarnation) != incarnation) lost_writes_.clear();
  auto lost = model_.server_restored(snapshot.seq, snapshot.grants);
  if (!by_tool) lost_writes_.merge(lost);
  for (const auto& device : devices_) SATCHEL_ASSERT(register_user(*device));
  if (by_tool) REACHED("server restored by tool");
}

// Down to a few commits, and at times without waiting for who is behind.
void World::trim_log() {
  if (!server().running()) return;
  const sync::LogRetention retention{gen_.below(12), gen_.chance(50) ? 1'000 : gen_.below(12)};
  auto through = server().hub().trimmable(retention);
  if (!through || *through <= server().hub().state().log_floor) return;
  const Status trimmed = server().in_transaction([&](sync::HubTxn& txn) -> Status {
    auto more = txn.trim_log(*through);
    return more ? Status{} : Status{more.error()};
  });
  if (!trimmed) return;
  log("log trimmed through " + std::to_string(*through));
  REACHED("log trimmed");
}

}  // namespace satchel::sim
