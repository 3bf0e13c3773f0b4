#include "tests/sim/reference_scopes.hpp"

#include <algorithm>

namespace satchel::sim {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using std::ranges::any_of;

// A territory's holders are those who were given it; of everything else whom it names.
bool holds(const std::string& user, const std::set<std::string>& territories,
           const std::set<std::string>& scopes) {
  return any_of(scopes, [&](const std::string& scope) {
    const std::size_t colon = scope.find(':');
    const std::string name = scope.substr(colon + 1);
    return scope.substr(0, colon) == schema::kTerritoryKind ? territories.contains(name)
                                                            : name == user;
  });
}

// Where one of the spans, each from its own beginning to that of the next, touches [from, to].
template <class Each>
std::vector<Each> within(const std::vector<std::pair<Seq, Each>>& all, Seq from, Seq to) {
  std::vector<Each> found;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Seq end = i + 1 < all.size() ? all[i + 1].first : kNow;
    if (all[i].first <= to && (end > from || end == kNow)) found.push_back(all[i].second);
  }
  return found;
}

template <class Each>
const Each* at_moment(const std::vector<std::pair<Seq, Each>>& all, Seq at) {
  const Each* last = nullptr;
  for (const auto& [since, each] : all) {
    if (since <= at) last = &each;
  }
  return last;
}

}  // namespace

bool ReferenceScopes::is_everybodys(const RecordId& id) const {
  const CollectionDef* collection = texts_.collection_of(id);
  return collection != nullptr && std::ranges::count(collection->scopes, "all") > 0;
}

void ReferenceScopes::given(const std::string& user, const Territories& territories, Seq since) {
  auto& all = grants_[user];
  if (all.empty()) since = 0;
  if (all.empty() || all.back().second != territories) all.emplace_back(since, territories);
}

std::vector<RecordId> ReferenceScopes::along(const RecordId& id,
                                             const schema::ScopePath& path) const {
  std::vector<RecordId> records{id};
  for (const schema::ScopePath::Step& step : path.steps) {
    const CollectionDef* collection = texts_.collection_of(records.back());
    if (collection == nullptr || collection->id != step.collection) return records;
    const auto texts = texts_.texts_of(records.back(), *collection->find(step.field));
    const auto next = texts.empty() ? Result<RecordId>{Error{Errc::kRecordUnknown}}
                                    : parse_record_id(texts.front());
    if (!next) return records;
    records.push_back(*next);
  }
  return records;
}

bool ReferenceScopes::hangs_on(const RecordId& id, const std::set<RecordId>& roots) const {
  const CollectionDef* collection = texts_.collection_of(id);
  return collection != nullptr && any_of(collection->scope_paths, [&](const auto& path) {
           return any_of(along(id, path), [&](const RecordId& one) { return roots.contains(one); });
         });
}

ReferenceScopes::Scopes ReferenceScopes::scopes_of(const RecordId& id,
                                                   const std::string& maker) const {
  Scopes scopes;
  for (const schema::ScopePath& path : texts_.collection_of(id)->scope_paths) {
    const auto records = along(id, path);
    const CollectionDef* last = texts_.collection_of(records.back());
    const bool whole = records.size() == path.steps.size() + 1 && last != nullptr &&
                       last->id == path.end.collection;
    if (!whole) continue;
    for (const std::string& text : texts_.texts_of(records.back(), *last->find(path.end.field)))
      scopes.insert(path.kind + ':' + text);
  }
  // What says nothing of where it belongs is its maker's.
  if (scopes.empty()) scopes.insert("owner:" + maker);
  return scopes;
}

