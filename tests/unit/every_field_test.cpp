// Every collection and every field of the standard schema: a value of the field's type is put,
// synced, edited on two replicas at once (and by the server where a field is its own), synced, and
// read. What must be shown is written down here per merge rule, from the rules' own words; nothing
// of the merge code is asked for it.
#include <algorithm>
#include <map>
#include <set>

#include "sync/merge/shown_json.hpp"
#include "sync/record/canonical.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using schema::Kind;
using schema::Rule;
using schema::Type;

// The `n`th value of a type, in canonical JSON. Values of one type sort as their numbers do.
std::string value_of(const Type& type, int n) {
  switch (type.kind) {
    case Kind::kBool: return n % 2 == 1 ? "true" : "false";
    case Kind::kInteger: return std::to_string(100 + n);
    case Kind::kFloat: return std::to_string(n) + ".5";
    case Kind::kText: return "\"text " + std::to_string(n) + "\"";
    case Kind::kData: return "\"AAA" + std::string(1, static_cast<char>('A' + n)) + "\"";
    case Kind::kList: return "[" + value_of(*type.element, n) + "]";
    case Kind::kMap: return "{\"k\":" + value_of(*type.element, n) + "}";
    case Kind::kStruct:
    case Kind::kAttachment: break;
  }
  std::map<std::string, std::string> members;
  for (const schema::StructMember& member : type.structure->members)
    members[member.name] = value_of(member.type, n);
  std::string json;
  for (const auto& [name, value] : members)
    json += (json.empty() ? "{\"" : ",\"") + name + "\":" + value;
  return json + "}";
}
std::string list(std::initializer_list<std::string> values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "[" : ",") + value;
  return out + "]";
}

// What the two replicas write into a stage field at once, the second one later, and what stands.
// One line per stage table's most telling pair; a stage field without a line fails.
struct StagePair {
  std::string start;
  std::string first;
  std::string second;
  std::string shown;
  bool flagged = false;
};
const std::map<std::string, StagePair> kStages{
    {"accounts.status", {"prospect", "dormant", "active", "dormant"}},
    {"contactPoints.state", {"unknown", "invalid", "bounced", "invalid"}},
    {"leads.status", {"new", "qualified", "disqualified", "disqualified", true}},
    {"opportunities.pipeline", {"prospecting", "won", "proposal", "won"}},
    {"orders.status", {"draft", "cancelled", "submitted", "cancelled"}},
    {"visits.status", {"planned", "completed", "cancelled", "completed"}},
    {"tasks.status", {"open", "done", "cancelled", "done"}},
    {"cases.status", {"new", "resolved", "pending", "resolved"}},
    {"campaignMembers.status", {"sent", "unsubscribed", "responded", "unsubscribed"}},
    {"duplicateLinks.verdict", {"suspected", "confirmed", "rejected", "rejected", true}},
};
std::string stage_json(const FieldDef& field, const std::string& stage) {
  if (field.type.kind == Kind::kText) return "\"" + stage + "\"";
  return "{\"" + field.type.structure->members[0].name + "\":\"" + stage + "\"}";
}

// One field of one record, and what is to become of it.
struct Case {
  const CollectionDef* collection = nullptr;
  const FieldDef* field = nullptr;
  RecordId id;
  std::string shown;
  bool flagged = false;
  std::string refused_rule;  // Of the second replica's write, where the server takes it out.

  [[nodiscard]] std::string name() const { return collection->name + "." + field->name; }
  [[nodiscard]] Value value(const std::string& json) const {
    auto value = schema::value_from_json(field->value_type(), json);
    EXPECT_TRUE(value) << name() << " " << json << ": " << value.error().message();
    return value ? *value : Value{};
  }
  [[nodiscard]] std::string nth(int n) const { return value_of(field->value_type(), n); }
};

// ---- What each rule comes to --------------------------------------------------------------------
//
//   rule          first writes       second writes, later      shown
//   lww           1                  2                         2
//   multi, text   1                  2                         2, flagged
//   once          1                  2                         1; the second is told
//   stage         see kStages
//   deny          true               false                     true
//   server        refused            refused                   what the server wrote
//   set           takes 0, adds 2    adds 0 again, adds 3      0 1 2 3
//   accessSet     takes 0, adds 2    adds 0 again, adds 3      1 2 3
//   log           1                  2                         0 1 2
//   map           k: 1, a: 1         k: 2, b: 2                by the values' rule; a and b
//   counter       +3                 -5                        10 + 3 - 5
//   max           9                  5                         9, of 1
//   min           5                  9                         5, of 20

