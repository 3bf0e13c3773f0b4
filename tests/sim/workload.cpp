#include "tests/sim/workload.hpp"

#include <algorithm>
#include <set>

#include "sync/merge/life.hpp"
#include "tests/sim/catalog.hpp"

namespace satchel::sim {
namespace {

using schema::Kind;
using schema::Rule;

constexpr std::string_view kCollections[] = {"accounts", "contacts", "opportunities", "orders",
                                             "visits",   "leads",    "cases",         "vanStock",
                                             "targets",  "trials"};
// Such as hang together: where the first moves, the others move with it.
constexpr std::string_view kHanging[] = {"firms", "people", "lines", "calls"};
constexpr std::size_t kHotCollections = 3;
constexpr std::size_t kHotFields = 7;
constexpr std::size_t kRecordsPerCollection = 4;

}  // namespace

Workload::Workload(Gen& gen, Marks& marks, const schema::Catalog& catalog)
    : gen_(gen), marks_(marks) {
  const bool hanging = gen_.chance(40);
  std::vector<std::string_view> names(std::begin(kCollections), std::end(kCollections));
  if (hanging) names.assign(std::begin(kHanging) + 2, std::end(kHanging));
  for (const std::string_view name : {kHanging[0], kHanging[1]}) {
    if (hanging) make_hot(*catalog.find(name));
  }
  // One in which stages freeze and keep is seldom there by chance alone.
  const bool staged = !hanging && gen_.chance(40);
  while (hot_.size() < kHotCollections) {
    const std::size_t at = staged && hot_.empty() ? names.size() - 1 : gen_.below(names.size());
    const schema::CollectionDef* collection = catalog.find(names[at]);
    SATCHEL_ASSERT(collection != nullptr);
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(at));
    make_hot(*collection);
  }
}

void Workload::make_hot(const schema::CollectionDef& collection) {
  Hot hot{&collection, {}, {}};
  while (hot.fields.size() < kHotFields) {
    const schema::FieldDef& field = collection.fields[gen_.below(collection.fields.size())];
    // Who made a record is no subject of its story here: it says whose a record without a place is.
    if (field.name != "createdBy") hot.fields.push_back(&field);
  }
  // What takes a record back: seldom both by chance.
  const bool reopening = gen_.chance(50);
  for (const schema::FieldDef& field : collection.fields) {
    if (reopening && (field.reopening || field.reopens)) hot.fields.push_back(&field);
    if (!reopening && field.retained_from) hot.fields.push_back(&field);
  }
  for (const std::string_view name : kNewerFields) {
    if (const auto* newer = collection.find(name)) hot.fields.push_back(newer);
  }
  if (const auto* owner = collection.find("owner")) hot.fields.push_back(owner);
  for (const schema::FieldDef& field : collection.fields) {
    if (!field.scoping || field.name == "createdBy") continue;
    hot.fields.push_back(&field);
    if (field.name != "owner") hot.places.push_back(&field);
  }
  hot_.push_back(std::move(hot));
}

std::string Workload::word() {
  static constexpr const char* kWords[] = {"red", "green", "blue", "Ünïcode 🙂"};
  return kWords[gen_.below(4)];
}

