// What is promised: after every step, and once all is quiet.
#include <algorithm>
#include <utility>

#include "sync/hub/rows.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"
#include "tests/sim/world.hpp"

namespace satchel::sim {
namespace {

constexpr std::string_view kPurpose = sync::kDefaultPurpose;

std::vector<LiveValue> values_of(const sync::Entry& entry) {
  std::vector<LiveValue> values;
  for (const sync::Sibling& sibling : entry.state.siblings) {
    values.push_back(
        {{sibling.dot.replica, sibling.dot.commit}, sibling.stamp.bits, sibling.value});
  }
  std::sort(values.begin(), values.end());
  return values;
}

std::string text_of(const std::vector<LiveValue>& values) {
  std::ostringstream text;
  for (const LiveValue& value : values) {
    text << " " << to_text(value.name.author).substr(0, 6) << ":" << value.name.number << "@"
         << (value.stamp >> 16) << "." << (value.stamp & 0xFFFF) << "="
         << to_hex(value.value).substr(0, 24);
  }
  return text.str().empty() ? " nothing" : text.str();
}

// What one shows and the other does not.
std::string difference(const sync::Record& before, const sync::Record& after) {
  std::string text;
  for (const sync::Record* record : {&before, &after}) {
    const sync::Record& other = record == &before ? after : before;
    for (const sync::Entry& entry : record->entries) {
      const sync::Entry* same = other.find(entry.field, entry.key);
      if (same != nullptr && *same == entry) continue;
      text += (record == &before ? " -" : " +") + std::to_string(entry.field) + "@" +
              std::to_string(entry.seq) + text_of(values_of(entry)) + " knowing " +
              std::to_string(entry.state.context.size());
    }
  }
  return text;
}

// A device keeps the stamp that it made until the server's word comes.
std::vector<LiveValue> without_stamps(std::vector<LiveValue> values) {
  for (LiveValue& value : values) value.stamp = 0;
  return values;
}

}  // namespace

// What the model says of a register, for people.
std::string World::history(const RecordId& id, const RegisterName& where) const {
  RecordView now = model_.view(id, kNow);
  return " [last written at " + std::to_string(model_.last_write(id, where)) + ", now" +
         text_of(now[where]) + "; placed" + model_.scopes().told(id) + "]";
}

std::string World::place(const RecordId& id, FieldId field) const {
  const schema::CollectionDef* collection = model_.collection_of(id);
  const schema::FieldDef* def = collection != nullptr ? collection->find(field) : nullptr;
  return (collection != nullptr ? collection->name : std::string{"?"}) + "/" +
         to_text(id).substr(0, 8) + to_text(id).substr(30) + "." +
         (def != nullptr        ? def->name
          : field == kLifeField ? "life"
                                : std::to_string(field));
}

void World::check_hub_record(const RecordId& id) {
  if (rotten_ && rotten_->id() == id && told_again_ == kNow) return;
  auto found = server().hub().find_record(id);
  if (!found) return fail("the server cannot read a record: " + found.error().message());
  const RecordView expected = model_.view(id, kNow);
  if (!*found) {
    if (!expected.empty()) fail("the server has lost record " + place(id, 0));
    return;
  }
  RecordView actual;
  for (const sync::Entry& entry : (*found)->entries)
    actual[{entry.field, entry.key}] = values_of(entry);
  for (const auto& [where, values] : expected) {
    const auto at = actual.find(where);
    const auto held = at == actual.end() ? std::vector<LiveValue>{} : at->second;
    if (server().hub().catalog()->find(model_.collection_of(id)->id)->find(where.first) ==
            nullptr &&
        where.first != kLifeField)
      REACHED("register unknown to the server kept");
    if (held != values) {
      return fail("the server holds in " + place(id, where.first) + text_of(held) + ", expected" +
                  text_of(values));
    }
  }
  for (const auto& [where, values] : actual) {
    if (!expected.contains(where))
      return fail("the server holds a register that nobody wrote: " + place(id, where.first));
  }
}

void World::check_touched() {
  const std::set<RecordId> touched = std::move(touched_);
  touched_.clear();
  for (const RecordId& id : touched) {
    if (!failed()) check_hub_record(id);
  }
}

void World::check_own_write(SimDevice& device, const sync::CommitBody& body,
                            const CommitName& name) {
  for (const sync::RecordWrite& record : body.records) {
    if (record.writes.empty()) continue;
    auto shown = device.edge().shown(record.id, kPurpose);
    if (!shown || !*shown) return fail(device.name() + " does not see the record that it wrote");
    for (const sync::RegisterWrite& write : record.writes) {
      if (write.op != sync::WriteOp::kState) continue;
      const sync::Entry* entry = (*shown)->find(write.field, write.key);
      const auto values = entry == nullptr ? std::vector<LiveValue>{} : values_of(*entry);
      const bool mine =
          values.size() == 1 && values[0].name == name && values[0].value == write.value;
      if (!mine)
        return fail(device.name() + " does not see its own write to " +
                    place(record.id, write.field) + ":" + text_of(values) + ", wrote " +
                    to_hex(write.value).substr(0, 24));
    }
  }
}

// An acknowledged commit is in the server's store after any crash.
void World::check_acknowledged() {
  if (!server().running()) return;
  for (const auto& device : devices_) {
    const sync::EdgeState& state = device->edge().state();
    if (device->unsure() || state.incarnation != server().hub().state().incarnation) continue;
    auto known = server().hub().find_replica(state.replica);
    if (!known) return fail("the server cannot read a watermark");
    const std::uint64_t watermark = *known ? (*known)->watermark : 0;
    if (watermark < state.watermark)
      return fail("the server has forgotten acknowledged commits of " + device->name());
  }
  for (const RecordId& id : model_.records()) {
    if (!failed()) check_hub_record(id);
  }
}

void World::check_inbox(SimDevice& device) {
  auto items = device.edge().inbox();
  if (!items) return fail(device.name() + " cannot read its inbox");
  std::set<CommitName> held;
  for (const sync::InboxItem& item : *items)
    held.insert({item.commit.header.replica, item.commit.header.number});
  const ReplicaId replica = device.edge().state().replica;
  // What a power cut took back waits in the outbox and is answered again.
  const std::uint64_t answered = device.edge().state().watermark;
  for (const CommitName& name : refused_or_reduced_) {
    if (name.author != replica || name.number > answered || inbox_done_.contains(name) ||
        held.contains(name) || device.was_restored)
      continue;
    return fail(device.name() + " lost the refused commit " + std::to_string(name.number));
  }
}

// Whether the register is sent with a page that has yet to come. As long as nobody has noticed that
// the server is a raw copy, the page before may have left out what a write moved that is lost now.
bool World::moved_past(const RecordId& id, const RegisterName& where, Seq cursor) {
  const bool lost = server().running() && server().hub().state().incarnation == lost_in_ &&
                    lost_writes_.contains({id, where});
  return lost || model_.last_write(id, where) > cursor;
}

void World::check_device_record(SimDevice& device, const sync::Record& record,
                                std::uint64_t cursor) {
  std::set<RegisterName> held;
  // Once it has left his scopes, nothing more of it is sent but that it left; and where it has come
  // back since, it comes whole with that.
  const bool left = device.is_rep() && !model_.scopes().stays(record.id, device.user(), cursor);
  for (const sync::Entry& entry : record.entries) {
    held.insert({entry.field, entry.key});
    if (entry.field != kLifeField &&
        device.edge().catalog().find(record.collection)->find(entry.field) == nullptr)
      REACHED("register unknown to the device kept");
    // An answer that came after he had lost it tells nothing of it but his own write.
    if (left && entry.seq > cursor) continue;
    // Base is the server's word as of the cursor, or, where an answer came ahead of it, of the
    // register's own seq. A
    // server that keeps no past cannot send what a register was before its last write: until the
    // page with that write
    // comes, the device may hold an older word, or none.
    const bool moved_on = left || moved_past(record.id, {entry.field, entry.key}, cursor);
    const RecordView expected =
        model_.view(record.id, moved_on ? entry.seq : std::max(cursor, entry.seq));
    const auto at = expected.find({entry.field, entry.key});
    const auto values =
        at == expected.end() ? std::vector<LiveValue>{} : without_stamps(at->second);
    const auto shown = without_stamps(values_of(entry));
    if (shown != values) {
      return fail(device.name() + " at " + std::to_string(cursor) + " holds in " +
                  place(record.id, entry.field) + " (seq " + std::to_string(entry.seq) + ")" +
                  text_of(shown) + ", expected" + text_of(values) +
                  history(record.id, {entry.field, entry.key}));
    }
  }
  for (const auto& [where, values] : model_.view(record.id, cursor)) {
    if (!device.edge().state().bootstrapped || left || held.contains(where)) continue;
    if (moved_past(record.id, where, cursor)) continue;
    std::string held_text;
    for (const sync::Entry& entry : record.entries) {
      held_text += " " + std::to_string(entry.field) + "@" + std::to_string(entry.seq) +
                   (entry.withheld ? "w" : "") + text_of(values_of(entry));
    }
    return fail(device.name() + " at " + std::to_string(cursor) + " lacks " +
                place(record.id, where.first) + history(record.id, where) + ", holds" + held_text);
  }
  const bool his = !device.is_rep() ||
                   model_.scopes().entitled(record.id, device.user(), cursor, kNow) ||
                   model_.scopes().goes_later(record.id, device.user(), cursor);
  if (!his) {
    fail(device.name() + " at " + std::to_string(cursor) + " holds a record outside its scopes: " +
         place(record.id, 0) + history(record.id, {kLifeField, Bytes{}}));
  }
}

World::Look World::look_at(SimDevice& device) {
  sync::Edge& edge = device.edge();
  Look look;
  look.incarnation = edge.state().incarnation;
  if (edge.state().incarnation.is_zero()) return look;
  const std::vector<RecordId> pending = edge.pending_ids();
  look.pending = {pending.begin(), pending.end()};
  auto txn = edge.store().begin_read();
  if (!txn) return look;
  const Status visited = device.visit([&](const sync::Record& record) {
    auto numbers = (*txn)->find_numbers(std::span{&record.id, 1});
    if (numbers && numbers->front() != 0)
      look.records.emplace(record.id, std::pair{numbers->front(), record});
    return true;
  });
  if (!visited) look.records.clear();
  return look;
}

// Whether something of an earlier reading stands when the message has been taken in.
bool World::may_stand(SimDevice& device, const Bytes& message) {
  if (device.edge().state().stale_through != 0) return true;
  const auto frame = wire::decode_frame(message);
  if (!frame || std::holds_alternative<wire::Welcome>(*frame)) return true;
  const auto* changes = std::get_if<wire::Changes>(&*frame);
  return changes != nullptr && changes->restart;
}

// A device never looks empty: until a new reading has told of a record, it is shown as it was.
void World::check_standing(SimDevice& device) {
  const sync::EdgeState& state = device.edge().state();
  if (state.stale_through == 0) return;
  const Look before = std::move(before_);
  const Look now = look_at(device);
  const bool greeted = before.incarnation != now.incarnation;
  for (const auto& [id, held] : before.records) {
    const auto at = now.records.find(id);
    const bool own = before.pending.contains(id);  // Its answer may say that it left our scopes.
    if (at == now.records.end() && own && !greeted) continue;
    if (device.rotten && device.rotten->id() == id) continue;
    if (at == now.records.end())
      return fail(device.name() + " dropped " + place(id, 0) + " before it was told anew");
    const auto& [number, shown] = at->second;
    if (number > state.stale_through) continue;  // Told anew.
    if ((greeted || !own) && shown != held.second) {
      return fail(device.name() + " shows " + place(id, 0) + " of an earlier reading otherwise" +
                  (greeted ? " since the welcome: " : ": ") + difference(held.second, shown));
    }
  }
}

// A device keeps what it knew to be dead; nothing else of it is anywhere.
void World::check_dropped(SimDevice& device, const sync::Record& record) {
  const schema::CollectionDef* collection = catalog_->find(record.collection);
  if (collection == nullptr || sync::read_life(record, collection->life).alive)
    fail(device.name() + " shows a record as living that the server let go of");
}

// What a device holds is what the server held at its cursor, and nothing that it may not hold.
void World::check_device(SimDevice& device) {
  sync::Edge& edge = device.edge();
  const sync::EdgeState& state = edge.state();
  if (state.incarnation != server().hub().state().incarnation ||
      state.cursor.incarnation != state.incarnation)
    return;
  const std::vector<RecordId> pending = edge.pending_ids();
  std::set<RecordId> mine(pending.begin(), pending.end());
  if (state.stale_through != 0) {
    for (const auto& [id, each] : look_at(device).records)
      if (each.first <= state.stale_through) mine.insert(id);  // See check_standing.
  }
  for (const RecordId& id : model_.records())
    if (!is_told(device, id)) mine.insert(id);
  std::set<RecordId> held;
  const Status visited = device.visit([&](const sync::Record& record) {
    const bool gone = model_.is_dropped(record.id) && !mine.contains(record.id) &&
                      model_.ended_at(record.id) <= state.cursor.seq;
    if (gone) check_dropped(device, record);
    if (model_.is_dropped(record.id)) return !failed();
    held.insert(record.id);
    if (!mine.contains(record.id)) check_device_record(device, record, state.cursor.seq);
    return !failed();
  });
  if (!visited) return fail(device.name() + " cannot read: " + visited.error().message());
  for (const RecordId& id : std::exchange(held_[state.replica], held)) {
    if (!state.bootstrapped || held.contains(id)) continue;
    REACHED("record evicted");
    gone_[state.replica].insert(id);
  }
  for (const RecordId& id : held) {
    if (gone_[state.replica].contains(id)) REACHED("record came back");
  }
  if (!state.bootstrapped || failed()) return;
  for (const RecordId& id : model_.records()) {
    if (held.contains(id) || !is_told(device, id)) continue;
    bool always = false;
    for (const auto& [where, values] : model_.view(id, state.cursor.seq)) {
      always = always || !moved_past(id, where, state.cursor.seq);
    }
    if (device.is_rep())
      always = always && model_.scopes().stays(id, device.user(), state.cursor.seq);
    if (always)
      return fail(device.name() + " at " + std::to_string(state.cursor.seq) + " lacks record " +
                  place(id, 0) + history(id, model_.view(id, kNow).begin()->first));
  }
}

// -- Once all is quiet --

bool World::quiet() {
  if (network_.in_flight() || !server().running() || !server().idle()) return false;
  return std::all_of(devices_.begin(), devices_.end(), [](const auto& device) {
    return device->live() && device->quiet() && device->edge().pending_count() == 0;
  });
}

void World::check_readings(const sync::Record& record) {
  const schema::CollectionDef& collection = *model_.collection_of(record.id);
  for (const schema::FieldDef& field : collection.fields) {
    const sync::FieldReading reading = sync::read_field(field, record.of_field(field.id));
    FieldView actual{reading.present, reading.contested, reading.value, {}};
    for (const sync::ShownItem& item : reading.items) actual.items[item.key] = item.value;
    const FieldView expected = model_.field_view(record.id, field);
    if (reading.reopened) REACHED("stage reopened");
    if (actual.contested) REACHED("stage contested");
    if (actual != expected) {
      return fail(place(record.id, field.id) + " shows " + to_hex(actual.value) + " and " +
                  std::to_string(actual.items.size()) + " items, expected " +
                  to_hex(expected.value) + " and " + std::to_string(expected.items.size()));
    }
  }
  const sync::LifeReading life = sync::read_life(record, collection.life);
  if (life.edited_after_death && life.alive) REACHED("delete against edit");
  if (!life.alive) REACHED("deleted for good");
  if (life.alive != model_.alive(record.id)) {
    fail(place(record.id, kLifeField) +
         (life.alive ? " lives, and should not" : " is dead, and should live"));
  }
}

// Byte-equal in canonical form: values, stamps and contexts.
void World::check_equal(const std::string& who, const sync::Record& held,
                        const sync::Record& truth) {
  for (const sync::Entry& entry : truth.entries) {
    const sync::Entry* mine = held.find(entry.field, entry.key);
    if (mine != nullptr && *mine == entry) continue;
    std::ostringstream text;
    text << who << " and the server differ in " << place(truth.id, entry.field);
    if (mine != nullptr)
      text << " (seq " << mine->seq << ")" << text_of(values_of(*mine)) << " knowing "
           << mine->state.context.size();
    text << "; the server: (seq " << entry.seq << ")" << text_of(values_of(entry)) << " knowing "
         << entry.state.context.size();
    return fail(text.str() + history(truth.id, {entry.field, entry.key}));
  }
  if (held.entries.size() != truth.entries.size())
    fail(who + " holds registers that the server does not: " + place(truth.id, 0));
}

void World::check_end() {
  check_acknowledged();
  std::map<RecordId, sync::Record> truth;
  const Status visited = read_server([&](const sync::Record& record) {
    truth.emplace(record.id, record);
    if (model_.collection_of(record.id) == nullptr)
      fail("the server holds a record that nobody made");
    if (!failed()) check_readings(record);
  });
  if (!visited) return fail("the server cannot read: " + visited.error().message());
  const std::size_t unread = rotten_ && told_again_ == kNow ? 1 : 0;
  if (truth.size() + unread != model_.records().size())
    return fail("the server does not hold every record");
  for (const auto& device : devices_) {
    if (failed()) return;
    device->unsure_until = 0;
    check_device(*device);
    check_inbox(*device);
    std::size_t entitled = 0;
    for (const auto& [id, record] : truth) {
      const bool his = !device->is_rep() || model_.scopes().entitled_at(id, device->user(), kNow);
      entitled += his && is_told(*device, id) ? 1 : 0;
    }
    std::size_t held = 0;
    const Status read = device->visit([&](const sync::Record& record) {
      // See check_dropped.
      if (model_.is_dropped(record.id) || !is_told(*device, record.id)) return true;
      ++held;
      const auto at = truth.find(record.id);
      if (at == truth.end())
        fail(device->name() + " holds a record that the server does not: " + place(record.id, 0));
      if (!failed()) check_equal(device->name(), record, at->second);
      return !failed();
    });
    if (!read) return fail(device->name() + " cannot read: " + read.error().message());
    if (!failed() && held != entitled)
      return fail(device->name() + " does not hold just what it is entitled to");
  }
  for (const auto& device : devices_) {
    for (const sync::Numbering& each : device->edge().numberings()) {
      for (std::uint64_t number = 1; number < each.next_commit && !failed(); ++number) {
        const CommitName name{each.replica, number};
        const bool settled = model_.is_taken(name) || model_.is_refused(name);
        if (!settled)
          fail("commit " + std::to_string(number) + " of " + device->name() + " was never settled");
      }
    }
  }
}

}  // namespace satchel::sim
