#include "tests/sim/reference_model.hpp"

#include <algorithm>

#include "schema/model/varint.hpp"

namespace satchel::sim {
namespace {

using schema::FieldDef;
using schema::Rule;

constexpr std::uint64_t kNow = UINT64_MAX;

bool is_null(const Bytes& value) { return value == encode_value(Value{}); }
std::int64_t integer(const Bytes& value) {
  const auto decoded = decode_value(value);
  const auto* number = decoded ? decoded->as<std::int64_t>() : nullptr;
  return number != nullptr ? *number : 0;
}
bool is_true(const Bytes& value) { return value == encode_value(Value{true}); }
std::string text(const Bytes& value) {
  const auto decoded = decode_value(value);
  if (!decoded) return {};
  if (const auto* plain = decoded->as<std::string>()) return *plain;
  if (const auto* members = decoded->as<StructMembers>()) {
    for (const auto& [ordinal, member] : *members) {
      if (ordinal == 0 && member.as<std::string>() != nullptr) return *member.as<std::string>();
    }
  }
  return {};
}

bool newer(const LiveValue& a, const LiveValue& b) {
  return std::tie(a.stamp, a.name) > std::tie(b.stamp, b.name);
}
const LiveValue& newest(const std::vector<LiveValue>& values) {
  return *std::min_element(values.begin(), values.end(), newer);
}

// A register of one value, by a rule that does not look beyond it.
struct Shown {
  const LiveValue* value = nullptr;
  bool contested = false;
};

Shown show_stage(const FieldDef& field, const std::vector<LiveValue>& values) {
  // A stage is out where another one is before it in precedence; having no stage is before nothing.
  std::vector<LiveValue> standing;
  for (const LiveValue& value : values) {
    const auto mine = field.stages->find(text(value.value));
    const bool beaten = std::any_of(values.begin(), values.end(), [&](const LiveValue& other) {
      const auto theirs = field.stages->find(text(other.value));
      if (!mine) return theirs.has_value();
      const auto& beats = field.stages->beats;
      return theirs &&
             std::find(beats.begin(), beats.end(), std::pair{*theirs, *mine}) != beats.end();
    });
    if (!beaten) standing.push_back(value);
  }
  Shown shown;
  const LiveValue& best = newest(standing);
  for (const LiveValue& value : standing) shown.contested |= text(value.value) != text(best.value);
  shown.value = &*std::find(values.begin(), values.end(), best);
  return shown;
}

Shown show(Rule rule, const FieldDef& field, const std::vector<LiveValue>& values) {
  if (values.empty()) return {};
  const auto lowest = [&](const auto& rank) {
    const auto before = [&](const LiveValue& a, const LiveValue& b) -> bool {
      return rank(a) != rank(b) ? rank(a) < rank(b) : newer(a, b);
    };
    return Shown{&*std::min_element(values.begin(), values.end(), before), false};
  };
  switch (rule) {
    case Rule::kOnce:
      return {
          &*std::min_element(values.begin(), values.end(),
                             [](const LiveValue& a, const LiveValue& b) { return newer(b, a); }),
          false};
    case Rule::kStage: return show_stage(field, values);
    case Rule::kDeny:
      return lowest([](const LiveValue& v) {
        return is_true(v.value) ? 0 : is_null(v.value) ? 2 : 1;
      });
    case Rule::kSet: return lowest([](const LiveValue& v) { return is_null(v.value); });
    case Rule::kAccessSet: return lowest([](const LiveValue& v) { return !is_null(v.value); });
    default: return {&newest(values), false};
  }
}

}  // namespace

const ReferenceModel::Held* ReferenceModel::find(const RecordId& id) const {
  const auto at = held_.find(id);
  return at == held_.end() ? nullptr : &at->second;
}

RegisterName ReferenceModel::place(const ModelWrite& write, const CommitName& name) const {
  Bytes key = write.key;
  if (write.deed == Deed::kAppend) {
    key = Bytes{name.author.bytes()};
    append_u64_big(key, name.number);
    key += write.key;
  } else if (write.deed != Deed::kPut) {
    key = Bytes{name.author.bytes()};
  }
  return {write.field, key};
}

// What is shown was itself written by somebody who had been shown something. Everybody knows his
// own earlier writes, but
// not what he saw when he made one that was refused: that he is shown again, or not.
Names ReferenceModel::everything_seen(const RecordId& id, const RegisterName& where,
                                      const Names& shown, const CommitName& writer) const {
  Names all = shown;
  for (const CommitName& name : shown) {
    if (const auto at = seen_.find({id, where, name}); at != seen_.end())
      all.insert(at->second.begin(), at->second.end());
  }
  auto own = seen_.lower_bound({id, where, CommitName{writer.author, 0}});
  for (; own != seen_.end(); ++own) {
    const auto& [record, at, name] = own->first;
    if (record != id || at != where || name.author != writer.author || name.number >= writer.number)
      break;
    all.insert(name);
  }
  return all;
}

void ReferenceModel::written(ModelCommit commit) {
  for (const ModelRecord& record : commit.records) {
    for (const ModelWrite& write : record.writes) {
      const RegisterName where = place(write, commit.name);
      seen_[{record.id, where, commit.name}] =
          everything_seen(record.id, where, write.shown, commit.name);
    }
  }
  commits_[commit.name] = std::move(commit);
}

bool ReferenceModel::closes_cycle(const ModelRecord& record) const {
  const schema::CollectionDef* collection = catalog_.find(record.collection);
  for (const ModelWrite& write : record.writes) {
    const FieldDef* field = collection->find(write.field);
    if (field == nullptr || !field->reference || !field->reference->acyclic) continue;
    auto parent = parse_record_id(text(write.value));
    for (int steps = 0; parent; ++steps) {
      if (*parent == record.id || steps > 64) return true;
      const Held* held = find(*parent);
      if (held == nullptr || held->collection != record.collection) break;
      parent = parse_record_id(text(field_view(*parent, *field).value));
    }
  }
  return false;
}

bool ReferenceModel::must_come_out(const ModelCommit& commit, const ModelRecord& record,
                                   const ModelWrite& write) const {
  const FieldDef* field = catalog_.find(record.collection)->find(write.field);
  if (field == nullptr) return false;
  const Rule rule = rule_in_force(field->rule);
  const RecordView now = view(record.id, kNow);
  const auto at = now.find(place(write, commit.name));
  const bool has_value = at != now.end() && !at->second.empty();
  if (rule == Rule::kOnce && has_value) return true;
  if (commit.by_server) return false;
  // Who makes the record may write everything; that others wrote to it before its making came back
  // is no difference.
  const bool made = now.contains({kLifeField, Bytes{}});
  if (rule == Rule::kServer && (made || !record.creates)) return true;
  if (rule == Rule::kDeny && field->cleared_by_office && has_value) {
    const bool held_true = std::any_of(at->second.begin(), at->second.end(),
                                       [](const auto& v) { return is_true(v.value); });
    return held_true && !is_true(write.value);
  }
  return false;
}

Verdict ReferenceModel::judge(const CommitName& name) const {
  const ModelCommit& commit = commits_.at(name);
  // What was taken once, and its author knows it, is taken again after a restore, in the same
  // extent.
  if (answered_.contains(name)) {
    if (was_taken(name)) return verdicts_.at(name);
  }
  Verdict verdict;
  for (const ModelRecord& record : commit.records) {
    if (record.creates && !view(record.id, kNow).contains({kLifeField, Bytes{}})) continue;
    const bool hidden =
        !commit.by_server && !commit.everything && !entitled(record.id, commit.user, kNow);
    if (hidden || !exists(record.id, kNow)) return {Verdict::Kind::kDenied, {}};
  }
  std::size_t left = 0;
  for (const ModelRecord& record : commit.records) {
    for (const ModelWrite& write : record.writes) {
      if (must_come_out(commit, record, write)) {
        verdict.taken_out.insert({record.id, write.field});
      } else {
        ++left;
      }
    }
  }
  if (left == 0) return {Verdict::Kind::kDenied, {}};
  for (const ModelRecord& record : commit.records) {
    ModelRecord rest = record;
    std::erase_if(rest.writes, [&](const auto& w) {
      return verdict.taken_out.contains({record.id, w.field});
    });
    if (closes_cycle(rest)) return {Verdict::Kind::kInvalid, {}};
  }
  return verdict;
}

void ReferenceModel::taken(const CommitName& name, const Verdict& verdict, std::uint64_t seq,
                           std::uint64_t now_ms) {
  const ModelCommit& commit = commits_.at(name);
  verdicts_.insert_or_assign(name, verdict);
  taken_[name] = seq;
  // A stamp from the future counts as made at the end of the millisecond in which it came.
  const std::uint64_t stamp = std::min(commit.stamp, now_ms << 16 | 0xFFFF);
  for (const ModelRecord& record : commit.records) {
    Held* held = nullptr;
    for (const ModelWrite& write : record.writes) {
      if (verdict.taken_out.contains({record.id, write.field})) continue;
      held = &held_[record.id];
      held->collection = record.collection;
      const RegisterName where = place(write, name);
      Taken taken{name, seq, stamp, write.deed, write.value, nullptr, nullptr};
      taken.seen = std::make_shared<const Names>(seen_.at({record.id, where, name}));
      if (write.field == kLifeField && !is_true(write.value)) {
        auto seen = std::make_shared<std::map<RegisterName, Names>>();
        for (const auto& [each, shown] : record.shown) {
          (*seen)[each] = everything_seen(record.id, each, shown, {name.author, name.number + 1});
        }
        // What its author wrote in the same commit is not noticed: it stands beside the delete.
        taken.seen_of_record = std::move(seen);
      }
      held->registers[where].push_back(std::move(taken));
    }
    if (held != nullptr) note_owner(*held, commit, seq);
  }
}

void ReferenceModel::note_owner(Held& held, const ModelCommit& commit, std::uint64_t seq) const {
  const FieldDef* owner = catalog_.find(held.collection)->find("owner");
  if (owner == nullptr) return;
  const auto move_to = [&](const std::string& user) {
    if (held.owners.empty() || held.owners.back().second != user)
      held.owners.emplace_back(seq, user);
  };
  const auto life = held.registers.find({kLifeField, Bytes{}});
  const bool made_now = life != held.registers.end() && life->second.front().seq == seq;
  // It begins with whoever makes it, even where he makes it for somebody else.
  if (held.owners.empty() || (made_now && !commit.by_server)) move_to(commit.user);
  const auto at = held.registers.find({owner->id, Bytes{}});
  if (at == held.registers.end() || at->second.back().seq != seq) return;
  const auto values = live(at->second, kNow);
  move_to(values.empty() || is_null(newest(values).value) ? commit.user
                                                          : text(newest(values).value));
}

void ReferenceModel::server_restored(std::uint64_t seq) {
  std::erase_if(taken_, [&](const auto& each) { return each.second > seq; });
  for (auto& [id, held] : held_) {
    for (auto& [where, all] : held.registers)
      std::erase_if(all, [&](const Taken& t) { return t.seq > seq; });
    std::erase_if(held.registers, [](const auto& each) { return each.second.empty(); });
    std::erase_if(held.owners, [&](const auto& each) { return each.first > seq; });
  }
  std::erase_if(held_, [](const auto& each) { return each.second.registers.empty(); });
}

bool ReferenceModel::is_taken(const CommitName& name) const { return taken_.contains(name); }

std::vector<RecordId> ReferenceModel::records() const {
  std::vector<RecordId> ids;
  for (const auto& [id, held] : held_) ids.push_back(id);
  return ids;
}

std::vector<LiveValue> ReferenceModel::live(const std::vector<Taken>& all,
                                            std::uint64_t seq) const {
  std::vector<LiveValue> values;
  for (const Taken& one : all) {
    if (one.seq > seq) continue;
    const bool over = std::any_of(all.begin(), all.end(), [&](const Taken& other) {
      return other.seq <= seq && other.seen->contains(one.name);
    });
    if (over) continue;
    LiveValue value{one.name, one.stamp, one.value};
    if (one.deed == Deed::kIncrease || one.deed == Deed::kRaise || one.deed == Deed::kLower) {
      std::optional<std::int64_t> sum;
      for (const Taken& each : all) {  // All of one author.
        if (each.seq > seq) continue;
        const std::int64_t number = integer(each.value);
        if (!sum)
          sum = number;
        else if (one.deed == Deed::kIncrease)
          *sum += number;
        else
          *sum = one.deed == Deed::kRaise ? std::max(*sum, number) : std::min(*sum, number);
      }
      value.value = encode_value(Value{*sum});
    }
    values.push_back(std::move(value));
  }
  std::sort(values.begin(), values.end());
  return values;
}

RecordView ReferenceModel::view(const RecordId& id, std::uint64_t seq) const {
  RecordView view;
  const Held* held = find(id);
  if (held == nullptr) return view;
  for (const auto& [where, all] : held->registers) {
    auto values = live(all, seq);
    const bool written =
        std::any_of(all.begin(), all.end(), [&](const Taken& t) { return t.seq <= seq; });
    if (written) view.emplace(where, std::move(values));
  }
  return view;
}

std::string ReferenceModel::history(const RecordId& id, const RegisterName& where) const {
  std::string text = " [";
  if (const Held* held = find(id); held != nullptr && held->registers.contains(where)) {
    for (const Taken& one : held->registers.at(where)) {
      text += std::to_string(one.seq) + "=" + to_text(one.name.author).substr(0, 6) + ":" +
              std::to_string(one.name.number) + " ";
    }
    for (const auto& [seq, user] : held->owners) text += "| " + std::to_string(seq) + " " + user;
  }
  return text + "]";
}

std::uint64_t ReferenceModel::last_write(const RecordId& id, const RegisterName& where) const {
  const Held* held = find(id);
  if (held == nullptr) return 0;
  const auto at = held->registers.find(where);
  return at == held->registers.end() ? 0 : at->second.back().seq;
}

bool ReferenceModel::exists(const RecordId& id, std::uint64_t seq) const {
  return !view(id, seq).empty();
}

bool ReferenceModel::alive(const RecordId& id) const {
  const Held* held = find(id);
  if (held == nullptr) return false;
  const auto life = held->registers.find({kLifeField, Bytes{}});
  if (life == held->registers.end()) return true;
  std::vector<const Taken*> deletes;
  bool any_alive = false;
  for (const LiveValue& value : live(life->second, kNow)) {
    if (is_true(value.value)) any_alive = true;
    for (const Taken& one : life->second) {
      if (one.name == value.name && one.seen_of_record) deletes.push_back(&one);
    }
  }
  if (deletes.empty()) return true;
  if (catalog_.find(held->collection)->life == schema::LifeRule::kDeleteWins) return false;
  if (any_alive) return true;
  for (const auto& [where, all] : held->registers) {
    if (where.first == kLifeField) continue;
    for (const LiveValue& value : live(all, kNow)) {
      const bool noticed =
          std::any_of(deletes.begin(), deletes.end(), [&, &w = where](const Taken* one) {
            const auto at = one->seen_of_record->find(w);
            return at != one->seen_of_record->end() && at->second.contains(value.name);
          });
      if (!noticed) return true;
    }
  }
  return false;
}

FieldView ReferenceModel::field_view(const RecordId& id, const FieldDef& field) const {
  FieldView shown;
  const Held* held = find(id);
  if (held == nullptr) return shown;
  const Rule rule = rule_in_force(field.rule);
  const Rule each_rule = rule == Rule::kMap ? rule_in_force(field.values) : rule;
  std::optional<std::int64_t> total;
  for (auto at = held->registers.lower_bound({field.id, Bytes{}}); at != held->registers.end();
       ++at) {
    if (at->first.first != field.id) break;
    const auto values = live(at->second, kNow);
    if (values.empty()) continue;
    const Shown one = show(each_rule, field, values);
    const bool absent = is_null(one.value->value);
    shown.contested |= one.contested;
    if (rule == Rule::kCounter || rule == Rule::kMax || rule == Rule::kMin) {
      const std::int64_t number = integer(one.value->value);
      if (!total)
        total = number;
      else if (rule == Rule::kCounter)
        *total += number;
      else
        *total = rule == Rule::kMax ? std::max(*total, number) : std::min(*total, number);
    } else if (schema::is_map_rule(rule)) {
      if (!absent) shown.items[at->first.second] = one.value->value;
    } else {
      shown.present = !absent;
      if (!absent) shown.value = one.value->value;
    }
  }
  if (total) {
    shown.present = true;
    shown.value = encode_value(Value{*total});
  }
  if (!shown.items.empty()) shown.present = true;
  return shown;
}

bool ReferenceModel::entitled(const RecordId& id, const std::string& user,
                              std::uint64_t seq) const {
  const Held* held = find(id);
  if (held == nullptr) return false;
  const auto& scopes = catalog_.find(held->collection)->scopes;
  if (std::find(scopes.begin(), scopes.end(), "all") != scopes.end()) return true;
  std::string owner;
  for (const auto& [since, who] : held->owners) {
    if (since <= seq) owner = who;
  }
  return owner == user;
}

bool ReferenceModel::entitled_since(const RecordId& id, const std::string& user,
                                    std::uint64_t seq) const {
  if (entitled(id, user, kNow)) return true;
  const Held* held = find(id);
  if (held == nullptr) return false;
  for (std::size_t i = 0; i + 1 < held->owners.size(); ++i) {
    if (held->owners[i].second == user && held->owners[i + 1].first > seq) return true;
  }
  return false;
}

const schema::CollectionDef* ReferenceModel::collection_of(const RecordId& id) const {
  const Held* held = find(id);
  return held != nullptr ? catalog_.find(held->collection) : nullptr;
}

std::set<std::pair<RecordId, FieldId>> ReferenceModel::merged_by(const CommitName& name) const {
  std::set<std::pair<RecordId, FieldId>> fields;
  for (const ModelRecord& record : commits_.at(name).records) {
    const RecordView now = view(record.id, kNow);
    for (const ModelWrite& write : record.writes) {
      const auto at = now.find(place(write, name));
      if (write.deed != Deed::kPut || at == now.end()) continue;
      const bool alone = at->second.size() == 1 && at->second.front().name == name;
      if (!alone) fields.insert({record.id, write.field});
    }
  }
  return fields;
}

}  // namespace satchel::sim