Value Workload::value_of(const schema::Type& type, int depth) {
  switch (type.kind) {
    case Kind::kBool: return Value{gen_.chance(50)};
    case Kind::kInteger:
      if (type.time && gen_.chance(70))
        return Value{now_us_ + static_cast<std::int64_t>(gen_.below(5) * 43'200'000'000) -
                     86'400'000'000};
      return Value{std::clamp<std::int64_t>(static_cast<std::int64_t>(gen_.below(9)) - 3, type.min,
                                            type.max)};
    case Kind::kFloat: return Value{static_cast<double>(gen_.below(9)) / 2};
    case Kind::kText: return Value{word()};
    case Kind::kData: return Value{Data{word()}};
    case Kind::kStruct:
    case Kind::kAttachment: {
      StructMembers members;
      for (const schema::StructMember& member : type.structure->members) {
        if (depth < 3 && gen_.chance(70))
          members.emplace_back(member.ordinal, value_of(member.type, depth + 1));
      }
      return Value{std::move(members)};
    }
    case Kind::kList: {
      ListElements elements;
      for (std::size_t i = gen_.below(3); i > 0 && depth < 3; --i)
        elements.push_back(value_of(*type.element, depth + 1));
      return Value{std::move(elements)};
    }
    case Kind::kMap: break;
  }
  return Value{};
}

Value Workload::stage_of(const schema::FieldDef& field) {
  std::size_t at = gen_.below(field.stages->stages.size());
  // Seldom there by chance alone, and only from there can anything be reopened.
  if (field.reopening && gen_.chance(30)) at = field.reopening->gate.reached.front();
  const std::string stage = field.stages->stages[at];
  if (field.value_type().kind != Kind::kStruct) return Value{stage};
  return Value{StructMembers{{std::uint16_t{0}, Value{stage}}, {std::uint16_t{2}, Value{word()}}}};
}

Status Workload::write_field(Pen& pen, const Hot& hot, const RecordId& id,
                             const schema::FieldDef& field) {
  sync::CommitBuilder& builder = pen.builder;
  const std::string& collection = hot.collection->name;
  const schema::Type& type = field.value_type();
  if (field.name == "owner") {
    if (pen.is_server) REACHED("record changed hands");
    return builder.set(collection, id, field.name, Value{pen.users[gen_.below(pen.users.size())]});
  }
  if (std::ranges::count(hot.places, &field) > 0) return write_place(pen, hot, id, field);
  if (field.reference && field.reference->acyclic && !pen.held.empty() && gen_.chance(80)) {
    return builder.set(collection, id, field.name,
                       Value{to_text(pen.held[gen_.below(pen.held.size())].second)});
  }
  switch (rule_in_force(field.rule)) {
    case Rule::kStage: return builder.set(collection, id, field.name, stage_of(field));
    case Rule::kSet:
    case Rule::kAccessSet: {
      const Value element = value_of(type);
      return gen_.chance(60) ? builder.set_add(collection, id, field.name, element)
                             : builder.set_remove(collection, id, field.name, element);
    }
    case Rule::kMap:
      return builder.set_entry(collection, id, field.name, Value{word()},
                               gen_.chance(75) ? value_of(type) : Value{});
    case Rule::kCounter:
      return builder.add(collection, id, field.name, static_cast<std::int64_t>(gen_.below(9)) - 3);
    case Rule::kLog: return builder.log_append(collection, id, field.name, value_of(type));
    case Rule::kMax:
    case Rule::kMin: return builder.set(collection, id, field.name, value_of(type));
    default: break;
  }
  if (gen_.chance(15)) return builder.resolve(collection, id, field.name, value_of(type));
  return builder.set(collection, id, field.name, gen_.chance(88) ? value_of(type) : Value{});
}

// Where the record belongs: a territory, people, or the record that it hangs on.
Status Workload::write_place(Pen& pen, const Hot& hot, const RecordId& id,
                             const schema::FieldDef& field) {
  sync::CommitBuilder& builder = pen.builder;
  const std::string& collection = hot.collection->name;
  if (schema::is_map_rule(rule_in_force(field.rule))) {
    const Value user{pen.users[gen_.below(pen.users.size())]};
    return gen_.chance(50) ? builder.set_add(collection, id, field.name, user)
                           : builder.set_remove(collection, id, field.name, user);
  }
  if (!field.reference) {
    const Value territory = gen_.chance(92) ? Value{kTerritories[gen_.below(3)]} : Value{};
    return builder.set(collection, id, field.name, territory);
  }
  std::vector<RecordId> parents;
  const bool told = gen_.chance(20);
  for (const auto& [of, parent] : told ? pen.heard_of : pen.held) {
    if (of == field.reference->to && parent != id && parent != pen.shunned)
      parents.push_back(parent);
  }
  if (parents.empty()) return {};
  return builder.set(collection, id, field.name,
                     Value{to_text(parents[gen_.below(parents.size())])});
}

void Workload::create(Pen& pen, const Hot& hot) {
  const auto id = pen.create(hot.collection->name);
  if (!id) return;
  for (const schema::FieldDef* field : hot.places) {
    if (gen_.chance(75)) (void)write_place(pen, hot, *id, *field).has_value();
  }
  for (std::size_t i = gen_.below(4); i > 0; --i) {
    (void)write_field(pen, hot, *id, *hot.fields[gen_.below(hot.fields.size())]).has_value();
  }
}

// Who moves a record on and who adds what takes it back are two who have not heard of each other:
// seldom by chance alone.
const schema::FieldDef& Workload::field_to_edit(const Pen& pen, const Hot& hot) {
  if (!hot.places.empty() && gen_.chance(pen.is_server ? 50 : 12))
    return *hot.places[gen_.below(hot.places.size())];
  const schema::FieldDef& any = *hot.fields[gen_.below(hot.fields.size())];
  if (!gen_.chance(15)) return any;
  const auto pair = [](const auto* field) { return field->reopening || field->reopens; };
  const auto first = std::ranges::find_if(hot.fields, pair);
  if (first == hot.fields.end() || gen_.chance(50)) {
    const auto last = std::find_if(hot.fields.rbegin(), hot.fields.rend(), pair);
    return last == hot.fields.rend() ? any : **last;
  }
  return **first;
}

void Workload::edit(Pen& pen, const Hot& hot, const RecordId& id) {
  for (std::size_t i = 1 + gen_.below(3); i > 0; --i) {
    (void)write_field(pen, hot, id, field_to_edit(pen, hot)).has_value();
  }
}

void Workload::end_or_restore(Pen& pen, const Hot& hot, const RecordId& id) {
  const Status ended = pen.builder.erase(hot.collection->name, id);
  if (ended || ended.error().code != Errc::kRecordDeleted) return;
  if (gen_.chance(60) && pen.builder.restore(hot.collection->name, id)) REACHED("record restored");
}

void Workload::compose(Pen& pen) {
  now_us_ = pen.now_us;
  std::set<RecordId> ended;
  for (std::size_t i = 1 + gen_.below(3); i > 0; --i) {
    const Hot& hot = hot_[gen_.below(hot_.size())];
    std::vector<RecordId> mine;
    for (const auto& [collection, id] : pen.held) {
      if (collection == hot.collection->id && !ended.contains(id)) mine.push_back(id);
    }
    if (mine.size() < kRecordsPerCollection && gen_.chance(mine.empty() ? 100 : 15)) {
      create(pen, hot);
      continue;
    }
    if (mine.empty()) continue;
    const RecordId id = mine[gen_.below(mine.size())];
    if (gen_.chance(88)) {
      edit(pen, hot, id);
      continue;
    }
    // A record's end stands alone in its commit: what is written beside it would be noticed by it.
    const auto& written = pen.builder.peek().records;
    const bool touched =
        std::any_of(written.begin(), written.end(), [&](const auto& w) { return w.id == id; });
    if (touched) continue;
    end_or_restore(pen, hot, id);
    ended.insert(id);
  }
}

}  // namespace satchel::sim