ReferenceScopes::Moves ReferenceScopes::taken(const std::vector<Written>& written,
                                              const std::string& user, Seq seq) {
  Moves moves;
  std::set<RecordId> moving;
  for (const Written& each : written) {
    const CollectionDef* collection = texts_.collection_of(each.id);
    const bool placing = any_of(each.fields, [&](FieldId id) {
      const FieldDef* field = collection->find(id);
      return field != nullptr && field->scoping;
    });
    if (each.fresh || each.anew || placing) moving.insert(each.id);
  }
  if (moving.empty()) return moves;
  for (const RecordId& id : texts_.records()) {
    if (is_everybodys(id) || !hangs_on(id, moving)) continue;
    const auto own = std::ranges::find(written, id, &Written::id);
    const bool fresh = own != written.end() && own->fresh;
    const auto makers =
        texts_.texts_of(id, *texts_.collection_of(id)->find(std::string_view{"createdBy"}));
    const Scopes scopes = scopes_of(id, fresh            ? user
                                        : makers.empty() ? std::string{}
                                                         : makers.front());
    Places& places = places_[id];
    // It begins with whoever makes it, even where he makes it for somebody else.
    if (fresh && own->by_device) places.emplace_back(seq, Scopes{"owner:" + user});
    if (!places.empty() && places.back().second == scopes) continue;
    const auto stays = [&](const std::string& scope) { return scopes.contains(scope); };
    moves.along = moves.along || own == written.end();
    moves.partly = moves.partly || (!places.empty() && any_of(places.back().second, stays) &&
                                    !std::ranges::all_of(places.back().second, stays));
    places.emplace_back(seq, scopes);
  }
  return moves;
}

void ReferenceScopes::restored(Seq seq, const Grants& grants) {
  for (auto& [id, places] : places_)
    std::erase_if(places, [&](const auto& each) { return each.first > seq; });
  std::erase_if(places_, [](const auto& each) { return each.second.empty(); });
  // People have what they have: that is put into the restored store at once.
  for (auto& [user, all] : std::exchange(grants_, grants)) given(user, all.back().second, seq + 1);
}

const ReferenceScopes::Places& ReferenceScopes::places_of(const RecordId& id) const {
  static const Places kNowhere;
  const auto at = places_.find(id);
  return at == places_.end() ? kNowhere : at->second;
}

std::string ReferenceScopes::told(const RecordId& id) const {
  std::string text;
  for (const auto& [since, scopes] : places_of(id)) {
    text += " " + std::to_string(since) + ":";
    for (const std::string& scope : scopes) text += scope + ",";
  }
  return text;
}

bool ReferenceScopes::entitled_at(const RecordId& id, const std::string& user, Seq at) const {
  if (texts_.collection_of(id) == nullptr) return false;
  if (is_everybodys(id)) return true;
  const auto granted = grants_.find(user);
  const Scopes* scopes = at_moment(places_of(id), at);
  const Territories* territories =
      granted == grants_.end() ? nullptr : at_moment(granted->second, at);
  return scopes != nullptr && holds(user, territories ? *territories : Territories{}, *scopes);
}

bool ReferenceScopes::entitled(const RecordId& id, const std::string& user, Seq from,
                               Seq to) const {
  if (texts_.collection_of(id) == nullptr) return false;
  if (is_everybodys(id)) return true;
  const auto granted = grants_.find(user);
  std::vector<Territories> had{Territories{}};
  if (granted != grants_.end()) had = within(granted->second, from, to);
  return any_of(within(places_of(id), from, to), [&](const Scopes& scopes) {
    return any_of(had, [&](const Territories& each) { return holds(user, each, scopes); });
  });
}

bool ReferenceScopes::goes_later(const RecordId& id, const std::string& user, Seq at) const {
  const Scopes* then = at_moment(places_of(id), at);
  const auto granted = grants_.find(user);
  if (then == nullptr || granted == grants_.end()) return false;
  return any_of(*then, [&](const std::string& scope) {
    return !places_of(id).back().second.contains(scope) &&
           any_of(granted->second,
                  [&](const auto& had) { return holds(user, had.second, {scope}); });
  });
}

bool ReferenceScopes::stays(const RecordId& id, const std::string& user, Seq from) const {
  if (texts_.collection_of(id) == nullptr) return false;
  if (is_everybodys(id)) return true;
  const auto places = within(places_of(id), from, kNow);
  const auto granted = grants_.find(user);
  const auto had =
      granted == grants_.end() ? std::vector<Territories>{} : within(granted->second, from, kNow);
  // It was there then, and one scope has had it, and he that scope, in every span since.
  const bool there = !places.empty() && places_of(id).front().first <= from;
  return there && any_of(places.back(), [&](const std::string& scope) {
           return std::ranges::all_of(places,
                                      [&](const auto& each) { return each.contains(scope); }) &&
                  std::ranges::all_of(had,
                                      [&](const auto& each) { return holds(user, each, {scope}); });
         });
}

}  // namespace satchel::sim