using Builder = sync::CommitBuilder;
enum class Writer { kFirst, kSecond };

Status set(Builder& builder, const Case& c, const std::string& json) {
  return builder.set(c.collection->name, c.id, c.field->name, c.value(json));
}
Status edit_set(Builder& builder, const Case& c, Writer writer) {
  const std::string& in = c.collection->name;
  const std::string& name = c.field->name;
  if (writer == Writer::kFirst) {
    SATCHEL_TRY(builder.set_remove(in, c.id, name, c.value(c.nth(0))));
    return builder.set_add(in, c.id, name, c.value(c.nth(2)));
  }
  SATCHEL_TRY(builder.set_add(in, c.id, name, c.value(c.nth(0))));
  return builder.set_add(in, c.id, name, c.value(c.nth(3)));
}
Status edit_map(Builder& builder, const Case& c, Writer writer) {
  const bool first = writer == Writer::kFirst;
  // Of values that are the extreme the first one writes the greater.
  const bool extreme = c.field->values == Rule::kMax;
  const int n = extreme ? (first ? 2 : 1) : (first ? 1 : 2);
  for (const char* key : {"k", first ? "a" : "b"}) {
    SATCHEL_TRY(
        builder.set_entry(c.collection->name, c.id, c.field->name, Value{key}, c.value(c.nth(n))));
  }
  return {};
}

// The value that a record begins with.
Status begin(Builder& builder, const Case& c) {
  const std::string& in = c.collection->name;
  const std::string& name = c.field->name;
  switch (schema::rule_in_force(c.field->rule)) {
    case Rule::kOnce: return {};
    case Rule::kStage: return set(builder, c, stage_json(*c.field, kStages.at(c.name()).start));
    case Rule::kDeny: return set(builder, c, "false");
    case Rule::kSet:
    case Rule::kAccessSet:
      SATCHEL_TRY(builder.set_add(in, c.id, name, c.value(c.nth(0))));
      return builder.set_add(in, c.id, name, c.value(c.nth(1)));
    case Rule::kLog: return builder.log_append(in, c.id, name, c.value(c.nth(0)));
    case Rule::kMap: return builder.set_entry(in, c.id, name, Value{"k"}, c.value(c.nth(0)));
    case Rule::kCounter: return builder.add(in, c.id, name, 10);
    case Rule::kMax: return set(builder, c, "1");
    case Rule::kMin: return set(builder, c, "20");
    case Rule::kServer:
      // Who makes a record owns it, and stays its owner where that decides who holds it.
      return c.field->name == "owner" ? Status{} : set(builder, c, c.nth(0));
    default: return set(builder, c, c.nth(0));
  }
}

// What each of the two writes, not knowing of the other.
Status edit(Builder& builder, const Case& c, Writer writer) {
  const std::string& in = c.collection->name;
  const std::string& name = c.field->name;
  const bool first = writer == Writer::kFirst;
  switch (schema::rule_in_force(c.field->rule)) {
    case Rule::kStage: {
      const StagePair& pair = kStages.at(c.name());
      return set(builder, c, stage_json(*c.field, first ? pair.first : pair.second));
    }
    case Rule::kDeny: return set(builder, c, first ? "true" : "false");
    case Rule::kSet:
    case Rule::kAccessSet: return edit_set(builder, c, writer);
    case Rule::kLog: return builder.log_append(in, c.id, name, c.value(c.nth(first ? 1 : 2)));
    case Rule::kMap: return edit_map(builder, c, writer);
    case Rule::kCounter: return builder.add(in, c.id, name, first ? 3 : -5);
    case Rule::kMax: return set(builder, c, first ? "9" : "5");
    case Rule::kMin: return set(builder, c, first ? "5" : "9");
    default: return set(builder, c, c.nth(first ? 1 : 2));
  }
}

