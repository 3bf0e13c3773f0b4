#include "sync/merge/life.hpp"

#include <algorithm>
#include <map>

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"

namespace satchel::sync {
namespace {

constexpr std::uint16_t kClassMember = 0;
constexpr std::uint16_t kObservedMember = 1;
constexpr std::size_t kDotBytes = 16 + 8;

Error malformed() { return Error{Errc::kRecordMalformed, "a life value does not follow its form"}; }

Data data_of(const Context& context) {
  Data data;
  for (const Dot& dot : context.entries()) {
    data.bytes += dot.replica.bytes();
    append_u64_big(data.bytes, dot.commit);
  }
  return data;
}

Result<Context> context_of(ByteView bytes) {
  if (bytes.empty() || bytes.size() % kDotBytes != 0) return malformed();
  if (bytes.size() / kDotBytes > limits::kEntriesMax) return malformed();
  Context context;
  ByteReader in{bytes};
  ReplicaId last;
  while (in.left() > 0) {
    Dot dot;
    dot.replica = *ReplicaId::from_bytes(in.take(16));
    dot.commit = in.u64_big();
    if (dot.commit == 0 || (!context.empty() && dot.replica <= last)) return malformed();
    last = dot.replica;
    context.observe(dot);
  }
  return context;
}

Result<ObservedClass> observed_class(const Value& value) {
  const auto* members = value.as<StructMembers>();
  if (members == nullptr || members->size() != 2) return malformed();
  const auto* privacy = (*members)[0].second.as<std::int64_t>();
  const auto* data = (*members)[1].second.as<Data>();
  const bool named = (*members)[0].first == kClassMember && (*members)[1].first == kObservedMember;
  if (!named || privacy == nullptr || data == nullptr) return malformed();
  if (*privacy <= 0 || *privacy > 0xFF) return malformed();
  Result<Context> context = context_of(data->bytes);
  if (!context) return context.error();
  return ObservedClass{static_cast<PrivacyClass>(*privacy), std::move(*context)};
}

// The siblings of the life register, decoded once.
struct LifeSiblings {
  bool any_alive = false;
  std::vector<Life> deletes;
  std::vector<Dot> dots;  // Of the deletes.
};

LifeSiblings siblings_of(const Record& record) {
  LifeSiblings siblings;
  const Entry* entry = record.find(kLifeField);
  if (entry == nullptr) return siblings;
  for (const Sibling& sibling : entry->state.siblings) {
    Result<Life> life = decode_life(sibling.value);
    if (!life || !life->dead) {
      siblings.any_alive = true;
    } else {
      siblings.deletes.push_back(std::move(*life));
      siblings.dots.push_back(sibling.dot);
    }
  }
  return siblings;
}

bool observed_by_any(const std::vector<Life>& deletes, PrivacyClass privacy, const Dot& dot) {
  return std::any_of(deletes.begin(), deletes.end(),
                     [&](const Life& life) { return life.has_observed(privacy, dot); });
}

template <class Visit>
void for_each_unobserved(const Record& record, const std::vector<Life>& deletes, Visit&& visit) {
  for (const Entry& entry : record.entries) {
    if (entry.field == kLifeField || entry.withheld) continue;
    for (const Sibling& sibling : entry.state.siblings) {
      if (observed_by_any(deletes, entry.privacy, sibling.dot)) continue;
      if (!visit(sibling.dot)) return;
    }
  }
}

bool lives(const LifeSiblings& siblings, bool edited, schema::LifeRule rule) {
  if (siblings.deletes.empty()) return true;
  return rule == schema::LifeRule::kEditWins && (siblings.any_alive || edited);
}

}  // namespace

bool Life::has_observed(PrivacyClass privacy, const Dot& dot) const {
  for (const ObservedClass& each : observed) {
    if (each.privacy == privacy) return each.observed.covers(dot);
  }
  return false;
}

Bytes encode_life(const Life& life) {
  if (!life.dead) return encode_value(Value{true});
  ListElements classes;
  for (const ObservedClass& each : life.observed) {
    classes.emplace_back(
        StructMembers{{kClassMember, Value{static_cast<std::int64_t>(each.privacy)}},
                      {kObservedMember, Value{data_of(each.observed)}}});
  }
  return encode_value(Value{std::move(classes)});
}

Result<Life> decode_life(ByteView bytes) {
  const Result<Value> value = decode_value(bytes);
  if (!value) return value.error();
  Life life;
  if (const auto* alive = value->as<bool>()) {
    if (!*alive) return malformed();
    return life;
  }
  const auto* classes = value->as<ListElements>();
  if (classes == nullptr) return malformed();
  life.dead = true;
  for (const Value& each : *classes) {
    Result<ObservedClass> observed = observed_class(each);
    if (!observed) return observed.error();
    if (!life.observed.empty() && observed->privacy <= life.observed.back().privacy) {
      return malformed();
    }
    life.observed.push_back(std::move(*observed));
  }
  return life;
}

Bytes alive_life() { return encode_life({}); }

Bytes make_dead(const Record& shown) {
  std::map<PrivacyClass, Context> classes;
  for (const Entry& entry : shown.entries) {
    if (entry.field == kLifeField || entry.state.context.empty()) continue;
    classes[entry.privacy].join_with(entry.state.context);
  }
  Life life;
  life.dead = true;
  for (auto& [privacy, observed] : classes) life.observed.push_back({privacy, std::move(observed)});
  return encode_life(life);
}

LifeReading read_life(const Record& record, schema::LifeRule rule) {
  LifeReading reading;
  LifeSiblings siblings = siblings_of(record);
  if (siblings.deletes.empty()) return reading;
  for_each_unobserved(record, siblings.deletes, [&](const Dot& dot) {
    reading.unobserved.push_back(dot);
    return true;
  });
  std::sort(reading.unobserved.begin(), reading.unobserved.end());
  const auto last = std::unique(reading.unobserved.begin(), reading.unobserved.end());
  reading.unobserved.erase(last, reading.unobserved.end());
  reading.edited_after_death = !reading.unobserved.empty();
  reading.alive = lives(siblings, reading.edited_after_death, rule);
  reading.deletes = std::move(siblings.dots);
  return reading;
}

bool is_alive(const Record& record, schema::LifeRule rule) {
  const LifeSiblings siblings = siblings_of(record);
  bool edited = false;
  if (!siblings.deletes.empty() && rule == schema::LifeRule::kEditWins && !siblings.any_alive) {
    for_each_unobserved(record, siblings.deletes, [&](const Dot&) {
      edited = true;
      return false;
    });
  }
  return lives(siblings, edited, rule);
}

}  // namespace satchel::sync
