// The cost of an exchange follows what has changed in the device's scopes: of a quiet world nothing
// is told but where it stands, and of one edit that register alone.
#include <algorithm>

#include "sync/page/page.hpp"
#include "tests/sim/world.hpp"

namespace satchel::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
// Of frames that hold nothing but who is there and where he stands.
constexpr std::size_t kQuietFramesMax = 3;  // Challenge, welcome, and that there is nothing.
constexpr std::size_t kQuietBytesMax = 1'500;
// One register of a few replicas with a short text, its record's and collection's names, and the
// user who wrote it.
constexpr std::size_t kEditBytesMax = 600;

// What a page tells: of each record how many registers, or that it goes.
struct Told {
  RecordId id;
  bool evict = false;
  std::vector<sync::Entry> entries;
};
Result<std::vector<Told>> read_pages(const std::vector<Bytes>& pages) {
  std::vector<Told> told;
  for (const Bytes& page : pages) {
    auto reader = sync::PageReader::open(page);
    if (!reader) return reader.error();
    for (;;) {
      sync::PageItem item;
      auto more = reader->next(item);
      if (!more) return more.error();
      if (!*more) break;
      Told one{item.id, item.evict, {}};
      SATCHEL_TRY(reader->decode(item, one.entries));
      told.push_back(std::move(one));
    }
  }
  return told;
}

}  // namespace

// One exchange of this device, from a connection of its own to the end. False where it does not
// come to where there is no more to tell.
bool World::sync_alone(SimDevice& device) {
  device.drop();
  const auto wait = [&](const auto& done) {
    for (int i = 0; i < 600 && !done() && !failed(); ++i)
      queue_.run_until(queue_.now() + kSecond / 10);
    return done() && !failed();
  };
  const bool idle = wait([&] { return !network_.in_flight() && server().idle(); });
  device.traffic.emplace();
  device.connect(false);
  const bool ended = wait([&] { return !device.connected(); });
  return idle && ended && device.traffic->caught_up;
}

bool World::weigh_alone(SimDevice& device) {
  if (!sync_alone(device) && !failed())
    fail("an exchange of " + device.name() + " does not come to its end");
  return !failed();
}

// A field that says nothing of where its record belongs or what may be done with it.
const schema::FieldDef* World::plain_field(const RecordId& id) {
  if (!model_.alive(id)) return nullptr;
  std::vector<const schema::FieldDef*> plain;
  for (const schema::FieldDef& field : model_.collection_of(id)->fields) {
    const bool text = field.type.kind == schema::Kind::kText && !field.reference && !field.scoping;
    const bool free = !field.server_only && !field.frozen_from && field.name != "createdBy";
    if (text && free && rule_in_force(field.rule) == schema::Rule::kLww) plain.push_back(&field);
  }
  return plain.empty() ? nullptr : plain[gen_.below(plain.size())];
}

// By the office where there is no author. Nothing where it could not be made.
std::optional<CommitName> World::edit_one(SimDevice* author, const RecordId& id,
                                          const schema::FieldDef& field) {
  const auto compose = [&](Pen& pen) {
    const std::string& collection = model_.collection_of(id)->name;
    (void)pen.builder.set(collection, id, field.name, Value{"edit " + std::to_string(++tick_)})
        .has_value();
  };
  return author != nullptr ? device_writes(*author, compose) : admin_writes(compose);
}

// To a device after another has written to the register.
void World::check_told(SimDevice& device, const RecordId& id, FieldId field,
                       std::size_t quiet_bytes) {
  const bool his = !device.is_rep() || model_.scopes().entitled_at(id, device.user(), kNow);
  const auto told = read_pages(device.traffic->pages);
  if (!told) return fail("a page cannot be read: " + told.error().message());
  const std::size_t bytes = device.traffic->bytes_in;
  log(device.name() + " was told in " + std::to_string(bytes) + " bytes");
  if (!his) {
    REACHED("edit of what one may not hold weighed");
    if (!told->empty() || bytes > quiet_bytes)
      fail(device.name() + " is told of a change of what it may not hold: " + place(id, field));
    return;
  }
  const bool alone = told->size() == 1 && told->front().id == id && !told->front().evict &&
                     told->front().entries.size() == 1 &&
                     told->front().entries.front().field == field;
  if (!alone)
    return fail(device.name() + " is told of more or less than " + place(id, field) +
                ", which alone has changed");
  if (bytes > quiet_bytes + kEditBytesMax)
    fail(device.name() + " is told of one register in " + std::to_string(bytes) + " bytes");
}

void World::weigh_edit(SimDevice* author, const std::vector<std::size_t>& quiet_bytes) {
  std::vector<RecordId> ids = model_.records();
  if (author != nullptr && author->is_rep()) {
    std::erase_if(ids, [&](const RecordId& id) {
      return !model_.scopes().entitled_at(id, author->user(), kNow);
    });
  }
  if (ids.empty()) return;
  const RecordId id = ids[gen_.below(ids.size())];
  const schema::FieldDef* field = plain_field(id);
  if (field == nullptr) return;
  const auto name = edit_one(author, id, *field);
  if (!name || failed()) return;
  if (author != nullptr) {
    const auto now_ms = static_cast<std::uint64_t>(queue_.now() / 1000);
    if (!weigh_alone(*author)) return;
    // Of a stamp from the future he is told what it was lowered to.
    const bool lowered = model_.commit(*name).stamp >> 16 >= now_ms;
    if (lowered) return;
    bool told = !author->traffic->pages.empty();
    // An exchange ends with the answer: the pages from there on come with the next one.
    if (!weigh_alone(*author)) return;
    told = told || !author->traffic->pages.empty();
    if (told) return fail(author->name() + " is told of what it wrote itself");
    REACHED("edit by a device weighed");
  } else {
    REACHED("edit by the office weighed");
  }
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    SimDevice& device = *devices_[i];
    if (&device == author) continue;
    if (!weigh_alone(device)) return;
    check_told(device, id, field->id, quiet_bytes[i]);
    if (failed()) return;
  }
}

// Who was not told because nothing was his has not heard how far the sequence is; who was there
// when the newer schema came has not asked for it; and one of two copies takes another id. After
// that the next exchange is the quiet one.
void World::weigh() {
  constexpr int kSettlingMax = 6;
  for (const auto& device : devices_) device->drop();
  for (const auto& device : devices_) {
    device->steady = true;
    for (int i = 0; i < kSettlingMax && !failed() && !sync_alone(*device);) ++i;
    if (failed()) return;
  }
  std::vector<std::size_t> quiet_bytes;
  for (const auto& device : devices_) {
    if (!weigh_alone(*device)) return;
    const Traffic& cost = *device->traffic;
    log(device->name() + " was quiet in " + std::to_string(cost.bytes_in) + " bytes");
    if (!cost.pages.empty()) return fail(device->name() + " is told again of what it holds");
    if (cost.pushes > 0) return fail(device->name() + " offers again what was answered");
    if (cost.frames_in > kQuietFramesMax || cost.bytes_in > kQuietBytesMax)
      return fail(device->name() + " takes " + std::to_string(cost.bytes_in) +
                  " bytes to hear that nothing has changed");
    quiet_bytes.push_back(cost.bytes_in);
    REACHED("quiet exchange weighed");
  }
  weigh_edit(nullptr, quiet_bytes);
  if (!failed()) weigh_edit(&any_device(), quiet_bytes);
  for (const auto& device : devices_) {
    device->steady = false;
    device->traffic.reset();
  }
}

}  // namespace satchel::sim