void expect_map(Case& c) {
  const std::string k = c.nth(2);  // The later one, and of extremes the greater.
  const bool extreme = c.field->values == Rule::kMax;
  c.shown =
      "{\"a\":" + c.nth(extreme ? 2 : 1) + ",\"b\":" + c.nth(extreme ? 1 : 2) + ",\"k\":" + k + "}";
  c.flagged = c.field->values == Rule::kMulti;
}

// The table above. False where it has no line for the field.
bool expect(Case& c) {
  switch (c.field->rule) {
    case Rule::kLww: c.shown = c.nth(2); return true;
    case Rule::kMulti:
    case Rule::kText:
      c.shown = c.nth(2);
      c.flagged = true;
      return true;
    case Rule::kOnce:
      c.shown = c.nth(1);
      c.refused_rule = "once";
      return true;
    case Rule::kStage: {
      const auto pair = kStages.find(c.name());
      if (pair == kStages.end()) return false;
      c.shown = stage_json(*c.field, pair->second.shown);
      c.flagged = pair->second.flagged;
      return true;
    }
    case Rule::kDeny:
      c.shown = "true";
      if (c.field->name == "legalHold" || c.field->name == "restricted")
        c.refused_rule = "office-clears";
      return true;
    case Rule::kServer:
    case Rule::kEscrow: c.shown = c.nth(3); return true;
    case Rule::kSet: c.shown = list({c.nth(0), c.nth(1), c.nth(2), c.nth(3)}); return true;
    case Rule::kAccessSet: c.shown = list({c.nth(1), c.nth(2), c.nth(3)}); return true;
    case Rule::kLog: c.shown = list({c.nth(0), c.nth(1), c.nth(2)}); return true;
    case Rule::kMap: {
      const Rule values = c.field->values;
      expect_map(c);
      return values == Rule::kLww || values == Rule::kMulti || values == Rule::kMax;
    }
    case Rule::kCounter: c.shown = "8"; return true;
    case Rule::kMax: c.shown = "9"; return true;
    case Rule::kMin: c.shown = "5"; return true;
  }
  return false;
}

// ---- The walk -----------------------------------------------------------------------------------

// Two devices of one who holds everything, so that what moves a record away is walked too.
struct EveryField : testing::Test {
  Office office;
  std::unique_ptr<Phone> first;
  std::unique_ptr<Phone> second;
  std::vector<Case> cases;

  EveryField() {
    office.add_user("ann", sync::Role::kManager);
    first = std::make_unique<Phone>(office, "ann", sync::Role::kManager, 21);
    second = std::make_unique<Phone>(office, "ann", sync::Role::kManager, 22);
  }

  static bool device_may_write(const FieldDef& field) {
    return !field.server_only && schema::rule_in_force(field.rule) != Rule::kServer;
  }
  // createdAt, createdBy and createdOn come into being with the record.
  static bool written_at_creation(const FieldDef& field) {
    return field.name.starts_with("created");
  }
  void make_cases() {
    for (const CollectionDef& collection : crm()->collections()) {
      for (const FieldDef& field : collection.fields) {
        Case c{&collection, &field, {}, {}, false, {}};
        EXPECT_TRUE(expect(c)) << c.name() << " has no case: say what its rule comes to";
        cases.push_back(std::move(c));
      }
    }
  }
  void make_records() {
    for (Case& c : cases) {
      const auto made = first->write([&](sync::EdgeWrite& txn) -> Status {
        auto id = txn.create(c.collection->name);
        if (!id) return id.error();
        c.id = *id;
        if (c.field->server_only || written_at_creation(*c.field)) return {};
        return begin(txn.builder(), c);
      });
      ASSERT_TRUE(made) << c.name() << ": " << made.error().message();
    }
  }
  void everybody_syncs() {
    for (Phone* phone : {first.get(), second.get(), first.get()}) {
      const Status synced = phone->sync();
      ASSERT_TRUE(synced) << synced.error().message();
    }
  }
  void edit_on(Phone& phone, Writer writer) {
    for (const Case& c : cases) {
      const auto number =
          phone.write([&](sync::EdgeWrite& txn) { return edit(txn.builder(), c, writer); });
      if (written_at_creation(*c.field) || !device_may_write(*c.field)) {
        ASSERT_FALSE(number) << c.name() << " is not a device's to write";
        EXPECT_EQ(number.error().code, Errc::kRuleMismatch) << c.name();
      } else {
        ASSERT_TRUE(number) << c.name() << ": " << number.error().message();
      }
    }
  }
  void edit_on_server() {
    for (const Case& c : cases) {
      if (device_may_write(*c.field)) continue;
      const std::string json = c.nth(3);
      const Status written = office.write([&](Builder& b) { return set(b, c, json); });
      ASSERT_TRUE(written) << c.name() << ": " << written.error().message();
    }
  }

