#include "tests/sim/reference_model.hpp"

#include <algorithm>
#include <ranges>

#include "schema/model/varint.hpp"
#include "tests/sim/reference_reading.hpp"

namespace satchel::sim {
using schema::FieldDef;
using schema::Rule;
using std::ranges::any_of;

const ReferenceModel::Held* ReferenceModel::find(const RecordId& id) const {
  const auto at = held_.find(id);
  return at == held_.end() ? nullptr : &at->second;
}

RegisterName ReferenceModel::place(const ModelWrite& write, const CommitName& name) const {
  if (write.deed == Deed::kPut) return {write.field, write.key};
  Bytes key{name.author.bytes()};
  if (write.deed == Deed::kAppend) append_u64_big(key, name.number);
  return {write.field, key + write.key};
}

// What is shown was itself written by somebody who had been shown something. Everybody knows his
// own earlier writes, but not what he saw when he made one that was refused.
Names ReferenceModel::everything_seen(const RecordId& id, const RegisterName& where,
                                      const Names& shown, const CommitName& writer) const {
  Names all = shown;
  for (const CommitName& name : shown) {
    if (const auto at = seen_.find({id, where, name}); at != seen_.end())
      all.insert(at->second.begin(), at->second.end());
  }
  const auto end = seen_.lower_bound({id, where, writer});
  for (auto own = seen_.lower_bound({id, where, {writer.author, 0}}); own != end; ++own)
    all.insert(std::get<CommitName>(own->first));
  for (const CommitName& name : Names{all}) all.insert(called(name));
  return all;
}

void ReferenceModel::answer_lost(const CommitName& name) {
  if (const auto at = answered_.find(name); at != answered_.end()) answered_.erase(at);
}

void ReferenceModel::known_as(const CommitName& name, const CommitName& judged) {
  called_[name] = judged;
  verdicts_[name] = verdicts_.at(judged);
}

CommitName ReferenceModel::called(const CommitName& name) const {
  const auto at = called_.find(name);
  return at == called_.end() ? name : at->second;
}

// Of a delete: what its author had observed stands in its value, per class and by replica. Who had
// observed a name of his that nothing was taken under had observed what was taken instead.
Bytes ReferenceModel::value_as_judged(const ModelWrite& write, const std::string& device) const {
  constexpr std::size_t kIdBytes = 16, kEntryBytes = 24;
  if (write.field != kLifeField || is_true(write.value)) return write.value;
  Value value = *decode_value(write.value);
  for (Value& each : std::get<ListElements>(value.of)) {
    Bytes& bytes = std::get<Data>(std::get<StructMembers>(each.of)[1].second.of).bytes;
    std::map<Bytes, Bytes> observed;  // Numbers big-endian: they compare as they stand.
    for (std::size_t at = 0; at < bytes.size(); at += kEntryBytes)
      observed[bytes.substr(at, kIdBytes)] = bytes.substr(at + kIdBytes, kEntryBytes - kIdBytes);
    const auto said = observed;
    for (const auto& [name, judged] : called_) {
      Bytes number, taken;
      append_u64_big(number, name.number);
      append_u64_big(taken, judged.number);
      if (commits_.at(name).device != device) continue;
      const auto seen = said.find(Bytes{name.author.bytes()});
      if (seen == said.end() || number > seen->second) continue;
      Bytes& known = observed[Bytes{judged.author.bytes()}];
      known = std::max(known, taken);
    }
    bytes.clear();
    for (const auto& [replica, number] : observed) bytes += replica + number;
  }
  return encode_value(value);
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

bool ReferenceModel::closes_cycle(const ModelCommit& commit, const Verdict& verdict,
                                  const ModelRecord& record, const ModelWrite& write) const {
  const FieldDef* field = catalog_.find(record.collection)->find(write.field);
  if (field == nullptr || !field->reference || !field->reference->acyclic) return false;
  auto parent = parse_record_id(text(write.value));
  for (int steps = 0; parent; ++steps) {
    if (*parent == record.id || steps > 64) return true;
    const schema::CollectionDef* collection = collection_of(*parent);
    if (collection == nullptr || collection->id != record.collection) break;
    std::string next = text(field_view(*parent, *field).value);
    for (const ModelRecord& other : commit.records) {
      if (other.id != *parent || verdict.taken_out.contains({other.id, field->id})) continue;
      for (const ModelWrite& each : other.writes) {
        if (each.field == field->id) next = text(each.value);
      }
    }
    parent = parse_record_id(next);
  }
  return false;
}

bool ReferenceModel::has_passed(const schema::StageGate& gate, const ModelRecord& record) const {
  RecordView now = view(record.id, kNow);
  RecordId staged = record.id;
  if (gate.through) {
    const RegisterName reference{*gate.through, Bytes{}};
    std::string named;
    for (const ModelWrite& write : record.writes) {
      if (write.field == *gate.through) named = text(write.value);
    }
    if (!now[reference].empty()) named = text(std::ranges::max(now[reference], newer).value);
    const auto id = parse_record_id(named);
    if (!id) return false;
    staged = *id;
    now = view(staged, kNow);
  }
  const schema::CollectionDef* collection = collection_of(staged);
  if (collection == nullptr || collection->id != gate.collection) return false;
  const FieldDef& field = *collection->find(gate.field);
  const auto reached = [&](const Bytes& value) {
    const auto index = field.stages->find(text(value));
    return index && std::ranges::count(gate.reached, *index) > 0;
  };
  const FieldView shown = field_view(staged, field);
  if (!shown.contested) return shown.present && reached(shown.value);
  return any_of(now[{field.id, Bytes{}}], [&](const auto& one) { return reached(one.value); });
}

// Kept on a basis of its own by any field that was written; for the office until its date.
bool ReferenceModel::is_kept(const ModelRecord& record, bool by_server) const {
  const schema::CollectionDef& collection = *catalog_.find(record.collection);
  const FieldView until = field_view(record.id, *collection.find("retainUntil"));
  if (by_server && until.present) return false;  // All dates here are long past.
  const RecordView now = view(record.id, kNow);
  return any_of(now, [&](const auto& each) {
    const FieldDef* field = collection.find(each.first.first);
    if (field == nullptr || each.second.empty()) return false;
    if (field->retention == schema::Retention::kCrm) return false;
    return !field->retained_from || has_passed(*field->retained_from, record);
  });
}

bool ReferenceModel::is_frozen(const ModelRecord& record, const ModelWrite& write) const {
  const FieldDef* field = catalog_.find(record.collection)->find(write.field);
  return field != nullptr && field->frozen_from && has_passed(*field->frozen_from, record);
}

bool ReferenceModel::comes_back_frozen(const ModelCommit& commit, const ModelRecord& record) const {
  const bool brought_back = any_of(record.writes, [](const ModelWrite& write) {
    return write.field == kLifeField && is_true(write.value);
  });
  if (commit.by_server || !brought_back || alive(record.id)) return false;
  return any_of(view(record.id, kNow), [&](const auto& each) {
    const FieldDef* field = catalog_.find(record.collection)->find(each.first.first);
    return field != nullptr && field->frozen_from && !each.second.empty() &&
           has_passed(*field->frozen_from, record);
  });
}

bool ReferenceModel::must_come_out(const ModelCommit& commit, const ModelRecord& record,
                                   const ModelWrite& write) const {
  const FieldDef* field = catalog_.find(record.collection)->find(write.field);
  if (write.field == kLifeField && !is_true(write.value)) return is_kept(record, commit.by_server);
  if (field == nullptr) return false;
  const Rule rule = rule_in_force(field->rule);
  RecordView now = view(record.id, kNow);
  // Who makes the record may write everything, even where others' writes came back before it.
  const bool made = now.contains({kLifeField, Bytes{}});
  const auto values = now[place(write, commit.name)];
  if (rule == Rule::kOnce && !values.empty()) return true;
  if (commit.by_server) return false;
  if (rule == Rule::kServer && (made || !record.creates)) return true;
  if (is_frozen(record, write)) return true;
  return rule == Rule::kDeny && field->cleared_by_office && !is_true(write.value) &&
         any_of(values, [](const LiveValue& v) { return is_true(v.value); });
}

Verdict ReferenceModel::judge(const CommitName& name, Seq known) const {
  const ModelCommit& commit = commits_.at(name);
  // What was taken once, and its author knows it, is taken again after a restore, as far as then.
  if (answered_.contains(name) && was_taken(name)) return verdicts_.at(name);
  Verdict verdict;
  for (const ModelRecord& record : commit.records) {
    if (record.creates && !view(record.id, kNow).contains({kLifeField, Bytes{}})) continue;
    const bool hidden = !commit.by_server && !commit.everything &&
                        !scopes_.entitled(record.id, commit.user, known, kNow);
    if (hidden || find(record.id) == nullptr) return {Verdict::Kind::kDenied, {}};
  }
  bool any_left = false;
  for (const ModelRecord& record : commit.records) {
    const bool makes = record.creates && !view(record.id, kNow).contains({kLifeField, Bytes{}});
    const bool none_of_it =
        comes_back_frozen(commit, record) ||
        (makes && !commit.by_server &&
         any_of(record.writes, [&](const auto& write) { return is_frozen(record, write); }));
    for (const ModelWrite& write : record.writes) {
      const bool out = none_of_it || must_come_out(commit, record, write);
      if (out) verdict.taken_out.insert({record.id, write.field});
      any_left = any_left || !out;
    }
  }
  if (!any_left) return {Verdict::Kind::kDenied, {}};
  const bool cycle = any_of(commit.records, [&](const ModelRecord& record) {
    return any_of(record.writes, [&](const ModelWrite& write) {
      return !verdict.taken_out.contains({record.id, write.field}) &&
             closes_cycle(commit, verdict, record, write);
    });
  });
  return cycle ? Verdict{Verdict::Kind::kInvalid, {}} : verdict;
}

ReferenceScopes::Moves ReferenceModel::taken(const CommitName& name, const Verdict& verdict,
                                             Seq seq, std::uint64_t now_ms) {
  const ModelCommit& commit = commits_.at(name);
  verdicts_[name] = verdict;
  taken_[name] = seq;
  // A stamp from the future counts as made at the end of the millisecond in which it came.
  const std::uint64_t stamp = std::min(commit.stamp, now_ms << 16 | 0xFFFF);
  std::vector<ReferenceScopes::Written> placed;
  for (const ModelRecord& record : commit.records) {
    ReferenceScopes::Written now{
        record.id, !held_.contains(record.id), record.creates && !commit.by_server, false, {}};
    for (const ModelWrite& write : record.writes) {
      if (verdict.taken_out.contains({record.id, write.field})) continue;
      Held* held = &held_[record.id];
      held->collection = record.collection;
      now.fields.insert(write.field);
      const RegisterName where = place(write, name);
      Taken taken{{name, stamp, value_as_judged(write, commit.device)},
                  seq,
                  write.deed,
                  seen_.at({record.id, where, name})};
      if (write.field == kLifeField && !is_true(write.value)) {
        for (const auto& [each, shown] : record.shown)
          taken.seen_of_record[each] =
              everything_seen(record.id, each, shown, {name.author, name.number + 1});
      }
      held->registers[where].push_back(std::move(taken));
    }
    if (!now.fields.empty()) placed.push_back(std::move(now));
  }
  return scopes_.taken(placed, commit.user, seq);
}

std::set<std::pair<RecordId, RegisterName>> ReferenceModel::server_restored(
    Seq seq, const ReferenceScopes::Grants& then) {
  std::set<std::pair<RecordId, RegisterName>> lost;
  std::erase_if(taken_, [&](const auto& each) { return each.second > seq; });
  for (auto& [id, held] : held_) {
    for (auto& [where, all] : held.registers) {
      if (std::erase_if(all, [&](const Taken& t) { return t.seq > seq; }) > 0)
        lost.emplace(id, where);
    }
    std::erase_if(held.registers, [](const auto& each) { return each.second.empty(); });
  }
  std::erase_if(held_, [](const auto& each) { return each.second.registers.empty(); });
  scopes_.restored(seq, then);
  return lost;
}

void ReferenceModel::dropped(const RecordId& id) {
  Seq& ended = dropped_[id];
  for (const auto& each : held_.at(id).registers)
    ended = std::max(ended, last_write(id, each.first));
  held_.erase(id);
  scopes_.dropped(id);
}

std::set<RecordId> ReferenceModel::settled(Seq stable, std::uint64_t before_ms, Seq seq) {
  std::set<RecordId> lost;
  for (auto& [id, held] : held_) {
    for (auto& [where, all] : held.registers) {
      const FieldDef* field = catalog_.find(held.collection)->find(where.first);
      const auto values = live(all, kNow);
      const auto is_new = [&](const LiveValue& v) { return (v.stamp >> 16) >= before_ms; };
      if (field == nullptr || values.size() < 2 || any_of(values, is_new)) continue;
      if (last_write(id, where) > stable) continue;
      const Rule rule = rule_in_force(field->rule);
      const Rule each_rule = rule == Rule::kMap ? rule_in_force(field->values) : rule;
      const LiveValue winner = show(each_rule, *field, values);
      if (each_rule == Rule::kStage && (!where.second.empty() || is_contested(*field, values)))
        continue;
      for (Taken& one : all) {
        const bool loses = one.live.name != winner.name && std::ranges::count(values, one.live) > 0;
        if (loses) one.until = seq;
      }
      lost.insert(id);
    }
  }
  std::vector<ReferenceScopes::Written> told;
  for (const RecordId& id : lost) told.push_back({id, false, false, true, {}});
  scopes_.taken(told, {}, seq);
  return lost;
}

std::vector<RecordId> ReferenceModel::records() const {
  const auto ids = std::views::keys(held_);
  return {ids.begin(), ids.end()};
}

std::vector<LiveValue> ReferenceModel::live(const std::vector<Taken>& all, Seq seq) const {
  std::vector<LiveValue> values;
  for (const Taken& one : all) {
    const auto over = [&](auto& t) { return t.seq <= seq && t.seen.contains(one.live.name); };
    const bool lost = one.until != kNow && one.until <= seq;
    if (one.seq <= seq && !lost && !any_of(all, over)) values.push_back(one.live);
  }
  std::ranges::sort(values);
  const Deed deed = all.front().deed;
  if (values.empty() || deed == Deed::kPut || deed == Deed::kAppend) return values;
  // All of one author: his last write stands for all that he did.
  const Rule rule = deed == Deed::kIncrease ? Rule::kCounter
                    : deed == Deed::kRaise  ? Rule::kMax
                                            : Rule::kMin;
  std::int64_t sum = integer(all.front().live.value);
  for (std::size_t i = 1; i < all.size() && all[i].seq <= seq; ++i)
    sum = together(rule, sum, integer(all[i].live.value));
  values.back().value = encode_value(Value{sum});
  return values;
}

RecordView ReferenceModel::view(const RecordId& id, Seq seq) const {
  RecordView view;
  const Held* held = find(id);
  if (held == nullptr) return view;
  for (const auto& [where, all] : held->registers) {
    if (all.front().seq <= seq) view.emplace(where, live(all, seq));
  }
  return view;
}

RecordView ReferenceModel::view_of(const RecordId& id, FieldId field) const {
  RecordView view;
  const Held* held = find(id);
  if (held == nullptr) return view;
  for (auto at = held->registers.lower_bound({field, Bytes{}});
       at != held->registers.end() && at->first.first == field; ++at)
    view.emplace(at->first, live(at->second, kNow));
  return view;
}

Seq ReferenceModel::last_write(const RecordId& id, const RegisterName& where) const {
  const Held* held = find(id);
  if (held == nullptr) return 0;
  const auto at = held->registers.find(where);
  if (at == held->registers.end()) return 0;
  Seq last = at->second.back().seq;
  for (const Taken& one : at->second) last = one.until != kNow ? std::max(last, one.until) : last;
  return last;
}

bool ReferenceModel::alive(const RecordId& id) const {
  const RecordView now = view(id, kNow);
  const auto life = now.find({kLifeField, Bytes{}});
  if (life == now.end()) return true;
  const Held& held = held_.at(id);
  std::vector<const Taken*> deletes;
  for (const Taken& one : held.registers.at(life->first)) {
    const bool stands = std::ranges::count(life->second, one.live) > 0;
    if (stands && !is_true(one.live.value)) deletes.push_back(&one);
  }
  if (deletes.empty()) return true;
  if (catalog_.find(held.collection)->life == schema::LifeRule::kDeleteWins) return false;
  if (deletes.size() < life->second.size()) return true;  // Made or restored beside the delete.
  // It lives by any value that no delete has noticed. Who was shown a later write of its author in
  // the same privacy class counts as having noticed it.
  const schema::CollectionDef& collection = *collection_of(id);
  for (const auto& [where, values] : now) {
    if (where.first == kLifeField) continue;
    const auto noticed = [&, &at = where](const LiveValue& value) {
      return any_of(deletes, [&](const Taken* one) {
        return any_of(one->seen_of_record, [&](const auto& each) {
          const auto& [seen, names] = each;
          const auto name = names.lower_bound(value.name);
          return seen.first != kLifeField && name != names.end() &&
                 name->author == value.name.author &&
                 collection.find(seen.first)->privacy == collection.find(at.first)->privacy;
        });
      });
    };
    if (!std::ranges::all_of(values, noticed)) return true;
  }
  return false;
}

FieldView ReferenceModel::field_view(const RecordId& id, const FieldDef& field) const {
  FieldView shown;
  const Rule rule = rule_in_force(field.rule);
  const Rule each_rule = rule == Rule::kMap ? rule_in_force(field.values) : rule;
  const bool number = rule == Rule::kCounter || rule == Rule::kMax || rule == Rule::kMin;
  const RecordView now = view_of(id, field.id);
  for (const auto& [where, values] : now) {
    if (values.empty()) continue;
    const bool mark = each_rule == Rule::kStage && !where.second.empty();
    if (mark) continue;
    const LiveValue one = show(each_rule, field, values);
    if (each_rule == Rule::kStage) shown.contested |= is_contested(field, values);
    if (is_null(one.value)) continue;
    if (schema::is_map_rule(rule) && !number) {
      shown.items[where.second] = one.value;
    } else if (number && shown.present) {
      const std::int64_t sum = together(rule, integer(shown.value), integer(one.value));
      shown.value = encode_value(Value{sum});
    } else {
      shown.value = one.value;
    }
    shown.present = true;
  }
  if (field.reopening && shown.present && !shown.contested) {
    const auto at = now.find({field.id, Bytes{"reopened"}});
    const auto marks = at == now.end() ? std::vector<LiveValue>{} : at->second;
    const auto index = field.stages->find(text(shown.value));
    const bool moved = index && std::ranges::count(field.reopening->gate.reached, *index) > 0;
    if (moved && any_of(marks, [](const auto& one) { return is_true(one.value); }))
      shown.value = encode_value(Value{field.stages->stages[field.reopening->to]});
  }
  return shown;
}

std::vector<std::string> ReferenceModel::texts_of(const RecordId& id, const FieldDef& field) const {
  std::vector<std::string> texts;
  const FieldView shown = field_view(id, field);
  const auto add = [&](const Bytes& value) {
    if (const std::string words = text(value); !words.empty()) texts.push_back(words);
  };
  if (shown.present) add(shown.value);
  for (const auto& item : shown.items) add(item.first);
  return texts;
}

const schema::CollectionDef* ReferenceModel::collection_of(const RecordId& id) const {
  const Held* held = find(id);
  return held != nullptr ? catalog_.find(held->collection) : nullptr;
}

std::set<std::pair<RecordId, FieldId>> ReferenceModel::merged_by(const CommitName& name) const {
  std::set<std::pair<RecordId, FieldId>> fields;
  for (const ModelRecord& record : commits_.at(name).records) {
    RecordView now = view(record.id, kNow);
    for (const ModelWrite& write : record.writes) {
      const auto other = [&](const LiveValue& value) { return value.name != name; };
      const bool beside = any_of(now[place(write, name)], other);
      if (write.deed == Deed::kPut && beside) fields.insert({record.id, write.field});
    }
  }
  return fields;
}

}  // namespace satchel::sim
