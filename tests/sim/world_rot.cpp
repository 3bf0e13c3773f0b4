// A record rots on a disk, of the server or of a device: it delays only itself, is named, and is
// whole again once it was put right.
#include <algorithm>

#include "tests/sim/world.hpp"

namespace satchel::sim {
namespace {

constexpr std::string_view kPurpose = sync::kDefaultPurpose;
constexpr int kActs = 25;

}  // namespace

// As text: what hangs on a record that cannot be read cannot be placed, and waits with it.
std::set<std::string> World::named_by_others() const {
  std::set<std::string> named;
  for (const RecordId& id : model_.records()) {
    for (const schema::FieldDef& field : model_.collection_of(id)->fields) {
      if (!field.reference) continue;
      for (std::string& text : model_.texts_of(id, field)) named.insert(std::move(text));
    }
  }
  return named;
}

void World::rot_somewhere() {
  const bool nameless = gen_.chance(40);
  if (gen_.chance(60)) {
    const auto named = named_by_others();
    auto ids = model_.records();
    std::erase_if(ids, [&](const RecordId& id) { return named.contains(to_text(id)); });
    if (ids.empty()) return;
    auto rot = Rot::begin(server().hub().store(), ids[gen_.below(ids.size())], nameless);
    if (!rot) return fail("the server's store cannot be written: " + rot.error().message());
    rotten_ = std::move(*rot);
    told_again_ = kNow;
    rotten_since_ = server().hub().state().seq;
    if (rotten_) log("the server cannot read " + place(rotten_->id(), 0));
    if (rotten_ && !nameless) REACHED("record damaged at the server");
    if (rotten_ && nameless) REACHED("record without its name damaged at the server");
  }
  if (gen_.chance(60)) {
    SimDevice& device = any_device();
    std::vector<RecordId> ids;
    const Status read = device.visit([&](const sync::Record& record) {
      ids.push_back(record.id);
      return true;
    });
    if (!read || ids.empty()) return;
    std::ranges::sort(ids);
    auto rot = Rot::begin(device.edge().store(), ids[gen_.below(ids.size())], nameless);
    if (!rot) return fail(device.name() + " cannot write its store: " + rot.error().message());
    device.rotten = std::move(*rot);
    if (!device.rotten) return;
    log(device.name() + " cannot read " + place(device.rotten->id(), 0));
    REACHED("record damaged on a device");
  }
}

bool World::names_rotten(const ModelCommit& commit) const {
  if (!rotten_ || told_again_ != kNow) return false;
  const Bytes name = encode_value(Value{to_text(rotten_->id())});
  return std::ranges::any_of(commit.records, [&](const ModelRecord& record) {
    return record.id == rotten_->id() ||
           std::ranges::count(record.writes, name, &ModelWrite::value) > 0;
  });
}

bool World::is_told(const SimDevice& device, const RecordId& id) const {
  if (device.rotten && device.rotten->id() == id) return false;
  if (!rotten_ || rotten_->id() != id) return true;
  const sync::EdgeState& state = device.edge().state();
  return told_again_ != kNow && state.bootstrapped && state.cursor.seq >= told_again_;
}

void World::act_beside_rot() {
  SimDevice& device = any_device();
  if (device.gave_up) return enrol_again(device);
  const std::size_t choice = gen_.below(100);
  if (choice < 40) return device_writes(device);
  if (choice < 58) return device.connected() ? device.cut() : device.connect(gen_.chance(60));
  if (choice < 72) return device.connect(true);
  if (choice < 78 && !rotten_) return device_tends_inbox(device);
  if (choice < 86) return admin_writes();
  if (choice < 90) return device.crash();
  if (choice < 93) return crash_server();
  if (choice < 96) return trim_log();
  device.gave_up = true;
}

// Whoever may hold it and was not told of it was not told because it is known to be damaged.
void World::check_named() {
  for (const auto& device : devices_) {
    if (!device->rotten) continue;
    const RecordId& id = device->rotten->id();
    const auto shown = device->edge().shown(id, kPurpose);
    if (shown && *shown) REACHED("damaged record pulled again");
    if (!shown && shown.error().context.find(to_text(id)) == std::string::npos)
      return fail(device->name() +
                  " does not name what it cannot read: " + shown.error().message());
  }
  if (!rotten_) return;
  const auto damaged = server().hub().damaged();
  for (const sync::DamagedRecord& each : damaged) {
    const bool known = each.id == rotten_->id() || rotten_->nameless();
    if (each.number != rotten_->number() || !known)
      return fail("the server names another record than the damaged one");
  }
  for (const auto& device : devices_) {
    const auto shown = device->edge().shown(rotten_->id(), kPurpose);
    const bool his =
        !device->is_rep() || model_.scopes().entitled_at(rotten_->id(), device->user(), kNow);
    if (!his || !shown || *shown) continue;
    REACHED("damaged record passed over");
    if (damaged.empty())
      return fail("a damaged record was passed over and is not named: " + device->name() + " at " +
                  std::to_string(device->edge().state().cursor.seq) +
                  history(rotten_->id(), {kLifeField, Bytes{}}));
  }
  const auto read = server().hub().find_record(rotten_->id());
  if (read || read.error().context.find(to_text(rotten_->id())) == std::string::npos)
    fail("the server does not name the record that it cannot read");
}

// What came back because of the damage alone is written again, and taken.
void World::retry_refused() {
  for (const auto& device : devices_) {
    const auto items = device->edge().inbox();
    if (!items) return fail(device->name() + " cannot read its inbox");
    for (const sync::InboxItem& item : *items) {
      if (item.result.rule == sync::kDamagedRule) device_retries(*device, item);
    }
  }
}

void World::repair_rot() {
  for (const auto& device : devices_) {
    if (!device->rotten) continue;
    device->drop();
    const auto healed = device->edge().heal();
    if (!healed) return fail(device->name() + " cannot heal: " + healed.error().message());
    if (!healed->lost.empty()) return fail(device->name() + " lost commits to a damaged record");
    if (!healed->records.empty()) REACHED("damaged record healed");
    device->rotten.reset();
  }
  if (!rotten_) return;
  const bool noted = !server().hub().damaged().empty();
  const std::uint64_t before = server().hub().state().seq;
  const Status repaired = rotten_->repair(server().hub().store());
  if (!repaired) return fail("the server's store cannot be written: " + repaired.error().message());
  server().crash();
  server().start();
  log("repaired");
  told_again_ = noted ? before + 1 : 0;
  if (!server().hub().damaged().empty()) return fail("what was repaired is still called damaged");
  if (server().hub().state().seq != before + (noted ? 1 : 0))
    return fail("a repaired record was not told of once");
  if (noted) model_.told_anew(rotten_->id(), told_again_);
  if (noted) REACHED("damaged record told again");
  retry_refused();
}

// The world goes on as it did, with the power and the lines failing; whatever it does, all but the
// rotten record must come everywhere.
void World::live_beside_rot() {
  if (!gen_.chance(50)) return;
  rot_somewhere();
  const bool any =
      std::ranges::any_of(devices_, [](const auto& each) { return each->rotten.has_value(); });
  if (!rotten_ && !any) return;
  for (int i = 0; i < kActs && !failed(); ++i) {
    pass_time();
    if (!failed()) act_beside_rot();
  }
  if (!failed()) heal();
  if (!failed()) check_end();
  if (!failed()) check_named();
  if (!failed()) repair_rot();
  if (!failed()) heal();
  if (!failed()) check_end();
}

}  // namespace satchel::sim