  static sync::FieldReading reading_in(const std::optional<sync::Record>& record, const Case& c) {
    SATCHEL_ASSERT(record.has_value());
    return sync::read_field(*c.field, record->of_field(c.field->id));
  }
  static std::string dump(const std::optional<sync::Record>& record, const Case& c) {
    return record ? sync::canonical_record(*c.collection, *record, {.clocks = true}) : "nothing";
  }
  std::string expected(const Case& c) const {
    if (c.field->name == "createdBy") return "\"ann\"";
    if (c.field->name == "createdOn") return '"' + to_text(first->edge->identity().device) + '"';
    // A log is shown by author: the entries of one replica stand together, in their order.
    const bool second_before =
        second->edge->state().replica.octets < first->edge->state().replica.octets;
    if (c.field->rule == Rule::kLog && second_before) return list({c.nth(2), c.nth(0), c.nth(1)});
    if (c.field->name == "createdAt") return std::to_string(first->clock.wall);
    return c.shown;
  }
};

TEST_F(EveryField, ComesToWhatItsRuleSaysOnEveryReplica) {
  make_cases();
  make_records();
  everybody_syncs();
  edit_on_server();
  edit_on(*first, Writer::kFirst);
  second->clock.pass(5'000'000);
  edit_on(*second, Writer::kSecond);
  everybody_syncs();
  everybody_syncs();

  std::set<PrivacyClass> classes;
  std::set<std::string> told;  // Of the second replica's refused writes: field and rule.
  const auto inbox = second->edge->inbox();
  ASSERT_TRUE(inbox);
  for (const auto& item : *inbox)
    told.insert(to_text(item.commit.body.records.front().id) + " " + item.result.rule);
  EXPECT_TRUE(first->edge->inbox()->empty());

  std::size_t refusals = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name() + " (" + std::string{schema::name_of(c.field->rule)} + ")");
    classes.insert(c.field->privacy);
    const auto at_hub = office.hub->find_record(c.id);
    const auto at_first = first->edge->shown(c.id, sync::kDefaultPurpose);
    const auto at_second = second->edge->shown(c.id, sync::kDefaultPurpose);
    ASSERT_TRUE(at_hub && *at_hub && at_first && *at_first && at_second && *at_second);
    const sync::FieldReading reading = reading_in(*at_second, c);
    EXPECT_EQ(sync::shown_json(*c.field, reading), expected(c));
    EXPECT_EQ(reading.flagged, c.flagged);
    EXPECT_EQ(dump(*at_first, c), dump(*at_hub, c));
    EXPECT_EQ(dump(*at_second, c), dump(*at_hub, c));
    if (c.refused_rule.empty() || written_at_creation(*c.field)) continue;
    ++refusals;
    EXPECT_EQ(told.count(to_text(c.id) + " " + c.refused_rule), 1U) << "its author is not told";
  }
  EXPECT_EQ(told.size(), refusals) << "only those whose write the server took out are told";
  for (std::size_t i = 1; i < kPrivacyClassCount; ++i) {
    const auto privacy = static_cast<PrivacyClass>(i);
    EXPECT_TRUE(classes.contains(privacy)) << name_of(privacy) << " has no field";
  }
  EXPECT_GT(cases.size(), 400U);
}

TEST_F(EveryField, HasALineForEveryStageFieldAndNoneForOthers) {
  std::set<std::string> stage_fields;
  for (const CollectionDef& collection : crm()->collections()) {
    for (const FieldDef& field : collection.fields) {
      if (field.rule == Rule::kStage) stage_fields.insert(collection.name + "." + field.name);
    }
  }
  std::set<std::string> lines;
  for (const auto& [name, pair] : kStages) lines.insert(name);
  EXPECT_EQ(lines, stage_fields);
}

}  // namespace
}  // namespace satchel::test
